// Kernel IR: loops over buffers, the level between the graph and LLVM.
//
// A kernel is what one fusion group becomes. Its `par` variables span a grid of pieces that may run in any order and on
// any thread; each piece runs `body`. Buffers are row-major arrays addressed by one index per axis. Expressions are
// scalars or vectors of `lanes` elements; all arithmetic is IEEE, in the order written, contracted only where an `fma` is
// written: the kernel interpreter and the emitted machine code agree bit for bit.
//
// A program is what one function of the module becomes: buffers in a planned workspace and kernel launches in order.
//
//     kernel @predict.0(%x: in f32[N,784], %w: in f32[1,784,32], %b: in f32[32], %y: out f32[N,32])
//         par i in 0..(N + 3) div 4 {
//       acc a: f32x16[4,2] = 0.0
//       for k in 0..784 {
//         unroll r in 0..4, c in 0..2 {
//           set a[r, c] = fma(splat((load %x[4*i + r, k] if N - 4*i - r - 1)), load %w[0, k, 16*c : 16], a[r, c])
//         }
//       }
//       unroll r in 0..4, c in 0..2 {
//         store %y[4*i + r, 16*c : 16] = max(add(a[r, c], load %b[16*c : 16]), 0.0) if N - 4*i - r - 1
//       }
//     }
//
// The text form is complete. Lanes come from where a value is used; `16*c : 16` are 16 places along that axis (`by 2`:
// every other); `if a and b` means a >= 0 and b >= 0; `only 2..n` names the lanes that are accessed; what a load does not
// access reads as 0, or as `or 1.0` says. i32(4*i + 2*lane) is an index as a value. A node that a statement uses more than
// once, and some of a very deep expression, is written in front of it: `$1: f32x16 = …`. Variables are numbered as they
// come, so two modules are the same if their texts are. The bytes of module variables are not part of the text.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codegen/index.h"
#include "codegen/schedule.h"
#include "codegen/work.h"
#include "ir/graph.h"
#include "passes/slices.h"

namespace keratin {

using BufferId = uint32_t;
using AccId = uint32_t;

/// Conditions that must all hold; each says: this index is >= 0.
using Guard = std::vector<Index>;

/// A place in a buffer, or `lanes` places: lane l is at `at` with `lane_step · l` added on axis `lane_axis`.
struct Access {
  BufferId buffer = 0;
  std::vector<Index> at;  ///< one per axis
  int lanes = 1;
  int lane_axis = 0;      ///< which axis the lanes run along; the last one, as a rule
  int64_t lane_step = 1;  ///< 1: neighbours (along the last axis: contiguous); otherwise strided
  /// Lanes l with first <= l < limit are accessed; absent: all.
  std::optional<Index> first, limit;
  /// Nothing is accessed unless all hold.
  Guard guard;
};

enum class ExprKind : uint8_t {
  number,  ///< `number` in every lane
  index,   ///< `index` + lane · `lane_step`, as an integer of `dtype`
  load,    ///< `access`; lanes not accessed read as `number`
  apply,   ///< `op` of the arguments, lane by lane: see kernel_ops()
  fma,     ///< args[0] · args[1] + args[2], rounded once
  dot2,  ///< args[2] + the products of the two bf16 in each u32 of args[0] and args[1]: see scalar_ops::dot2
  narrow,    ///< the f32 args[0] rounded to bf16, as u16: see scalar_ops::narrow
  bitcast,   ///< the argument's bits as `dtype`: as many bits, if perhaps in fewer or more lanes
  splat,     ///< the scalar argument in every lane
  zip_low,   ///< args[0][0], args[1][0], args[0][1], args[1][1], …: the lower halves of two vectors, by turns
  zip_high,  ///< the same of the upper halves
  fold,  ///< lane i: args[i], a vector of n lanes, made one scalar: halves are combined by `op` until one lane is left (lane l
         ///< with lane l + n/2)
  acc,   ///< the accumulator `acc`[`at`]
  let,   ///< the value bound to `variable`
};

struct Expr;
using ExprRef = std::shared_ptr<const Expr>;

/// Immutable and shared: a DAG. An expression is evaluated where its statement stands.
struct Expr {
  ExprKind kind;
  DType dtype;
  int lanes = 1;
  Op op = Op::add;            ///< apply, fold
  std::vector<ExprRef> args;  ///< apply, fma, dot2, narrow, bitcast, splat, zip_low, zip_high, fold
  Scalar number;              ///< number; load: what lanes not accessed read as
  Index index;                ///< index
  int64_t lane_step = 0;      ///< index
  Access access;              ///< load
  AccId acc = 0;              ///< acc
  std::vector<Index> at;      ///< acc; constants once the unrolled loops are expanded
  VarId variable = 0;         ///< let
};

/// The ops that `apply` takes: what processors have. Everything else is expanded by lowering (codegen/vecmath.h).
/// neg abs sqrt floor ceil round, add sub mul div max min (NaN and zeros as ir/ops/pointwise.cpp says), rem (integers only),
/// and or xor not shl shr (integers, booleans), eq ne lt le, select, cast. dtypes: boolean, integers, f32, f64; 16-bit
/// floats are u16 here, converted by written-out arithmetic.
bool is_kernel_op(Op op);
/// What elements of `dtype` are in kernels: u16 for the 16-bit floats, otherwise itself. Loads give it, stores take it.
DType kernel_dtype(DType dtype);
inline constexpr int kMaxLanes = 64;

enum class StmtKind : uint8_t { for_, let, store, prefetch, acc, set, if_, tiles, mma };
enum class LoopKind : uint8_t { serial, unroll };

struct Stmt;
using Block = std::vector<Stmt>;

struct Stmt {
  StmtKind kind;

