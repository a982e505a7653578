#include "codegen/kernel_machine.h"

#include <algorithm>
#include <cstring>

#include "codegen/scalar_ops.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

int64_t IndexCode::value(const int64_t* variables) const {
  int64_t sum = constant;
  for (const Term& term : terms) {
    if (term.kind == Index::Atom::Kind::variable) {
      sum += term.coef * variables[term.variable];
      continue;
    }
    const int64_t inner = term.inner->value(variables);
    const int64_t rest = inner % term.by + (inner % term.by < 0 ? term.by : 0);
    sum += term.coef * (term.kind == Index::Atom::Kind::mod ? rest : (inner - rest) / term.by);
  }
  return sum;
}

bool holds(const GuardCode& guard, const int64_t* variables) {
  return std::all_of(guard.begin(), guard.end(),
                     [&](const IndexCode& index) { return index.value(variables) >= 0; });
}

void Machine::fail(const std::string& what) const {
  const Kernel& kernel = *code.kernel;
  std::string where = kernel.name;
  if (kernel.origin) where += cat(", ", *kernel.origin);
  std::vector<std::string> values;
  for (size_t id = 0; id < kernel.variables.size(); ++id) {
    if (const KernelVar& var = kernel.variables[id]; var.dtype == DType::i64 && var.lanes == 1) {
      values.push_back(cat(var.name, " = ", variables[id]));
    }
  }
  const std::string text = statement->source == nullptr ? "" : print(kernel, *statement->source);
  KERATIN_CHECK(false, cat(where, ": ", what, "\n", text, "with ", join(values, ", ")));
  __builtin_unreachable();
}

Places Machine::locate(const AccessCode& access) const {
  Places places{.end = access.lanes};
  if (!holds(access.guard, variables.data())) return {};
  const auto lane_bound = [&](const IndexCode& index) {
    return static_cast<int>(std::clamp<int64_t>(index.value(variables.data()), 0, access.lanes));
  };
  if (access.first) places.begin = lane_bound(*access.first);
  if (access.limit) places.end = lane_bound(*access.limit);
  if (places.begin >= places.end) return {};
  for (size_t i = 0; i < access.axes.size(); ++i) {
    const AccessCode::Axis& axis = access.axes[i];
    const int64_t at = axis.at.value(variables.data());
    int64_t low = at, high = at;
    if (access.lanes > 1 && i == access.lane_axis) {
      places.stride = axis.stride * access.lane_step;
      low += access.lane_step * (access.lane_step < 0 ? places.end - 1 : places.begin);
      high += access.lane_step * (access.lane_step < 0 ? places.begin : places.end - 1);
    }
    if (low < 0 || high >= axis.extent) {
      fail(cat("access to %", code.kernel->buffers[access.buffer].name, " at ", low, "..", high, " of axis ",
               i, ", which has ", axis.extent, " elements"));
    }
    places.offset += at * axis.stride;
  }
  return places;
}

std::byte* Machine::acc(AccId id, const std::vector<IndexCode>& at) {
  const AccPlace& acc = code.accs[id];
  int64_t element = 0;
  for (size_t i = 0; i < at.size(); ++i) {
    const int64_t index = at[i].value(variables.data());
    if (index < 0 || index >= acc.shape[i]) {
      fail(cat(code.kernel->accumulators[id].name, " at ", index, " of axis ", i, ", which has ",
               acc.shape[i], " elements"));
    }
    element = element * acc.shape[i] + index;
  }
  return frame.data() + acc.slot + static_cast<size_t>(element) * acc.element_bytes;
}

void Machine::run(const BlockCode& block) {
  for (const StmtCode& stmt : block) run(stmt);
}

void Machine::store(const StmtCode& stmt) {
  const Places places = locate(stmt.access);
  const size_t size = stmt.bytes / static_cast<uint32_t>(stmt.access.lanes);
  std::byte* buffer = buffers[stmt.access.buffer];
  const std::byte* value = frame.data() + stmt.value;
  for (int lane = places.begin; lane < places.end; ++lane) {
    std::memcpy(buffer + (places.offset + lane * places.stride), value + static_cast<size_t>(lane) * size,
                size);
  }
}

