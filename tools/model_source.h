// Where models come from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frontend/shape_overrides.h"
#include "ir/graph.h"
#include "tools/command.h"

namespace keratin {

struct KernelModule;
struct Program;

/// `--shape NAME=d1,d2,…`, as often as it was given, and `--batch N`. Throws Error(usage).
ShapeOverrides shape_overrides(const Arguments& arguments);

/// Gives the module's weights the values that a .safetensors file has for them, by name. Throws Error(data), naming the variable, if one
/// is missing, has another type, or is none of the module's.
void load_weights(Module& module, const std::string& path);

/// The file of --weights if it is one that Keras wrote; empty if there is none, or another.
std::string keras_weights(const Arguments& arguments);

/// The module of MODEL, with the weights of --weights if they are given; a Keras file or folder, or IR text (.kir), with the shapes given. Throws Error.
Module read_model(const Arguments& arguments, const ShapeOverrides& shapes);
Module read_model(const Arguments& arguments);  ///< With those of shape_overrides().

/// The module of IR text, with the arrays of the file beside it if there is one. Throws Error.
Module read_text(const std::string& path);

/// Writes IR text to `path` and its arrays, if there are any, to `path`.safetensors. Throws Error.
void write_model(const Module& module, const std::string& path);

/// The program that --func names. Throws Error(usage) that lists the functions.
const Program& find_program(const KernelModule& module, std::string_view name);

/// The function of `module` that is run: predict, or the only one. Throws Error(data), listing them, if that is not clear.
const Function& main_function(const Module& module);

}  // namespace keratin
