// omni demo: the whole road once, on LeNet-5 and Fashion-MNIST: train, export, compress every way, evaluate, measure, report.
#include <filesystem>

#include "manifest.h"
#include "options.h"
#include "quantity.h"
#include "report_page.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr OptionSpec kOptions[] = {
    {"--output-dir", "DIR", "where models, report.html and report.json land", Kind::kText, "demo"},
    {"--data", "DATA", "training and test images; @train and @test are used", Kind::kText, "fashion-mnist"},
    {"--network", "NAME", "what is trained (omni new)", Kind::kText, "lenet5"},
    {"--epochs", "N", "passes over the training images", Kind::kCount, "6"},
    {"--samples", "N", "train and test on the first N images only; 0: on all", Kind::kCount, "0"},
    {"--bench-time", "TIME", "latency is measured for so long each", Kind::kTime, "2s"},
    {"--seed", "N", "of weights and of the order of samples", Kind::kInteger, "1"},
    {"--force", "", "overwrite what is in DIR", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"All of it, in a few minutes", "omni demo --output-dir demo"},
    {"A small part, in seconds", "omni demo --samples 2000 --epochs 1 --bench-time 200ms --output-dir small --force"},
};

struct Row {
  std::string method, file;
  int64_t bytes = 0, weight_bytes = 0;
  double accuracy = 0, accuracy_low = 0, accuracy_high = 0;  // with its 95 % interval
  Latency latency;
};

class Demo {
 public:
  Demo(const Arguments& arguments, Output& output) : arguments_(arguments), output_(output), folder_(arguments.text("--output-dir")) {}

  int run() {
    prepare_folder();
    const Dataset train = part("@train"), test = part("@test");
    const Graph trained = fit(train);
    add("FP32", "fp32.onnx", trained, test);
    for (const char* method : {"fp16", "bf16", "int8-dynamic", "int8-static", "int8-weight", "int4-weight"}) {
      CompressorOptions options;
      options.data = train;
      options.threads = threads_option(arguments_);
      options.isa = arguments_.text("--isa");
      options.progress = output_.progress(method);
      ModelCompressor compressor(trained, options);
      add(method, std::string(method) + ".onnx", compressor.compress(method), test);
      for (const std::string& note : compressor.report().notes) notes_.push_back(std::string(method) + ": " + note);
    }
    output_.end_progress();
    report();
    return 0;
  }

 private:
  std::string path(const std::string& name) const { return (std::filesystem::path(folder_) / name).string(); }

  void prepare_folder() {
    std::error_code error;
    if (std::filesystem::exists(path("report.json"), error) && !arguments_.flag("--force")) {
      throw Error(ErrorCode::kExists, "there is a report already", folder_, "overwrite it with --force, or name another --output-dir");
    }
    std::filesystem::create_directories(folder_, error);
    if (error) throw Error(ErrorCode::kMachine, "cannot make the directory: " + error.message(), folder_);
  }

  Dataset part(const std::string& name) const {
    const int64_t samples = arguments_.count("--samples");
    return Dataset::open(arguments_.text("--data") + name + (samples > 0 ? "@0:" + std::to_string(samples) : ""));
  }

  Graph fit(const Dataset& train) {
    TrainOptions options;
    options.epochs = arguments_.count("--epochs");
    options.schedule = "one-cycle";
    options.seed = static_cast<uint64_t>(arguments_.integer("--seed"));
    options.threads = threads_option(arguments_);
    options.isa = arguments_.text("--isa");
    options.progress = output_.progress("train");
    Trainer trainer(new_network(arguments_.text("--network"), options.seed), options);
    Graph trained = trainer.fit(train);
    output_.end_progress();
    for (const EpochReport& epoch : trainer.report().epochs) training_seconds_ += epoch.seconds;
    return trained;
  }

  void add(const std::string& method, const std::string& file, Graph graph, const Dataset& test) {
    EvaluateOptions evaluation;
    evaluation.batch = 250;
    evaluation.threads = threads_option(arguments_);
    evaluation.isa = arguments_.text("--isa");
    evaluation.progress = output_.progress("evaluate " + method);
    Row row;
    row.method = method;
    row.file = file;
    graph.save(path(file), {.overwrite = true, .format = {}});
    row.bytes = static_cast<int64_t>(std::filesystem::file_size(path(file)));
    row.weight_bytes = graph.summary().weight_bytes;
    // What is measured is what was written, read back.
    const Graph loaded = Graph::load(path(file));
    const Evaluation answer = evaluate(loaded, test, evaluation);
    row.accuracy = answer.top1.value_or(0);
    row.accuracy_low = answer.top1_low;
    row.accuracy_high = answer.top1_high;
    BenchOptions bench_options;
    bench_options.threads = 1;
    bench_options.isa = arguments_.text("--isa");
    bench_options.seconds = arguments_.seconds("--bench-time");
    bench_options.progress = output_.progress("measure " + method);
    row.latency = bench(loaded, bench_options).omni;
    graph.set_metadata("accuracy", fixed_text(row.accuracy * 100, 2) + " %");
    graph.save(path(std::filesystem::path(file).stem().string() + ".omni"), {.overwrite = true, .format = {}});
    rows_.push_back(std::move(row));
  }

