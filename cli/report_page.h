// A report as one self-contained HTML page: the answer, the table, the charts, how to make it again. No network, light and dark, printable.
#pragma once

#include <string>
#include <vector>

namespace omni::cli {

struct ReportSeries {
  std::string name;
  std::vector<double> values;
};

struct ReportChart {
  std::string title;
  std::string unit;           // of the values
  bool lower_is_better = true;
  bool from_zero = true;
  std::vector<std::string> labels;
  std::vector<ReportSeries> series;
};

// A heading with whatever of the rest it has.
struct ReportSection {
  std::string title, text;
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> rows;
  std::vector<ReportChart> charts;
};

struct ReportPage {
  std::string title;
  std::string answer;  // one sentence
  std::vector<std::string> heads;  // a head that ends in '>' is that of a column of numbers
  std::vector<std::vector<std::string>> rows;
  std::vector<ReportChart> charts;
  std::vector<ReportSection> sections;  // behind the charts
  std::vector<std::string> notes;
  std::vector<std::string> commands;  // how to make it again
};

std::string html(const ReportPage& page);

}  // namespace omni::cli
