// omni train: new values for a network's parameters.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "memory_budget.h"
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file"}};
constexpr OptionSpec kOptions[] = {
    {"-o", "FILE", "the trained model: .onnx or .omni by its extension", Kind::kText, {}, {}, true},
    {"--epochs", "N", "passes over the data", Kind::kCount, "5"},
    {"--batch", "N", "samples a step", Kind::kCount, "64"},
    {"--loss", "LOSS", "what is minimized; auto: cross-entropy for labels (on logits, before a final Softmax), mse for values", Kind::kChoice, "auto",
     "auto|cross-entropy|mse"},
    {"--seed", "N", "of the order of samples and of random layers", Kind::kInteger, "1"},
    kMemoryBudgetOption,
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionSpec kOptimizerOptions[] = {
    {"--optimizer", "NAME", "how steps are made", Kind::kChoice, "sgd", "sgd|adam|adamw"},
    {"--lr", "X", "learning rate; default 0.05 for sgd, 0.001 for adam and adamw", Kind::kNumber},
    {"--momentum", "X", "of sgd", Kind::kNumber, "0.9"},
    {"--weight-decay", "X", "of weights, not of biases and norms", Kind::kNumber, "0"},
    {"--schedule", "NAME", "of the learning rate", Kind::kChoice, "constant", "constant|step|cosine|one-cycle"},
    {"--warmup", "SHARE", "share of all steps in which the learning rate rises to its value", Kind::kShare, "0%"},
    {"--clip-norm", "X", "bound of all gradients' norm; 0: none", Kind::kNumber, "0"},
    {"--label-smoothing", "X", "of cross-entropy", Kind::kNumber, "0"},
    {.name = "--train", .value = "GLOB", .help = "parameters to train, others stay", .kind = Kind::kText, .repeated = true},
    {.name = "--freeze", .value = "GLOB", .help = "parameters to leave as they are", .kind = Kind::kText, .repeated = true},
};
constexpr OptionSpec kStopOptions[] = {
    {"--validation", "DATA", "data to watch, or a share of --data such as 10%, held out", Kind::kText},
    {"--patience", "N", "stop after so many epochs without a better validation loss; 0: never", Kind::kCount, "0"},
    {"--directory", "DIR", "checkpoints, from which an interrupted training goes on to the same bytes", Kind::kText},
    {"--resume", "", "go on from the checkpoint in --directory", Kind::kFlag},
    {"--restart", "", "begin anew whatever is in --directory", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {
    {"Options", kOptions}, kDataGroup,  {"Optimizer", kOptimizerOptions}, {"Validation and resuming", kStopOptions}, kPreprocessGroup,
    kMachineGroup,         kOutputGroup};
constexpr Example kExamples[] = {
    {"Ten classes of clothes", "omni train lenet5.onnx --data fashion-mnist@0:6000 --epochs 1 -o trained.onnx"},
    {"Adam with a falling learning rate, and checkpoints",
     "omni train lenet5.onnx --data fashion-mnist@0:6000 --epochs 1 --optimizer adam --schedule cosine --directory checkpoints -o adam.onnx"},
};

void check_resume(const Arguments& arguments) {
  if (!arguments.flag("--resume")) return;
  if (arguments.flag("--restart")) throw Error(ErrorCode::kInvalidArgument, "cannot be together with --restart", "--resume");
  const std::string directory = arguments.text("--directory");
  if (directory.empty()) throw Error(ErrorCode::kInvalidArgument, "there is no directory to resume from", "--resume", "name it with --directory");
  std::error_code failed;
  if (!std::filesystem::is_directory(directory, failed)) throw Error(ErrorCode::kNotFound, "there is nothing to resume from", directory);
}

TrainOptions train_options(const Arguments& arguments, const Graph& graph, Output& output) {
  TrainOptions options;
  options.epochs = arguments.count("--epochs");
  options.batch = arguments.count("--batch");
  options.loss = arguments.text("--loss");
  options.optimizer = arguments.text("--optimizer");
  if (arguments.given("--lr")) options.learning_rate = arguments.number("--lr");
  options.momentum = arguments.number("--momentum");
  options.weight_decay = arguments.number("--weight-decay");
  options.schedule = arguments.text("--schedule");
  options.warmup = arguments.share("--warmup");
  options.clip_norm = arguments.number("--clip-norm");
  options.label_smoothing = arguments.number("--label-smoothing");
  options.train = arguments.all("--train");
  options.freeze = arguments.all("--freeze");
  const std::string validation = arguments.text("--validation");
  if (validation.ends_with('%')) {
    options.validation_share = parse_share(validation, "--validation");
  } else if (!validation.empty()) {
    options.validation = open_data(arguments, graph, validation, "test");
  }
  options.patience = arguments.count("--patience");
  options.directory = arguments.text("--directory");
  options.on_checkpoint = arguments.flag("--resume")    ? OnCheckpoint::kResume
                          : arguments.flag("--restart") ? OnCheckpoint::kRestart
                                                        : OnCheckpoint::kRefuse;
  check_resume(arguments);
  options.seed = static_cast<uint64_t>(arguments.integer("--seed"));
  options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  options.progress = output.progress("train");
  return options;
}

void print_report(Output& output, const TrainReport& report) {
  const auto percent = [](const std::optional<double>& share) { return share ? fixed_text(*share * 100, 2) : std::string(); };
  Table table({"epoch>", "loss>", "accuracy %>", "validation loss>", "validation accuracy %>", "learning rate>", "time>"});
  Json epochs = Json::array();
  for (const EpochReport& epoch : report.epochs) {
    table.row({std::to_string(epoch.epoch), number_text(epoch.loss), percent(epoch.accuracy),
               epoch.validation_loss ? number_text(*epoch.validation_loss) : "", percent(epoch.validation_accuracy), number_text(epoch.learning_rate),
               seconds_text(epoch.seconds)});
    Json entry = Json::object();
    entry.set("epoch", epoch.epoch).set("loss", epoch.loss);
    if (epoch.accuracy) entry.set("accuracy", *epoch.accuracy);
    if (epoch.validation_loss) entry.set("validation_loss", *epoch.validation_loss);
    if (epoch.validation_accuracy) entry.set("validation_accuracy", *epoch.validation_accuracy);
    epochs.push(std::move(entry.set("learning_rate", epoch.learning_rate).set("time_s", epoch.seconds)));
  }
  output.table(table);
  output.result().set("epochs", epochs).set("steps", report.steps).set("best_epoch", report.best_epoch).set("stopped_early", report.stopped_early);
  output.result().set("resumed", report.resumed);
  output.result().set("trained_parameters", Json::array(report.trained));
  for (const std::string& note : report.notes) output.warn(note);
}

// An interruption says how to go on.
Graph fit(Trainer& trainer, const Dataset& data, const std::string& directory) {
  try {
    return trainer.fit(data);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInterrupted) throw;
    throw Error(ErrorCode::kInterrupted, "stopped", error.where(),
                directory.empty() ? "a training with --directory DIR can go on with --resume" : "go on with the same command and --resume");
  }
}

int run(const Arguments& arguments, Output& output) {
  const std::string& path = arguments.positional(0);
  const std::string to = arguments.text("-o");
  const SaveOptions save = {.overwrite = arguments.flag("--force"), .format = {}};
  check_writable(to, save.overwrite);
  const Graph graph = load_within_budget(arguments, path);
  const Dataset data = open_data(arguments, graph, arguments.text("--data"), "train");
  TrainOptions options = train_options(arguments, graph, output);
  const int64_t held = std::llround(options.validation_share * static_cast<double>(data.size()));
  options.memory = measures_within_budget(arguments, graph,
                                          {.training = true,
                                           .batch = std::min(options.batch, data.size() - held),
                                           .loss = options.loss,
                                           .optimizer = options.optimizer,
                                           .momentum = options.momentum,
                                           .weight_decay = options.weight_decay,
                                           .clip_norm = options.clip_norm,
                                           .label_smoothing = options.label_smoothing,
                                           .train = options.train,
                                           .freeze = options.freeze,
                                           .validation_samples = options.validation ? options.validation->size() : held,
                                           .isa = options.isa},
                                          output);
  Trainer trainer(graph, options);
  Graph trained = fit(trainer, data, arguments.text("--directory"));
  output.end_progress();
  if (preprocess_given(arguments)) trained.set_metadata("preprocessing", preprocess_option(arguments, graph).text());
  trained.save(to, save);
  output.input().set("path", path).set("data", data.description());
  output.result().set("path", to).set("process_peak_bytes", peak_process_bytes());
  print_report(output, trainer.report());
  output.line("wrote " + to);
  return 0;
}

}  // namespace

extern const CommandSpec kTrain = {"train", "Train a model's parameters on data", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
