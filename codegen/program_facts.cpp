// Symbols, tiles, who may share memory with whom, and what one program needs of its module.
#include "codegen/program_facts.h"

#include <algorithm>
#include <map>
#include <set>

#include "ir/error.h"
#include "ir/string_table.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

constexpr int64_t kAlignment = 64;

/// a <= b whatever the symbols are; they are not negative.
bool never_above(const Size& a, const Size& b) {
  const Size difference = b + Size(-1) * a;
  return std::all_of(difference.terms().begin(), difference.terms().end(),
                     [](const auto& term) { return term.second >= 0; });
}

/// Inputs, outputs, state, weights and workspace never overlap: the runtime sees to that. Two inputs may, but nothing is
/// written to them.
bool are_apart(const ProgramBuffer& a, const ProgramBuffer& b) {
  if (a.storage != b.storage) return true;
  switch (a.storage) {
    case Storage::input:
    case Storage::output: return true;
    case Storage::variable: return a.name != b.name;
    case Storage::workspace:
      return never_above(a.offset + bytes_of(a), b.offset) || never_above(b.offset + bytes_of(b), a.offset);
  }
  return false;
}

}  // namespace

std::optional<uint32_t> find_reduction(std::string_view name) {
  static constexpr std::string_view kNames[] = {"sum", "prod", "max", "min"};  // as enum krt_reduction
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return {};
  return static_cast<uint32_t>(found - std::begin(kNames));
}

uint32_t needed_cpu_features(const KernelModule& module, const Target& target) {
  const bool tiles = std::any_of(module.kernels.begin(), module.kernels.end(), uses_tiles);
  return tiles ? target.cpu_features : target.cpu_features & ~uint32_t{KRT_CPU_AMX_BF16};
}

Size bytes_of(const ProgramBuffer& buffer) {
  return Size(byte_size(buffer.dtype)) * Size::product(buffer.shape);
}

int64_t typical(const Size& size) {
  constexpr int64_t kTypical = 32;
  int64_t sum = 0;
  for (const auto& [symbols, coefficient] : size.terms()) {
    int64_t term = coefficient;
    for (size_t i = 0; i < symbols.size(); ++i) term *= kTypical;
    sum += term;
  }
  return sum;
}

std::vector<Symbol> symbols_of(const KernelModule& module) {
  std::set<Symbol> all;
  const auto add = [&all](Symbol symbol) {
    for (; symbol.quotient() != nullptr; symbol = symbol.quotient()->of) all.insert(symbol);
    all.insert(symbol);
  };
  for (const Program& program : module.programs)
    for (const ProgramBuffer& buffer : program.buffers)
      for (const Dim& dim : buffer.shape)
        if (!dim.is_static()) add(dim.symbol);
  for (const Kernel& kernel : module.kernels)
    for (const Symbol symbol : symbols_of(kernel)) add(symbol);
  const Symbol batch = Dim::batch().symbol;
  std::vector<Symbol> order;
  if (!all.empty()) order.push_back(batch);
  all.erase(batch);
  order.insert(order.end(), all.begin(), all.end());
  return order;
}

Bindings usual_bindings(const KernelModule& module, int64_t batch) {
  constexpr int64_t kLength = 128;
  Bindings bindings{{Dim::batch().symbol, batch}};
  for (const Symbol length : lengths_of(module)) bindings[length] = kLength;
  return bindings;
}

std::vector<Symbol> lengths_of(const KernelModule& module) {
  std::vector<Symbol> lengths;
  for (const Symbol symbol : symbols_of(module))
    if (symbol != Dim::batch().symbol && symbol.quotient() == nullptr) lengths.push_back(symbol);
  return lengths;
}

