#include "report_page.h"

#include "chart_js.h"
#include "json.h"

namespace omni::cli {

namespace {

constexpr char kStyle[] = R"css(
:root{color-scheme:light dark;--text:#1b1f24;--paper:#fff;--line:#d5dae0;--soft:#f3f5f7;--mark:#0b63b5}
@media(prefers-color-scheme:dark){:root{--text:#e6e9ed;--paper:#14171b;--line:#353b43;--soft:#1d2127;--mark:#6db3f2}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--paper);max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.answer{font-size:1.15rem;border-left:4px solid var(--mark);padding-left:.8rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}
th{background:var(--soft)}.n{text-align:right;font-variant-numeric:tabular-nums}.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(26rem,1fr));gap:1.5rem}
figure{margin:0;break-inside:avoid}figcaption{font-weight:600}figcaption small{font-weight:400}pre{background:var(--soft);padding:.8rem;overflow-x:auto}
@media print{body{max-width:none;margin:0}}
)css";

constexpr char kScript[] = R"js(
const style=getComputedStyle(document.documentElement),ink=style.getPropertyValue('--text').trim(),line=style.getPropertyValue('--line').trim();
Chart.defaults.color=ink;Chart.defaults.borderColor=line;Chart.defaults.animation=false;
const colours=['#0b63b5','#d9822b','#238551','#8f398f','#c23030'];
charts.forEach((c,i)=>new Chart(document.getElementById('chart'+i),{type:'bar',
 data:{labels:c.labels,datasets:c.series.map((s,k)=>({label:s.name,data:s.values,backgroundColor:colours[k%colours.length]}))},
 options:{plugins:{legend:{display:c.series.length>1}},scales:{y:{beginAtZero:c.from_zero,title:{display:true,text:c.unit}}}}}));
)js";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string table(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows) {
  std::string out = "<div class=\"scroll\"><table><thead><tr>";
  std::vector<bool> number;
  for (const std::string& head : heads) {
    number.push_back(head.ends_with('>'));
    out += std::string(number.back() ? "<th class=\"n\">" : "<th>") + escaped(number.back() ? head.substr(0, head.size() - 1) : head) + "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) out += std::string(i < number.size() && number[i] ? "<td class=\"n\">" : "<td>") + escaped(row[i]) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

Json chart_data(const std::vector<ReportChart>& charts) {
  Json list = Json::array();
  for (const ReportChart& chart : charts) {
    Json series = Json::array();
    for (const ReportSeries& s : chart.series) series.push(std::move(Json::object().set("name", s.name).set("values", Json::array(s.values))));
    list.push(std::move(Json::object().set("labels", Json::array(chart.labels)).set("series", series).set("unit", chart.unit).set("from_zero", chart.from_zero)));
  }
  return list;
}

// JSON inside a script element must not end it.
std::string in_script(std::string text) {
  for (size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3) text.replace(at, 2, "<\\/");
  return text;
}

// `first`: the number of the first chart on the page.
std::string figures(const std::vector<ReportChart>& charts, size_t first) {
  if (charts.empty()) return {};
  std::string out = "<div class=\"charts\">\n";
  for (size_t i = 0; i < charts.size(); ++i) {
    const ReportChart& chart = charts[i];
    out += "<figure><figcaption>" + escaped(chart.title) + " <small>(" + escaped(chart.unit) + ", " + (chart.lower_is_better ? "lower" : "higher") +
           " is better)</small></figcaption><canvas id=\"chart" + std::to_string(first + i) + "\" role=\"img\" aria-label=\"" + escaped(chart.title) +
           "\"></canvas></figure>\n";
  }
  return out + "</div>\n";
}

}  // namespace

std::string html(const ReportPage& page) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>" + escaped(page.title) +
                    "</title><style>" + kStyle + "</style></head><body>\n<h1>" + escaped(page.title) + "</h1>\n<p class=\"answer\">" + escaped(page.answer) + "</p>\n";
  out += table(page.heads, page.rows);
  if (!page.charts.empty()) out += "<h2>Charts</h2>";
  std::vector<ReportChart> charts = page.charts;
  out += figures(charts, 0);
  for (const ReportSection& section : page.sections) {
    out += "<h2>" + escaped(section.title) + "</h2>\n";
    if (!section.text.empty()) out += "<p>" + escaped(section.text) + "</p>\n";
    if (!section.heads.empty()) out += table(section.heads, section.rows);
    out += figures(section.charts, charts.size());
    charts.insert(charts.end(), section.charts.begin(), section.charts.end());
  }
  for (const std::string& note : page.notes) out += "<p>" + escaped(note) + "</p>\n";
  out += "<h2>How to make it again</h2>\n<pre>";
  for (const std::string& command : page.commands) out += escaped(command) + "\n";
  out += "</pre>\n";
  if (!charts.empty()) {
    out += "<script>" + in_script(std::string(chart_js())) + "</script>\n<script>const charts=" + in_script(chart_data(charts).text(false)) + ";" + kScript + "</script>\n";
  }
  return out + "</body></html>\n";
}

}  // namespace omni::cli
