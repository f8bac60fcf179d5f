#include "compress_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "manifest.h"
#include "options.h"
#include "quantity.h"
#include "report_page.h"

namespace omni::cli {

namespace {

constexpr size_t kMostBars = 60;  // more are no longer told apart
constexpr size_t kMostRows = 500;

std::string percent(const std::optional<double>& share) { return share ? fixed_text(*share * 100, 2) : ""; }
std::string decibels(const std::optional<double>& snr) { return snr ? fixed_text(*snr, 1) : ""; }
double bytes_of(int64_t bytes) { return static_cast<double>(bytes); }
std::string smaller_text(const CompressAnswer& a) {
  return fixed_text(std::abs(1 - bytes_of(a.after) / bytes_of(a.before)) * 100, 1) + (a.after <= a.before ? " % smaller than " : " % larger than ") +
         a.from;
}

Json layers_json(const std::vector<LayerReport>& layers) {
  Json list = Json::array();
  for (const LayerReport& layer : layers) {
    Json entry = Json::object();
    entry.set("name", layer.name).set("operator", layer.op).set("action", layer.action).set("reason", layer.reason).set("elements", layer.elements);
    entry.set("before_bytes", layer.bytes_before).set("after_bytes", layer.bytes_after);
    if (layer.snr_db) entry.set("snr_db", *layer.snr_db);
    list.push(std::move(entry));
  }
  return list;
}

Json activations_json(const std::vector<ActivationReport>& activations) {
  Json list = Json::array();
  for (const ActivationReport& range : activations) {
    Json entry = Json::object();
    entry.set("name", range.name).set("min", range.min).set("max", range.max).set("low", range.low).set("high", range.high);
    list.push(std::move(entry.set("snr_db", range.snr_db)));
  }
  return list;
}

Json change_json(const ModelChange& c) {
  Json json = Json::object();
  json.set("before_bytes", c.bytes_before).set("after_bytes", c.bytes_after);
  if (c.latency_before) {
    json.set("before_ms", *c.latency_before * 1e3).set("after_ms", *c.latency_after * 1e3);
    json.set("latency_ratio", c.latency_ratio).set("latency_low", c.latency_low).set("latency_high", c.latency_high);
  }
  if (c.accuracy_before) json.set("before_accuracy", *c.accuracy_before).set("after_accuracy", *c.accuracy_after);
  if (c.error_before) json.set("before_error", *c.error_before).set("after_error", *c.error_after);
  if (c.samples > 0) json.set("gain", c.gain).set("gain_low", c.gain_low).set("gain_high", c.gain_high).set("samples", c.samples);
  return json.set("text", c.text);
}

Json steps_json(const std::vector<StepReport>& steps) {
  Json list = Json::array();
  for (const StepReport& step : steps) {
    Json json = Json::object();
    json.set("step", step.step).set("options", step.options).set("applied", step.applied).set("required", step.required).set("reason", step.reason);
    if (step.change) json.set("change", change_json(*step.change));
    json.set("time_s", step.seconds).set("layers", layers_json(step.layers)).set("activations", activations_json(step.activations));
    list.push(std::move(json.set("notes", Json::array(step.notes))));
  }
  return list;
}

Json values_json(const Comparison& comparison) {
  Json list = Json::array();
  for (const auto* values : {&comparison.values, &comparison.outputs}) {
    for (const ValueError& v : *values) {
      list.push(std::move(Json::object().set("name", v.name).set("relative_error", v.relative).set("max_abs_error", v.max_abs)));
    }
  }
  return list;
}

// Of every step that was applied, the last one's where several measured the same tensor.
std::vector<ActivationReport> activations_of(const RecipeReport& report) {
  std::vector<ActivationReport> all;
  for (const StepReport& step : report.steps) {
    for (const ActivationReport& a : step.activations) {
      if (!step.applied) continue;
      std::erase_if(all, [&](const ActivationReport& other) { return other.name == a.name; });
      all.push_back(a);
    }
  }
  return all;
}

std::vector<std::string> notes_of(const RecipeReport& report) {
  std::vector<std::string> notes = report.notes;
  for (const StepReport& step : report.steps) {
    if (step.applied) notes.insert(notes.end(), step.notes.begin(), step.notes.end());
  }
  return notes;
}

std::string sentence(const RecipeReport& report, const CompressAnswer& a) {
  if (a.after == 0) return "no step pays: nothing was written";
  std::string text = a.to + ": " + bytes_text(bytes_of(a.after)) + ", " + smaller_text(a);
  if (report.whole && a.steps) text += "; " + report.whole->text;
  return text;
}

std::vector<std::string> step_row(const StepReport& step) {
  std::vector<std::string> row = {step.step, step.applied ? "applied" : "not applied"};
  if (!step.change) {
    row.insert(row.end(), {"", "", "", ""});
  } else {
    const ModelChange& c = *step.change;
    row.push_back(bytes_text(bytes_of(c.bytes_before)) + " → " + bytes_text(bytes_of(c.bytes_after)));
    row.push_back(
        c.latency_before
            ? fixed_text(1 / c.latency_ratio, 2) +
                  (c.latency_low == c.latency_high ? "" : " (" + fixed_text(1 / c.latency_high, 2) + " to " + fixed_text(1 / c.latency_low, 2) + ")")
            : "");
    row.push_back(c.accuracy_before ? percent(c.accuracy_before) + " → " + percent(c.accuracy_after)
                  : c.error_before  ? number_text(*c.error_before) + " → " + number_text(*c.error_after)
                                    : "");
    const double unit = c.accuracy_before ? 100 : 1;
    row.push_back(c.samples > 0
                      ? number_text(c.gain * unit, 3) + " (" + number_text(c.gain_low * unit, 3) + " to " + number_text(c.gain_high * unit, 3) + ")"
                      : "");
  }
  row.push_back(step.reason);
  return row;
}

const std::vector<std::string> kStepHeads = {"step", "verdict", "bytes", "times as fast", "accuracy % or squared error", "better by (95 % interval)",
                                             "why"};

// The first `most`, in their order, of the largest by `size`.
template <class T, class Size>
std::vector<T> largest(std::vector<T> all, size_t most, Size&& size) {
  if (all.size() <= most) return all;
  std::vector<double> sizes;
  for (const T& one : all) sizes.push_back(size(one));
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(most - 1), sizes.end(), std::greater<>());
  const double bound = sizes[most - 1];
  std::erase_if(all, [&](const T& one) { return size(one) < bound; });
  all.resize(std::min(all.size(), most));
  return all;
}

ReportSection layers_section(const RecipeReport& report) {
  ReportSection section{"Sizes by layer", "", {"weight", "operator", "elements>", "before>", "after>", "stored as", "SNR, dB>", "why"}, {}, {}};
  const auto size = [](const LayerReport& l) { return bytes_of(l.bytes_before); };
  for (const LayerReport& l : largest(report.layers, kMostRows, size)) {
    section.rows.push_back({l.name, l.op, grouped_text(l.elements), bytes_text(bytes_of(l.bytes_before)), bytes_text(bytes_of(l.bytes_after)),
                            l.action, decibels(l.snr_db), l.reason});
  }
  if (section.rows.size() < report.layers.size())
    section.text = "The largest " + std::to_string(section.rows.size()) + " of " + std::to_string(report.layers.size()) + ".";
  ReportChart chart{"Bytes of weights", "kB", true, true, {}, {{"before", {}}, {"after", {}}}};
  for (const LayerReport& l : largest(report.layers, kMostBars, size)) {
    chart.labels.push_back(l.name);
    chart.series[0].values.push_back(bytes_of(l.bytes_before) / 1e3);
    chart.series[1].values.push_back(bytes_of(l.bytes_after) / 1e3);
  }
  section.charts.push_back(std::move(chart));
  return section;
}

ReportSection ranges_section(const std::vector<ActivationReport>& activations) {
  ReportSection section{"Ranges of activations",
                        "As they were seen on the calibration samples, as they are quantized, and the signal-to-noise ratio of that.",
                        {"tensor", "min>", "max>", "low>", "high>", "SNR, dB>"},
                        {},
                        {}};
  ReportChart chart{"Signal-to-noise ratio of quantized activations", "dB", false, true, {}, {{"SNR", {}}}};
  for (const ActivationReport& a : activations) {
    if (section.rows.size() == kMostRows) break;
    section.rows.push_back({a.name, number_text(a.min), number_text(a.max), number_text(a.low), number_text(a.high), fixed_text(a.snr_db, 1)});
  }
  for (const ActivationReport& a : largest(activations, kMostBars, [](const ActivationReport& r) { return -r.snr_db; })) {
    chart.labels.push_back(a.name);
    chart.series[0].values.push_back(a.snr_db);
  }
  section.charts.push_back(std::move(chart));
  return section;
}

ReportSection drift_section(const Comparison& comparison) {
  ReportSection section{
      "Where values drift", "No value differs from the model's by a tenth or more.", {"value", "relative error, %>", "largest difference>"}, {}, {}};
  if (comparison.first_drift) {
    section.text = printable(comparison.first_drift->name) +
                   " is the first value, in the order of the network, whose error is a tenth of it or more: " +
                   fixed_text(comparison.first_drift->relative * 100, 1) + " %.";
  }
  section.text += " Measured on " + std::to_string(comparison.samples) + " samples, as root mean squares.";
  ReportChart chart{"Relative error along the network", "%", true, true, {}, {{"error", {}}}};
  for (const auto* values : {&comparison.values, &comparison.outputs}) {
    for (const ValueError& v : *values) {
      if (section.rows.size() < kMostRows) section.rows.push_back({v.name, fixed_text(v.relative * 100, 3), number_text(v.max_abs)});
      if (chart.labels.size() >= kMostBars) continue;
      chart.labels.push_back(v.name);
      chart.series[0].values.push_back(v.relative * 100);
    }
  }
  section.charts.push_back(std::move(chart));
  return section;
}

ReportSection list_section(std::string title, std::string text, const std::vector<std::string>& lines) {
  ReportSection section{std::move(title), std::move(text), {"what", "why"}, {}, {}};
  for (const std::string& line : lines) {
    const size_t mark = line.find(": ");
    section.rows.push_back(mark == std::string::npos ? std::vector<std::string>{"", line}
                                                     : std::vector<std::string>{line.substr(0, mark), line.substr(mark + 2)});
  }
  return section;
}

std::vector<ReportChart> step_charts(const RecipeReport& report) {
  ReportChart size{"Size of the model", "kB", true, true, {}, {{"size", {}}}},
      latency{"Latency, one thread", "µs", true, true, {}, {{"before the step", {}}, {"after it", {}}}};
  ReportChart accuracy{"Accuracy, axis not from 0", "%", false, false, {}, {{"accuracy", {}}}};
  const auto start = [&](ReportChart& chart, double value) {
    chart.labels.emplace_back("as it was");
    chart.series[0].values.push_back(value);
  };
  for (const StepReport& step : report.steps) {
    if (!step.change) continue;
    if (size.labels.empty()) {
      start(size, bytes_of(step.change->bytes_before) / 1e3);
      if (step.change->accuracy_before) start(accuracy, *step.change->accuracy_before * 100);
    }
    const std::string label = step.step + (step.applied ? "" : " (not applied)");
    size.labels.push_back(label);
    size.series[0].values.push_back(bytes_of(step.change->bytes_after) / 1e3);
    if (step.change->accuracy_after) {
      accuracy.labels.push_back(label);
      accuracy.series[0].values.push_back(*step.change->accuracy_after * 100);
    }
    if (!step.change->latency_before) continue;
    latency.labels.push_back(label);
    latency.series[0].values.push_back(*step.change->latency_before * 1e6);
    latency.series[1].values.push_back(*step.change->latency_after * 1e6);
  }
  std::vector<ReportChart> charts;
  if (!size.labels.empty()) charts.push_back(size);
  if (!latency.labels.empty()) charts.push_back(latency);
  if (!accuracy.labels.empty()) charts.push_back(accuracy);
  return charts;
}

}  // namespace

