#include "output.h"

#include <algorithm>

#include "interrupt.h"
#include "progress_bar.h"

namespace omni::cli {

namespace {

// Columns a UTF-8 text takes: its code points.
size_t columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void append_cell(std::string& line, std::string_view cell, size_t width, bool right, bool last) {
  const std::string gap(width - std::min(width, columns(cell)), ' ');
  if (right) line += gap;
  line += cell;
  if (!right && !last) line += gap;
}

}  // namespace

Table::Table(std::vector<std::string> heads) : heads_(std::move(heads)), right_(heads_.size()) {
  for (size_t i = 0; i < heads_.size(); ++i) {
    right_[i] = heads_[i].ends_with('>');
    if (right_[i]) heads_[i].pop_back();
  }
}

std::string Table::text(bool aligned) const {
  std::string text;
  std::vector<size_t> widths(heads_.size());
  const auto widen = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], columns(cells[i]));
  };
  widen(heads_);
  for (const auto& row : rows_) widen(row);
  const auto print = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += aligned ? "  " : "\t";
      if (aligned) {
        append_cell(line, cells[i], widths[i], right_[i], i + 1 == cells.size());
      } else {
        line += cells[i];
      }
    }
    text += line + "\n";
  };
  print(heads_);
  for (const auto& row : rows_) print(row);
  return text;
}

Output::Output(Terminal& terminal, std::string command, Settings settings) : terminal_(terminal), command_(std::move(command)), settings_(settings) {}

Output::~Output() = default;

void Output::write(std::string_view text) {
  end_progress();
  terminal_.out << text;
}

void Output::line(std::string_view text) {
  if (!settings_.json && !settings_.quiet) write(std::string(text) + "\n");
}

void Output::table(const Table& table) {
  if (!settings_.json && !settings_.quiet) write(table.text(terminal_.out_is_terminal));
}

void Output::warn(std::string_view text) {
  warnings_.push(Json(text));
  if (settings_.quiet) return;
  end_progress();
  terminal_.err << "warning: " << text << "\n";
}

Progress Output::progress(std::string label) {
  end_progress();
  ProgressStyle style = settings_.quiet ? ProgressStyle::kNone : settings_.progress;
  if (style == ProgressStyle::kAuto && !terminal_.err_is_terminal) style = ProgressStyle::kPlain;
  bar_ = std::make_unique<ProgressBar>(terminal_, std::move(label), style);
  return [this](double fraction, std::string_view text) {
    if (bar_) bar_->update(fraction, text);
    return !interrupted();
  };
}

void Output::end_progress() {
  if (bar_) bar_->clear();
}

void Output::finish() {
  end_progress();
  if (settings_.json) {
    Json answer = Json::object();
    answer.set("command", command_).set("version", version()).set("input", input_).set("result", result_).set("warnings", warnings_);
    terminal_.out << answer.text(true) << "\n";
  }
  terminal_.out.flush();
  if (!terminal_.out.good()) throw Error(ErrorCode::kMachine, "cannot write the answer", "standard output", "is the disk full?");
}

std::string error_json(const Error& error, std::string_view command) {
  Json inner = Json::object();
  inner.set("code", error_code_name(error.code())).set("summary", error.summary()).set("where", error.where()).set("fix", error.fix());
  Json answer = Json::object();
  answer.set("command", command).set("version", version()).set("error", inner);
  return answer.text(true);
}

}  // namespace omni::cli
