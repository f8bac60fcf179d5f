// Options that mean the same in every command that has them.
#pragma once

#include "command.h"
#include "omni/omni.h"
#include "output.h"

namespace omni::cli {

inline constexpr OptionSpec kOutputOptions[] = {
    {"--json", "", "print one JSON object instead of text", Kind::kFlag},
    {.name = "--quiet", .value = "", .help = "print errors only", .kind = Kind::kFlag, .letter = 'q'},
    {.name = "--verbose", .value = "", .help = "print more", .kind = Kind::kFlag, .letter = 'v'},
    {"--progress", "WHEN", "how far long work is, on stderr", Kind::kChoice, "auto", "auto|plain|none"},
};
inline constexpr OptionGroup kOutputGroup = {"Output", kOutputOptions};

inline constexpr OptionSpec kMachineOptions[] = {
    {"--threads", "N", "threads; default: OMNI_THREADS, else one per physical core", Kind::kCount},
    {"--isa", "SET", "cap the instruction set (scalar, avx2, avx512, avx512vnni …); default: OMNI_ISA, else the CPU's best", Kind::kText},
};
inline constexpr OptionGroup kMachineGroup = {"Machine", kMachineOptions};

inline constexpr OptionSpec kPassOptions[] = {
    {.name = "--disable-pass", .value = "NAME", .help = "leave out a rewrite that `omni inspect --passes` lists", .kind = Kind::kText, .repeated = true},
};
inline constexpr OptionGroup kPassGroup = {"Passes", kPassOptions};

inline constexpr OptionSpec kPreprocessOptions[] = {
    {"--resize", "PIXELS", "resize pictures' shorter side; default: what the package says", Kind::kCount},
    {"--crop", "PIXELS", "cut this square from their centre", Kind::kCount},
    {"--channels", "N", "1 (grey) or 3", Kind::kCount},
    {"--scale", "X", "multiply bytes by this before mean and std", Kind::kText, "1/255"},
    {"--mean", "LIST", "subtract these, one or one a channel: 0.485,0.456,0.406", Kind::kText},
    {"--std", "LIST", "divide by these: 0.229,0.224,0.225", Kind::kText},
    {"--layout", "ORDER", "order of a picture's elements", Kind::kChoice, "nchw", "nchw|nhwc"},
};
inline constexpr OptionGroup kPreprocessGroup = {"Pictures", kPreprocessOptions};

inline constexpr OptionSpec kDataOptions[] = {
    {"--data",
     "DATA",
     "IDX directory or pair, NPY, NPZ, CSV, folder of pictures, or fashion-mnist; then @train, @test, @0:1000",
     Kind::kText,
     {},
     {},
     true},
    {"--target", "NAME", "CSV column or NPZ array that is the target; none for none", Kind::kText},
    {"--values", "", "the target is a value, even where all are whole numbers", Kind::kFlag},
};
inline constexpr OptionGroup kDataGroup = {"Data", kDataOptions};

Output::Settings output_settings(const Arguments& arguments);
// --threads and --isa are right, whether the command comes to need them or not.
void check_machine_options(const Arguments& arguments);
// --threads as a session's option: 0 where it is not given. Throws Error for 0 or more than 1024.
int threads_option(const Arguments& arguments);
// Threads, instruction set and left-out passes, as far as the command has them.
SessionOptions session_options(const Arguments& arguments);
// What the options say, else what the model's package says, else the defaults.
Preprocess preprocess_option(const Arguments& arguments, const Graph& model);
bool preprocess_given(const Arguments& arguments);
// What a model made from the file at `path` remembers of it: its hash, and how pictures are prepared where the options say so.
void set_source(Graph& made, const Arguments& arguments, const Graph& model, const std::string& path);
// The data set `name` (that of --data or --validation) with what the model's package and the options say about pictures.
Dataset open_data(const Arguments& arguments, const Graph& model, std::string_view name, std::string_view default_part);
// "1,28,28" or "1x28x28" as sizes, "0.5,0.5" as numbers. Throw Error (kInvalidArgument).
std::vector<int64_t> sizes_of(std::string_view text, std::string_view what);
std::vector<float> numbers_of(std::string_view text, std::string_view what);
std::vector<std::string> words_of(std::string_view text, char mark);
// "NAME=1,3,224,224", any number of them.
InputShapes shapes_option(const Arguments& arguments);
// Refuses an output that is in the way, or whose directory is missing, before long work starts. Throws Error (kExists, kNotFound).
void check_writable(const std::string& path, bool overwrite);
Json ports_json(const std::vector<ValueInfo>& ports);

}  // namespace omni::cli
