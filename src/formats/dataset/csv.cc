#include "formats/dataset/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "core/error.h"

namespace omni::formats {

namespace {

constexpr size_t kNoColumn = SIZE_MAX;
constexpr size_t kMaxColumns = 1 << 20;

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

std::optional<double> number_of(std::string_view cell) {
  cell = trimmed(cell);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto result = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (result.ec != std::errc() || result.ptr != cell.data() + cell.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Cells line by line, the numbers of the lines with them.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where) : text_(text), where_(where) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  // The next line that is not empty; false at the end.
  bool next(std::vector<std::string>& cells) {
    cells.clear();
    while (at_ < text_.size()) {
      line_ = next_line_;
      if (skip_line_end()) continue;
      read_line(cells);
      return true;
    }
    return false;
  }

  size_t line() const { return line_; }
  std::string place(size_t column) const { return where_ + ", line " + std::to_string(line_) + ", column " + std::to_string(column + 1); }

 private:
  bool skip_line_end() {
    if (text_.substr(at_).starts_with("\r\n")) {
      at_ += 2;
    } else if (text_[at_] == '\n') {
      ++at_;
    } else {
      return false;
    }
    ++next_line_;
    return true;
  }
  void read_line(std::vector<std::string>& cells) {
    for (;;) {
      if (cells.size() >= kMaxColumns) throw Error(ErrorCode::kUnsupported, "more than " + std::to_string(kMaxColumns) + " columns", place(cells.size()));
      cells.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_cell(cells.size()) : plain_cell());
      if (at_ >= text_.size() || skip_line_end()) return;
      if (text_[at_] != ',') throw Error(ErrorCode::kInvalidData, "text behind a quoted field", place(cells.size() - 1), "put the whole field in quotes");
      ++at_;
    }
  }
  std::string plain_cell() {
    const size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
    size_t last = end;
    if (last > at_ && end < text_.size() && text_[end] == '\n' && text_[last - 1] == '\r') --last;
    const std::string cell(text_.substr(at_, last - at_));
    at_ = last;
    return cell;
  }
  std::string quoted_cell(size_t column) {
    std::string cell;
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) throw Error(ErrorCode::kInvalidData, "a quoted field without end", place(column), "close it with \"");
      if (text_[at_] == '\n') ++next_line_;
      if (text_[at_] != '"') {
        cell += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        cell += text_[at_++];
      } else {
        ++at_;
        return cell;
      }
    }
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0, line_ = 1, next_line_ = 1;
};

size_t find_label(std::string_view label, const std::vector<std::string>& first, const std::string& where) {
  if (label == "none") return kNoColumn;
  if (label.empty()) return first.size() - 1;
  for (size_t i = 0; i < first.size(); ++i) {
    if (trimmed(first[i]) == label) return i;
  }
  size_t number = 0;
  const auto result = std::from_chars(label.data(), label.data() + label.size(), number);
  if (result.ec == std::errc() && result.ptr == label.data() + label.size() && number >= 1 && number <= first.size()) return number - 1;
  throw Error(ErrorCode::kInvalidArgument, "there is no column " + quoted(label) + " (there are " + std::to_string(first.size()) + ")", where,
              did_you_mean(label, first));
}

// Whether the first line names the columns: a cell outside the target's column that is no number, or the target's own name.
bool is_header(const std::vector<std::string>& first, size_t target, std::string_view label) {
  for (size_t i = 0; i < first.size(); ++i) {
    const bool word = !trimmed(first[i]).empty() && !number_of(first[i]);
    if (word && (i != target || trimmed(first[i]) == label)) return true;
  }
  return false;
}

struct Targets {
  std::vector<std::string> words;
  std::vector<double> values;
  bool all_numbers = true, all_labels = true;

  void add(const std::string& cell) {
    words.emplace_back(trimmed(cell));
    const std::optional<double> value = number_of(cell);
    values.push_back(value.value_or(0));
    all_numbers = all_numbers && value;
    all_labels = all_labels && value && *value >= 0 && *value < 0x1p31 && *value == std::floor(*value);
  }
};

void make_target(CsvTable& table, const Targets& targets, TargetKind kind, const std::string& where) {
  const Shape shape{static_cast<int64_t>(targets.values.size())};
  if (kind == TargetKind::kValue || (targets.all_numbers && !targets.all_labels)) {
    if (!targets.all_numbers) throw Error(ErrorCode::kInvalidData, "the target column " + quoted(table.target_name) + " holds words, not values", where);
    if (kind == TargetKind::kLabel) {
      throw Error(ErrorCode::kInvalidData, "the target column " + quoted(table.target_name) + " holds values, not class labels", where,
                  "labels are integers from 0, or words");
    }
    table.target = from_double(DType::kF32, shape, targets.values);
    return;
  }
  if (targets.all_labels) {
    table.target = from_double(DType::kI64, shape, targets.values);
    return;
  }
  std::map<std::string, int64_t> classes;
  for (const std::string& word : targets.words) classes.emplace(word, 0);
  for (auto& [word, index] : classes) {
    index = static_cast<int64_t>(table.class_names.size());
    table.class_names.push_back(word);
  }
  table.target = Tensor(DType::kI64, shape);
  for (size_t i = 0; i < targets.words.size(); ++i) table.target.mutable_values<int64_t>()[i] = classes.at(targets.words[i]);
}

}  // namespace

CsvTable parse_csv(std::string_view text, std::string_view label, TargetKind kind, const std::string& where) {
  CsvReader reader(text, where);
  std::vector<std::string> cells;
  if (!reader.next(cells)) throw Error(ErrorCode::kInvalidData, "the file has no rows", where);
  const size_t width = cells.size(), target = find_label(label, cells, where);
  const bool header = is_header(cells, target, label);
  CsvTable table;
  for (size_t i = 0; i < width; ++i) {
    const std::string name = header ? std::string(trimmed(cells[i])) : "column " + std::to_string(i + 1);
    if (i == target) {
      table.target_name = name.empty() ? "target" : name;
    } else {
      table.columns.push_back(name);
    }
  }
  if (table.columns.empty()) {
    throw Error(ErrorCode::kInvalidData, "the only column is the target", where, "separate columns by commas, or say that there is no target");
  }

  std::vector<float> features;
  Targets targets;
  int64_t rows = 0;
  for (bool more = !header || reader.next(cells); more; more = reader.next(cells), ++rows) {
    if (cells.size() != width) {
      throw Error(ErrorCode::kInvalidData, std::to_string(cells.size()) + " fields where the first line has " + std::to_string(width),
                  where + ", line " + std::to_string(reader.line()));
    }
    for (size_t i = 0; i < width; ++i) {
      if (i == target) {
        if (trimmed(cells[i]).empty()) throw Error(ErrorCode::kInvalidData, "the target is missing", reader.place(i));
        targets.add(cells[i]);
        continue;
      }
      const std::optional<double> value = number_of(cells[i]);
      if (!value || !std::isfinite(static_cast<float>(*value))) {
        throw Error(ErrorCode::kInvalidData, trimmed(cells[i]).empty() ? "a value is missing" : quoted(cells[i]) + " is not a finite f32 number",
                    reader.place(i), "fill in or remove the row");
      }
      features.push_back(static_cast<float>(*value));
    }
  }
  if (rows == 0) throw Error(ErrorCode::kInvalidData, "there are no rows below the header", where);
  table.features = Tensor::of<float>({rows, static_cast<int64_t>(table.columns.size())}, std::span<const float>(features));
  if (target != kNoColumn) make_target(table, targets, kind, where);
  return table;
}

}  // namespace omni::formats