  void report() {
    const Row& base = rows_.front();
    Table table({"model", "file KB>", "smaller %>", "top-1 %>", "95 % interval>", "lost points>", "latency us>", "p95 us>", "speed-up>"});
    ReportPage page;
    page.heads = {"model", "file, KB>", "smaller, %>", "top-1, %>", "95 % interval>", "lost, points>", "latency, µs>", "p95, µs>", "speed-up>"};
    ReportChart size{"File size", "KB", true, true, {}, {{"file", {}}}}, accuracy{"Top-1 accuracy on the test images, axis not from 0", "%", false, false, {}, {{"top-1", {}}}},
        latency{"Latency, batch 1, one thread", "µs", true, true, {}, {{"median", {}}, {"95 % of runs below", {}}}};
    Json models = Json::array();
    for (const Row& row : rows_) {
      const double smaller = 1 - static_cast<double>(row.bytes) / static_cast<double>(base.bytes), lost = base.accuracy - row.accuracy;
      const std::vector<std::string> cells = {row.method, fixed_text(static_cast<double>(row.bytes) / 1e3, 1), fixed_text(smaller * 100, 1), fixed_text(row.accuracy * 100, 2),
                                              fixed_text(row.accuracy_low * 100, 2) + " to " + fixed_text(row.accuracy_high * 100, 2), fixed_text(lost * 100, 2), fixed_text(row.latency.p50 * 1e6, 1), fixed_text(row.latency.p95 * 1e6, 1),
                                              fixed_text(base.latency.p50 / row.latency.p50, 2)};
      table.row(cells);
      page.rows.push_back(cells);
      for (ReportChart* chart : {&size, &accuracy, &latency}) chart->labels.push_back(row.method);
      size.series[0].values.push_back(static_cast<double>(row.bytes) / 1e3);
      accuracy.series[0].values.push_back(row.accuracy * 100);
      latency.series[0].values.push_back(row.latency.p50 * 1e6);
      latency.series[1].values.push_back(row.latency.p95 * 1e6);
      models.push(std::move(Json::object().set("method", row.method).set("file", row.file).set("size_bytes", row.bytes).set("weight_bytes", row.weight_bytes)
                                .set("reduction", smaller).set("top1_accuracy", row.accuracy).set("top1_low", row.accuracy_low).set("top1_high", row.accuracy_high).set("accuracy_lost", lost).set("latency_mean_ms", row.latency.mean * 1e3)
                                .set("latency_p50_ms", row.latency.p50 * 1e3).set("latency_p95_ms", row.latency.p95 * 1e3).set("latency_p99_ms", row.latency.p99 * 1e3)));
    }
    page.title = "OmniMind Edge: " + arguments_.text("--network") + " on " + arguments_.text("--data");
    page.answer = answer();
    page.charts = {size, accuracy, latency};
    page.notes = notes_;
    page.commands = {"omni demo --output-dir " + shell_word(folder_) + " --epochs " + arguments_.text("--epochs") + " --seed " + arguments_.text("--seed") + " --force"};
    output_.result().set("network", arguments_.text("--network")).set("data", arguments_.text("--data")).set("training_time_s", training_seconds_);
    output_.result().set("isa", chosen_isa({.isa = arguments_.text("--isa")})).set("models", models);
    write_file(path("report.html"), html(page), true);
    write_file(path("report.json"), output_.result().text(true), true);
    output_.table(table);
    output_.line(page.answer);
    output_.line("report: " + path("report.html"));
  }

  // The smallest file that loses under one point.
  std::string answer() const {
    const Row& base = rows_.front();
    const Row* best = &base;
    for (const Row& row : rows_) {
      if (base.accuracy - row.accuracy < 0.01 && row.bytes < best->bytes) best = &row;
    }
    const double smaller = 100 * (1 - static_cast<double>(best->bytes) / static_cast<double>(base.bytes));
    return best->method + " is the smallest file that loses less than a point: " + fixed_text(smaller, 1) + " % smaller than FP32, " + fixed_text(best->accuracy * 100, 2) +
           " % of the test images right (FP32 " + fixed_text(base.accuracy * 100, 2) + " %), " + fixed_text(base.latency.p50 / best->latency.p50, 2) + " times its speed.";
  }

  const Arguments& arguments_;
  Output& output_;
  std::string folder_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
  double training_seconds_ = 0;
};

int run(const Arguments& arguments, Output& output) { return Demo(arguments, output).run(); }

}  // namespace

extern const CommandSpec kDemo = {"demo", "Train, compress, evaluate and measure a small network, and report", {}, kGroups, kExamples, run};

}  // namespace omni::cli
