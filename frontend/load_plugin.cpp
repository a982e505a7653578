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
                  cat("a name of its ", what, " ", row.class_name, " is taken by ", other.class_name), path,
                  "a plug-in is loaded once; its classes have names of their own, as in \"mine>Scale\"");
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const Row& other : known) compare(rows[i], other);
    for (const Row& other : rows.first(i)) compare(rows[i], other);
  }
}

template <typename Row>
void append(std::deque<Row>& known, std::span<const Row> rows) {
  known.insert(known.end(), rows.begin(), rows.end());
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
  expect_free(tables.layers, layer_defs(), "layer", path);
  expect_free(tables.losses, loss_defs(), "loss", path);
  expect_free(tables.metrics, metric_defs(), "metric", path);
  expect_free(tables.optimizers, optimizer_defs(), "optimizer", path);
  append(layer_defs(), tables.layers);
  append(loss_defs(), tables.losses);
  append(metric_defs(), tables.metrics);
  append(optimizer_defs(), tables.optimizers);
}

}  // namespace keratin
