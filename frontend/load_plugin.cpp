#include "frontend/load_plugin.h"

#include <dlfcn.h>

#include <deque>
#include <exception>
#include <span>

#include "frontend/elf.h"
#include "frontend/plugin.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr const char* kHowToMake =
    "c++ -std=c++20 -shared -fPIC FILE.cpp -o FILE.so makes one; docs/extending.md shows it";

std::string_view name_of(const ActivationDef& def) { return def.name; }
std::string_view name_of(const LayerDef& def) { return def.class_name; }
std::string_view name_of(const ClassRow& row) { return row.class_name; }

bool have_name_in_common(const ActivationDef& a, const ActivationDef& b) { return a.name == b.name; }

bool have_name_in_common(const LayerDef& a, const LayerDef& b) { return a.class_name == b.class_name; }

bool have_name_in_common(const ClassRow& a, const ClassRow& b) {
  if (is_name_of(a, b.class_name)) return true;
  std::string_view rest = b.aliases;
  while (!rest.empty()) {
    const size_t bar = rest.find('|');
    if (is_name_of(a, rest.substr(0, bar))) return true;
    rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
  }
  return false;
}

template <typename Row>
void expect_free(std::span<const Row> rows, const std::deque<Row>& known, std::string_view what,
                 const std::string& path) {
  const auto compare = [&](const Row& row, const Row& other) {
    if (have_name_in_common(row, other))
      throw Error(ErrorKind::usage,
                  cat("a name of its ", what, " ", name_of(row), " is taken by ", name_of(other)), path,
                  "a plug-in is loaded once; its classes have names of their own, as in \"mine>Scale\"");
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const Row& other : known) compare(rows[i], other);
    for (const Row& other : rows.first(i)) compare(rows[i], other);
  }
}

/// Calls `visit` with each table, the rows that it joins and what they are.
template <typename Visit>
void for_each_table(const PluginTables& tables, const Visit& visit) {
  visit(tables.layers, layer_defs(), "layer");
  visit(tables.losses, loss_defs(), "loss");
  visit(tables.metrics, metric_defs(), "metric");
  visit(tables.optimizers, optimizer_defs(), "optimizer");
  visit(tables.schedules, schedule_defs(), "schedule");
  visit(tables.activations, activation_defs(), "activation");
  visit(tables.initializers, initializer_defs(), "initializer");
  visit(tables.regularizers, regularizer_defs(), "regularizer");
  visit(tables.constraints, constraint_defs(), "constraint");
}

}  // namespace

void load_plugin(const std::string& path) {
  // dlopen looks for a name without a slash in the system's folders.
  const std::string name = path.find('/') == std::string::npos ? "./" + path : path;
  expect_whole_elf(name, kHowToMake);
  void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    throw Error(ErrorKind::no_input, dlerror(), path,
                "a plug-in is compiled with the headers of this Keratin");
  const auto abi = reinterpret_cast<uint64_t (*)()>(dlsym(handle, "keratin_plugin_abi"));
  const auto fill = reinterpret_cast<void (*)(PluginTables&)>(dlsym(handle, "keratin_plugin_register"));
  if (abi == nullptr || fill == nullptr)
    throw Error(ErrorKind::data, "this shared object is no plug-in: it does not say KERATIN_PLUGIN(…)", path,
                kHowToMake);
  if (abi() != plugin_abi())
    throw Error(ErrorKind::data, "this plug-in was compiled for another version of Keratin", path,
                "compile it again, with the headers of this one");
  PluginTables tables;
  try {
    fill(tables);
  } catch (const std::exception& error) {
    throw Error(ErrorKind::data, cat("the plug-in threw ", quoted(error.what()), " when it was loaded"),
                path);
  }
  for_each_table(tables, [&](const auto& rows, const auto& known, std::string_view what) {
    expect_free(rows, known, what, path);
  });
  for_each_table(tables, [](const auto& rows, auto& known, std::string_view) {
    known.insert(known.end(), rows.begin(), rows.end());
  });
}

}  // namespace keratin