int64_t least_length(const KernelModule& module, Symbol length) {
  constexpr int64_t kMost = int64_t{1} << 40;
  const std::vector<Symbol> symbols = symbols_of(module);
  const auto is_enough = [&](int64_t value) {
    return std::all_of(symbols.begin(), symbols.end(), [&](Symbol symbol) {
      return symbol.root() != length || value_of(symbol, {{length, value}}) >= 1;
    });
  };
  int64_t too_little = 0, enough = 1;
  while (!is_enough(enough) && enough < kMost) {
    too_little = enough;
    enough *= 2;
  }
  while (enough - too_little > 1) {
    const int64_t middle = too_little + (enough - too_little) / 2;
    (is_enough(middle) ? enough : too_little) = middle;
  }
  return enough;
}

ParameterFacts parameter_facts(const KernelModule& module, uint32_t kernel) {
  size_t count = 0;
  for (const KernelBuffer& buffer : module.kernels[kernel].buffers) count += buffer.mode != Mode::tile;
  ParameterFacts facts{std::vector<bool>(count, true), std::vector(count, std::vector<bool>(count, true))};
  for (size_t i = 0; i < count; ++i) facts.apart[i][i] = false;
  for (const Program& program : module.programs) {
    for (const Launch& launch : program.launches) {
      if (launch.kernel != kernel) continue;
      for (size_t i = 0; i < count; ++i) {
        const ProgramBuffer& buffer = program.buffers[launch.args[i]];
        const bool planned = buffer.storage == Storage::variable || buffer.storage == Storage::workspace;
        facts.aligned[i] = facts.aligned[i] && planned;
        for (size_t j = 0; j < count; ++j) {
          const bool same = launch.args[i] == launch.args[j];
          facts.apart[i][j] =
              facts.apart[i][j] && !same && are_apart(buffer, program.buffers[launch.args[j]]);
        }
      }
    }
  }
  return facts;
}

const Program& artefact_program(const KernelModule& module) {
  const auto found = std::find_if(module.programs.begin(), module.programs.end(),
                                  [](const Program& program) { return program.name == "predict"; });
  if (found != module.programs.end()) return *found;
  if (module.programs.size() == 1) return module.programs[0];
  std::vector<std::string> names;
  for (const Program& program : module.programs) names.push_back(program.name);
  throw Error(ErrorKind::usage, "the module has no function named predict", module.name,
              cat("its functions are: ", join(names, ", ")));
}

KernelModule extract_program(const KernelModule& module, const Program& program) {
  KernelModule result;
  result.name = module.name;
  result.programs.push_back(program);
  std::map<uint32_t, uint32_t> moved;
  for (Launch& launch : result.programs[0].launches) {
    const auto [entry, is_new] =
        moved.try_emplace(launch.kernel, static_cast<uint32_t>(result.kernels.size()));
    if (is_new) result.kernels.push_back(module.kernels[launch.kernel]);
    launch.kernel = entry->second;
  }
  std::set<std::string> used;
  for (const ProgramBuffer& buffer : program.buffers)
    if (buffer.storage == Storage::variable) used.insert(buffer.name);
  for (const uint32_t input : program.inputs)
    if (const Variable* table = string_variable(module.variables, program.buffers[input].name))
      used.insert(table->name);
  for (const Variable& variable : module.variables)
    if (used.contains(variable.name)) result.variables.push_back(variable);
  return result;
}

int64_t fixed_batch(const Program& program) {
  for (const uint32_t input : program.inputs)
    for (const Dim dim : program.buffers[input].shape)
      if (dim.symbol.root() == Dim::batch().symbol) return 0;
  if (program.inputs.empty()) return 1;
  const Shape& first = program.buffers[program.inputs[0]].shape;
  return first.empty() || !first[0].is_static() ? 1 : first[0].value();
}

int64_t slices_of(const Program& program, int64_t n, unsigned threads) {
  krt_code code{};
  code.least_slice = static_cast<uint32_t>(program.slices.least);
  code.most_slice = static_cast<uint32_t>(program.slices.most);
  return static_cast<int64_t>(
      krt_slices_of(&code, static_cast<uint64_t>(fixed_batch(program)), static_cast<uint64_t>(n), threads));
}

int64_t fixed_slices(const Program& program) {
  if (program.slices.least == 0) return 1;
  return std::max<int64_t>(fixed_batch(program) / program.slices.least, 1);
}

}  // namespace keratin