void print_answer(Output& output, const RecipeReport& report, const CompressAnswer& a) {
  const std::vector<std::string> notes = notes_of(report);
  Json& result = output.result();
  if (a.after > 0)
    result.set("path", a.to).set("size_bytes", a.after).set("reduction", a.before > 0 ? 1 - bytes_of(a.after) / bytes_of(a.before) : 0.0);
  result.set("layers", layers_json(report.layers)).set("activations", activations_json(activations_of(report))).set("notes", Json::array(notes));
  if (a.steps) {
    result.set("key", report.key)
        .set("applied", report.applied)
        .set("resumed", report.resumed)
        .set("steps", steps_json(report.steps));
    if (report.whole) result.set("whole", change_json(*report.whole));
    result.set("float_nodes", Json::array(report.float_nodes));
    if (report.values) {
      result.set("values", values_json(*report.values));
      result.set("first_drift", report.values->first_drift ? Json(report.values->first_drift->name) : Json());
    }
    Table table({"step", "verdict", "what it changed"});
    for (const StepReport& step : report.steps) table.row({step.step, step.applied ? "applied" : "not applied", step.reason});
    output.table(table);
  }
  Table layers({"weight", "operator", "elements>", "before>", "after>", "action", "reason"});
  for (const LayerReport& l : report.layers) {
    layers.row(
        {l.name, l.op, grouped_text(l.elements), bytes_text(bytes_of(l.bytes_before)), bytes_text(bytes_of(l.bytes_after)), l.action, l.reason});
  }
  if (a.layers) output.table(layers);
  for (const std::string& note : a.layers || output.verbose() ? notes : report.notes) output.line(note);
  output.line(sentence(report, a));
}

