// The inside of the kernel interpreter: what a kernel is compiled to (kernel_code.cpp) and what runs it (kernel_machine.cpp,
// with one function per op in kernel_steps.cpp).
//
// The frame is an array of bytes that holds all values but integers that indices may use: constants, let-bound values,
// accumulators, and what the steps of a statement compute. A slot is the place of one value in it, its lanes side by side.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codegen/kernel_code.h"

namespace keratin {

/// An index, the symbols' values put in.
struct IndexCode {
  struct Term {
    int64_t coef;
    Index::Atom::Kind kind;
    VarId variable;
    int64_t by;
    std::shared_ptr<const IndexCode> inner;
  };
  int64_t constant = 0;
  std::vector<Term> terms;

  int64_t value(const int64_t* variables) const;
};

using GuardCode = std::vector<IndexCode>;
bool holds(const GuardCode& guard, const int64_t* variables);

/// An access, the buffer's shape put in.
struct AccessCode {
  struct Axis {
    IndexCode at;
    int64_t extent, stride;  // stride in bytes
  };
  BufferId buffer;
  std::vector<Axis> axes;
  int lanes;
  size_t lane_axis;
  int64_t lane_step;
  std::optional<IndexCode> first, limit;
  GuardCode guard;
};

/// Where the lanes begin … end-1 of an access are: the byte of lane 0 (even if it is not accessed), bytes per lane.
struct Places {
  int64_t offset = 0, stride = 0;
  int begin = 0, end = 0;
};

struct Machine;

/// One operation on slots of the frame.
struct Step {
  void (*run)(const Step& step, Machine& machine);
  uint32_t out;
  uint32_t args[4] = {};
  int lanes = 1;
  int folded = 1;                            // fold: how many vectors
  int64_t lane_step = 0;                     // index
  std::shared_ptr<const IndexCode> index;    // index
  std::shared_ptr<const AccessCode> access;  // load
  AccId acc = 0;                             // acc
  std::vector<IndexCode> at;                 // acc
};

struct StmtCode;
using BlockCode = std::vector<StmtCode>;

struct StmtCode {
  StmtKind kind;
  std::vector<Step> steps;  // compute the value
  uint32_t value = 0;       // its slot
  VarId variable = 0;
  uint32_t slot = 0;      // let: the variable's, unless it is in the array of variables
  bool is_index = false;  // let: it is
  IndexCode low, high;
  int64_t step = 1;
  GuardCode guard;
  BlockCode body, otherwise;
  AccessCode access;
  AccId acc = 0;
  std::vector<IndexCode> at;
  uint32_t bytes = 0;  // of the value
  AccessCode right;    // mma
  int64_t tile_rows = 0, tile_columns = 0;
  int64_t row_stride = 0;     // tiles, mma: bytes from row to row of the sums, of the left operand
  int64_t column_stride = 0;  // mma: bytes from one tile of columns of the right operand to the next
  const Stmt* source = nullptr;
};

/// An accumulator in the frame.
struct AccPlace {
  uint32_t slot;
  uint32_t element_bytes;
  int64_t elements;
  std::vector<int64_t> shape;
};

struct KernelCode::Impl {
  const Kernel* kernel;
  std::vector<int64_t> grid;
  BlockCode body;
  std::vector<AccPlace> accs;
  std::vector<int64_t> buffer_bytes;
  std::vector<std::byte> frame;  // as it is when a piece starts: constants in their slots
};

/// Runs one piece after the other; the frame keeps the values of the current piece.
struct Machine {
  const KernelCode::Impl& code;
  std::vector<std::byte> frame;
  std::vector<int64_t> variables;
  std::vector<std::byte*> buffers;
  const StmtCode* statement = nullptr;
  const StmtCode* tiles = nullptr;  // around the statement
  std::vector<float> sums;          // its: by row, over all columns

  template <typename T>
  T* slot(uint32_t offset) {
    return reinterpret_cast<T*>(frame.data() + offset);
  }

  [[noreturn]] void fail(const std::string& what) const;
  Places locate(const AccessCode& access) const;
  std::byte* acc(AccId acc, const std::vector<IndexCode>& at);
  void run(const BlockCode& block);
  void run(const StmtCode& stmt);
  void store(const StmtCode& stmt);
  void run_tiles(const StmtCode& stmt);
  void mma(const StmtCode& stmt);
  std::byte* corner(const AccessCode& access, int64_t bytes) const;
};

}  // namespace keratin
