#include "compress/recipe/step_records.h"

#include "core/error.h"

namespace omni::compress {

namespace {

std::string numbered(const std::string& prefix, const char* what, size_t i) { return prefix + "/" + what + "/" + std::to_string(i); }

JournalRecord record_of(const std::string& key, const LayerReport& layer) {
  JournalRecord record{key, {{"name", layer.name}, {"op", layer.op}, {"action", layer.action}, {"reason", layer.reason}}};
  record.fields["elements"] = layer.elements;
  record.fields["before"] = static_cast<int64_t>(layer.bytes_before);
  record.fields["after"] = static_cast<int64_t>(layer.bytes_after);
  if (layer.snr_db) record.fields["snr_db"] = *layer.snr_db;
  return record;
}

LayerReport layer_of(const JournalRecord& record) {
  LayerReport layer;
  layer.name = record.text("name");
  layer.op = record.text("op");
  layer.action = record.text("action");
  layer.reason = record.text("reason");
  layer.elements = record.integer("elements");
  layer.bytes_before = static_cast<size_t>(record.integer("before"));
  layer.bytes_after = static_cast<size_t>(record.integer("after"));
  layer.snr_db = record.maybe_number("snr_db");
  return layer;
}

JournalRecord record_of(const std::string& key, const TensorReport& tensor) {
  return {key,
          {{"name", tensor.name},
           {"min", static_cast<double>(tensor.min)},
           {"max", static_cast<double>(tensor.max)},
           {"low", tensor.range.lo},
           {"high", tensor.range.hi},
           {"snr_db", tensor.snr_db}}};
}

TensorReport tensor_of(const JournalRecord& record) {
  return {record.text("name"),
          static_cast<float>(record.number("min")),
          static_cast<float>(record.number("max")),
          {record.number("low"), record.number("high")},
          record.number("snr_db")};
}

const JournalRecord& require(const Journal& journal, const std::string& key) {
  if (const JournalRecord* found = journal.find(key)) return *found;
  throw Error(ErrorCode::kInvalidData, "the record " + quoted(key) + " is missing", "journal", "begin anew with --restart");
}

}  // namespace

std::vector<JournalRecord> records_of(const std::string& prefix, const StepDone& done) {
  std::vector<JournalRecord> records;
  for (size_t i = 0; i < done.layers.size(); ++i) records.push_back(record_of(numbered(prefix, "layer", i), done.layers[i]));
  for (size_t i = 0; i < done.tensors.size(); ++i) records.push_back(record_of(numbered(prefix, "tensor", i), done.tensors[i]));
  for (size_t i = 0; i < done.notes.size(); ++i) records.push_back({numbered(prefix, "note", i), {{"text", done.notes[i]}}});
  JournalRecord last{prefix, {{"sha256", done.sha256}, {"seconds", done.seconds}}};
  last.fields["layers"] = static_cast<int64_t>(done.layers.size());
  last.fields["tensors"] = static_cast<int64_t>(done.tensors.size());
  last.fields["notes"] = static_cast<int64_t>(done.notes.size());
  records.push_back(std::move(last));
  return records;
}

std::optional<StepDone> find_done(const Journal& journal, const std::string& prefix) {
  const JournalRecord* record = journal.find(prefix);
  if (record == nullptr) return std::nullopt;
  StepDone done;
  done.sha256 = record->text("sha256");
  done.seconds = record->number("seconds");
  for (int64_t i = 0; i < record->integer("layers"); ++i)
    done.layers.push_back(layer_of(require(journal, numbered(prefix, "layer", static_cast<size_t>(i)))));
  for (int64_t i = 0; i < record->integer("tensors"); ++i)
    done.tensors.push_back(tensor_of(require(journal, numbered(prefix, "tensor", static_cast<size_t>(i)))));
  for (int64_t i = 0; i < record->integer("notes"); ++i)
    done.notes.push_back(require(journal, numbered(prefix, "note", static_cast<size_t>(i))).text("text"));
  return done;
}

JournalRecord record_of(const std::string& key, const StepChange::Latency& l) {
  return {key, {{"before", l.before}, {"after", l.after}, {"ratio", l.ratio}, {"low", l.low}, {"high", l.high}}};
}

StepChange::Latency latency_of(const JournalRecord& record) {
  return {record.number("before"), record.number("after"), record.number("ratio"), record.number("low"), record.number("high")};
}

}  // namespace omni::compress