void save_report(const Arguments& arguments, Output& output, const RecipeReport& report, const CompressAnswer& a) {
  const std::string folder = arguments.text("--report");
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw Error(ErrorCode::kMachine, "cannot make the directory: " + failed.message(), folder);
  ReportPage page;
  page.title = "OmniMind Edge: " + a.from + " compressed";
  page.answer = sentence(report, a);
  page.heads = kStepHeads;
  for (const StepReport& step : report.steps) page.rows.push_back(step_row(step));
  page.charts = step_charts(report);
  page.sections.push_back(layers_section(report));
  if (const auto activations = activations_of(report); !activations.empty()) page.sections.push_back(ranges_section(activations));
  if (report.values) page.sections.push_back(drift_section(*report.values));
  if (!report.float_nodes.empty()) page.sections.push_back(list_section("What is computed in float", "", report.float_nodes));
  const std::vector<std::string> notes = notes_of(report);
  if (!notes.empty()) page.sections.push_back(list_section("What was left as it was, and other remarks", "", notes));
  std::string command = "omni";
  for (const std::string& word : arguments.words()) command += " " + shell_word(word);
  page.commands = {command, "", "# what was applied, as a recipe:", report.applied};
  const auto path = [&](const char* name) { return (std::filesystem::path(folder) / name).string(); };
  write_file(path("report.html"), html(page), true);
  write_file(path("report.json"), output.result().text(true) + "\n", true);
  std::vector<std::string> outputs = {path("report.html"), path("report.json")};
  if (a.after > 0) outputs.push_back(a.to);
  write_manifest(folder, arguments, {a.from}, outputs);
  output.result().set("report", path("report.html"));
  output.line("report: " + path("report.html"));
}

}  // namespace omni::cli