  // for: variable from `low` while < `high` in steps of `step`; an unrolled loop has constant bounds
  VarId variable = 0;  ///< for, let
  LoopKind loop = LoopKind::serial;
  Index low, high;
  int64_t step = 1;
  Block body;       ///< for, tiles, if (when all of `guard` hold)
  Block otherwise;  ///< if (when not)
  Guard guard;      ///< if

  ExprRef value;  ///< let, store, set, acc (the initial value of every element)
  Access access;  ///< store, tiles, mma; prefetch: one lane, without conditions, inside the buffer or not
  AccId acc = 0;  ///< acc (declares it; visible to the end of the block), set
  std::vector<Index> at;  ///< set

  // tiles: sums of 16 × 16 products, `tile_rows` × `tile_columns` of them in registers, start from 0; `body` adds to them with mma;
  // in the end they are stored to `access` and the places that follow it along the last two axes. f32.
  //
  // mma, in a tiles: 16 × 32 bf16 of the left operand times 32 × 16 of the right one are added to each. The row m of all rows is what
  // lies m · `row_step` places along `row_axis` behind `access`; of the column tile c, the pair of rows p is what lies at `right` with
  // c added on `column_axis`, p on the last but one, and has 32 elements, two for each column. Places are counted in memory: a row may
  // lead into the next place of an outer axis. The arithmetic: scalar_ops::mma.
  int64_t tile_rows = 0, tile_columns = 0;
  Access right;
  int row_axis = 0, column_axis = 0;
  int64_t row_step = 1;
};

/// Rows and columns of a tile of sums, and the bf16 that are multiplied for each in one mma.
inline constexpr int64_t kTileSize = 16, kTileDepth = 32;
/// Tiles of sums beside which registers are left for the factors.
inline constexpr int64_t kMostTilesOfSums = 4, kMostTileRows = 3;

enum class Mode : uint8_t {
  in,     ///< only read
  out,    ///< only written by the kernel, or written before it is read
  inout,  ///< read and written
  tile,   ///< private scratch memory of the piece; static shape; undefined at its start
};

struct KernelBuffer {
  std::string name;
  DType dtype;
  Shape shape;  ///< row-major
  Mode mode = Mode::in;
};

/// Register accumulators: a small array of vectors.
struct Accumulator {
  std::string name;
  DType dtype;
  int lanes = 1;
  std::vector<int64_t> shape;
};

struct KernelVar {
  std::string name;          ///< as printed; unique within the kernel
  DType dtype = DType::i64;  ///< lets may have any dtype and lanes; loop variables are i64 scalars
  int lanes = 1;
};

struct ParLoop {
  VarId variable;
  Index extent;  ///< from 0; no variables in it
};

struct Kernel {
  std::string name;
  std::vector<KernelBuffer> buffers;  ///< by BufferId; the parameters first, in order, then the tiles
  std::vector<Accumulator> accumulators;
  std::vector<KernelVar> variables;  ///< by VarId
  std::vector<ParLoop> par;          ///< outermost first; empty: a single piece
  bool in_rounds =
      false;  ///< pieces with one value of the first par variable come before those with the next
  Block body;
  Origin origin;                 ///< the layers it computes, for profiles and debug info
  Work work;                     ///< what it has to do, for profiles; no part of the text
  std::vector<Decided> decided;  ///< when it was lowered; no part of the text
};

enum class Storage : uint8_t { input, output, variable, workspace };

/// A buffer of a program. Two of them may share memory if the plan says so.
struct ProgramBuffer {
  std::string name;  ///< input, output: as the function names it; variable: its name; workspace: made up
  DType dtype;
  Shape shape;  ///< physical, row-major
  Storage storage = Storage::workspace;
  Size offset;  ///< workspace: bytes from its start, a multiple of 64
};

struct Launch {
  uint32_t kernel = 0;
  std::vector<uint32_t> args;  ///< program buffers, one per kernel parameter
  /// sum, prod, max, min: what the kernel stores is the rank's part of it; whoever reads it waits for that of all ranks. Empty, as a
  /// rule: nothing of that kind. See ir/ops/ranks.cpp.
  std::string reduced_by = {};
  // For explanations; no part of the text.
  std::optional<uint32_t> fusion = {};   ///< the node of the function that it computes
  std::string_view copied_because = {};  ///< if it computes none
};

struct Program {
  std::string name;  ///< the function's
  std::vector<ProgramBuffer> buffers;
  std::vector<uint32_t> inputs, outputs;  ///< which buffers, in the function's order
  Size workspace;                         ///< bytes
  Size least_workspace;                   ///< with the best of plans; no part of the text
  Slices slices;  ///< inputs and outputs hold all samples; of a fixed batch, everything else is for one slice
  std::vector<Launch> launches;
};

struct KernelModule {
  std::string name;
  std::vector<Variable> variables;  ///< as in the graph module: names, types, roles, data
  std::vector<Kernel> kernels;
  std::vector<Program> programs;
};

// Makers of expressions. Types are checked: a mismatch is a bug and aborts.
ExprRef number(Scalar value, int lanes = 1);
ExprRef number(float value, int lanes = 1);
ExprRef index_value(DType dtype, Index index, int lanes = 1, int64_t lane_step = 0);
ExprRef load(const Kernel& kernel, Access access, Scalar otherwise);
ExprRef load(const Kernel& kernel, Access access);  ///< otherwise: zero
ExprRef apply(Op op, std::vector<ExprRef> args);    ///< not for cast
ExprRef cast(DType to, ExprRef value);
ExprRef fma(ExprRef a, ExprRef b, ExprRef c);
ExprRef dot2(ExprRef a, ExprRef b, ExprRef c);
inline constexpr int kMostDot2Lanes = 16;
ExprRef narrow(ExprRef value);
ExprRef bitcast(DType to, ExprRef value);  ///< with the lanes that the bits make
/// Rows of a square matrix become its columns, vector by vector: every zip is given to `keep`, and what that returns takes its place.
std::vector<ExprRef> transposed(std::vector<ExprRef> rows, const std::function<ExprRef(ExprRef)>& keep);
ExprRef splat(ExprRef scalar, int lanes);  ///< `scalar` itself if lanes is 1
ExprRef fold(Op op, ExprRef vector);       ///< `vector` itself if it has one lane
inline constexpr size_t kMostFolded = 4;
ExprRef fold(Op op, std::vector<ExprRef> vectors);  ///< of one type, with several lanes; 1, 2 or 4 of them
ExprRef acc_value(const Kernel& kernel, AccId acc, std::vector<Index> at);
ExprRef let_value(const Kernel& kernel, VarId variable);

/// `lanes` neighbours along the buffer's last axis, from a place on.
Access neighbours(BufferId buffer, std::vector<Index> at, int lanes);

// Makers of statements and of the things they name. A name that is taken gets a number behind it; names of variables and
// accumulators start with a small letter or _, and are no symbol's.
VarId add_variable(Kernel& kernel, std::string name, DType dtype = DType::i64, int lanes = 1);
BufferId add_buffer(Kernel& kernel, KernelBuffer buffer);
AccId add_accumulator(Kernel& kernel, Accumulator accumulator);
Stmt for_stmt(VarId variable, Index low, Index high, int64_t step, LoopKind loop, Block body);
Stmt let_stmt(VarId variable, ExprRef value);
Stmt store_stmt(Access access, ExprRef value);
Stmt prefetch_stmt(Access access);  ///< without what says when and which lanes are accessed
Stmt acc_stmt(AccId acc, ExprRef initial);
Stmt set_stmt(AccId acc, std::vector<Index> at, ExprRef value);
Stmt if_stmt(Guard guard, Block then, Block otherwise = {});
Stmt tiles_stmt(Access sums, int64_t rows, int64_t columns, Block body);
Stmt mma_stmt(Access left, int row_axis, int64_t row_step, Access right, int column_axis);

bool uses_tiles(const Kernel& kernel);          ///< whether any statement is tiles
bool is_kernel_keyword(std::string_view word);  ///< words that name nothing in a kernel's text

/// The complete text; parse_kernels(print(m)) gives the same module, all but the variables' data.
std::string print(const KernelModule& module);
/// The lines of a module's text, from 1, at which its kernels and statements begin; loops that share a line with the one
/// around them are not in it.
struct TextLines {
  std::unordered_map<const Kernel*, unsigned> kernels;
  std::unordered_map<const Stmt*, unsigned> statements;
};
std::string print(const KernelModule& module, TextLines& lines);
std::string print(const Kernel& kernel);
std::string print(const Kernel& kernel, const Stmt& stmt);
std::string print(const Program& program);
/// Throws Error(data) with line and column.
KernelModule parse_kernels(std::string_view text);

/// What is ill-formed, with the kernel printed; empty if nothing is: types, scopes, arities, accumulators with indices
/// that are not constants, unrolled loops without constant bounds, accesses that certainly leave their buffer.
std::string find_problem(const KernelModule& module);
/// The symbols that a kernel's indices and buffers are made of. Requires: the kernel is well-formed.
std::set<Symbol> symbols_of(const Kernel& kernel);
/// Aborts if there is a problem.
void verify(const KernelModule& module);

}  // namespace keratin