/// The place of an access, from which on `bytes` must lie in the buffer.
std::byte* Machine::corner(const AccessCode& access, int64_t bytes) const {
  const int64_t offset = locate(access).offset;
  const int64_t size = code.buffer_bytes[access.buffer];
  if (offset + bytes > size) {
    fail(cat("tile of %", code.kernel->buffers[access.buffer].name, " at bytes ", offset, " to ",
             offset + bytes, " of ", size));
  }
  return buffers[access.buffer] + offset;
}

void Machine::run_tiles(const StmtCode& stmt) {
  const int64_t rows = stmt.tile_rows * kTileSize, columns = stmt.tile_columns * kTileSize;
  tiles = &stmt;
  sums.assign(static_cast<size_t>(rows * columns), 0);
  run(stmt.body);
  statement = &stmt;
  const int64_t row_bytes = columns * 4;
  std::byte* to = corner(stmt.access, (rows - 1) * stmt.row_stride + row_bytes);
  for (int64_t row = 0; row < rows; ++row)
    std::memcpy(to + row * stmt.row_stride, sums.data() + row * columns, static_cast<size_t>(row_bytes));
}

void Machine::mma(const StmtCode& stmt) {
  constexpr int64_t kPairs = kTileDepth / 2, kRowBytes = 2 * kTileDepth;
  const int64_t rows = tiles->tile_rows * kTileSize, columns = tiles->tile_columns * kTileSize;
  const int64_t panel = stmt.column_stride;
  const std::byte* left = corner(stmt.access, (rows - 1) * stmt.row_stride + kRowBytes);
  const std::byte* right = corner(stmt.right, (tiles->tile_columns - 1) * panel + kPairs * kRowBytes);
  uint32_t factors[kPairs], others[kPairs * kTileSize];
  for (int64_t column = 0; column < columns; ++column) {
    if (column % kTileSize == 0) std::memcpy(others, right + column / kTileSize * panel, sizeof(others));
    for (int64_t row = 0; row < rows; ++row) {
      std::memcpy(factors, left + row * stmt.row_stride, sizeof(factors));
      float& sum = sums[static_cast<size_t>(row * columns + column)];
      sum = scalar_ops::mma(factors, others + column % kTileSize, kTileSize, kPairs, sum);
    }
  }
}

void Machine::run(const StmtCode& stmt) {
  statement = &stmt;
  for (const Step& step : stmt.steps) step.run(step, *this);
  switch (stmt.kind) {
    case StmtKind::for_: {
      const int64_t high = stmt.high.value(variables.data());
      int64_t& variable = variables[stmt.variable];
      for (variable = stmt.low.value(variables.data()); variable < high; variable += stmt.step)
        run(stmt.body);
      break;
    }
    case StmtKind::if_: run(holds(stmt.guard, variables.data()) ? stmt.body : stmt.otherwise); break;
    case StmtKind::let:
      if (stmt.is_index)
        variables[stmt.variable] = *slot<int64_t>(stmt.value);
      else
        std::memmove(frame.data() + stmt.slot, frame.data() + stmt.value, stmt.bytes);
      break;
    case StmtKind::store: store(stmt); break;
    case StmtKind::prefetch: break;
    case StmtKind::acc: {
      const AccPlace& place = code.accs[stmt.acc];
      for (int64_t i = 0; i < place.elements; ++i) {
        std::memcpy(frame.data() + place.slot + static_cast<size_t>(i) * stmt.bytes,
                    frame.data() + stmt.value, stmt.bytes);
      }
      break;
    }
    case StmtKind::set: std::memcpy(acc(stmt.acc, stmt.at), frame.data() + stmt.value, stmt.bytes); break;
    case StmtKind::tiles: run_tiles(stmt); break;
    case StmtKind::mma: mma(stmt); break;
  }
}

}  // namespace keratin
