// Inputs of a model from files and the answers to files, as `run` and other commands take them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "omni/omni.h"

namespace omni::cli {

using Tensors = std::map<std::string, Tensor, std::less<>>;

// "NAME=FILE" (or "FILE" for a model with one input), FILE an .npy or a JPEG or PNG picture, told apart by content. Every input exactly once, or, where
// `complete` is false, at most once. Throws Error naming the input.
Tensors load_inputs(const std::vector<std::string>& texts, const std::vector<ValueInfo>& inputs, const Preprocess& preprocess, bool complete = true);

// The output's file name: every character outside [A-Za-z0-9._-] becomes '_', then ".npy".
std::string output_file_name(std::string_view output);

// Makes the directory if need be and writes one .npy an output; returns their paths. Looks for files in the way before it writes any.
std::vector<std::string> save_outputs(const Tensors& outputs, const std::string& directory, bool overwrite);

// Lines of a file, without line ends.
std::vector<std::string> read_lines(const std::string& path);

}  // namespace omni::cli
