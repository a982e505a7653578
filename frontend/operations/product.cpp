// Sums of products.
#include <algorithm>
#include <numeric>
#include <string>

#include "frontend/einsum.h"
#include "frontend/elementary.h"
#include "frontend/linalg.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Both in one dtype; of bytes the sums are 32 bits wide.
std::pair<Expr, Expr> factors(OperationCall& call, size_t first = 0) {
  auto [a, b] = std::pair(call.tensor(first), call.tensor(first + 1));
  const bool are_bytes = a.dtype() == DType::i8 && b.dtype() == DType::i8;
  const DType dtype = are_bytes ? DType::i32 : promote(a.dtype(), b.dtype());
  if (dtype == DType::boolean) call.fail("products of booleans are not supported");
  return {cast(a, dtype), cast(b, dtype)};
}

/// `count` letters from the n-th on.
std::string letters(int64_t count, int64_t first = 0) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += static_cast<char>('a' + first + i);
  return text;
}

/// The axes of two tensors that are contracted: those of the first in order with those of the second.
Expr contract(const Expr& a, const Ints& a_axes, const Expr& b, const Ints& b_axes) {
  std::string of_a = letters(a.rank()), of_b = letters(b.rank(), a.rank()), result;
  for (size_t i = 0; i < a_axes.size(); ++i) of_b[b.axis(b_axes[i])] = of_a[a.axis(a_axes[i])];
  for (char letter : of_a + of_b)
    if ((of_a.find(letter) == std::string::npos) != (of_b.find(letter) == std::string::npos))
      result += letter;
  return einsum(a, of_a, b, of_b, result);
}

Outputs matmul_operation(OperationCall& call) {
  const auto [a, b] = factors(call);
  if (a.rank() == 0 || b.rank() == 0) call.fail("its operands must have axes", ErrorKind::data);
  return product_of_matrices(a, b);
}

constexpr Arg kPowerParams[] = {{"n", ArgKind::integer}};

/// By squares. Of the inverse, if the power is negative.
Outputs matrix_power(OperationCall& call) {
  const int64_t n = call.args().integer("n");
  const Expr x = n < 0 ? call.real(0) : call.tensor(0);
  if (x.rank() < 2 || x.dim(-1) != x.dim(-2))
    call.fail(cat("the matrices of ", to_text(x.shape()), " are not square"), ErrorKind::data);
  Expr square = n < 0 ? solve(x, identity_like(x)) : x, power;
  for (uint64_t rest = n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n); rest > 0; rest >>= 1) {
    if (rest & 1) power = power ? product_of_matrices(power, square) : square;
    if (rest > 1) square = product_of_matrices(square, square);
  }
  return power ? power : identity_like(x);
}

/// numpy's dot: the last axis with the last but one, without batches.
Outputs dot(OperationCall& call) {
  const auto [a, b] = factors(call);
  if (a.rank() == 0 || b.rank() == 0) return a * b;
  return contract(a, {-1}, b, {b.rank() == 1 ? -1 : -2});
}

Outputs vdot(OperationCall& call) {
  const auto [a, b] = factors(call);
  return contract(flattened(a), {0}, flattened(b), {0});
}

Outputs inner(OperationCall& call) {
  const auto [a, b] = factors(call);
  if (a.rank() == 0 || b.rank() == 0) return a * b;
  return contract(a, {-1}, b, {-1});
}

Outputs outer(OperationCall& call) {
  const auto [a, b] = call.pair();
  return expand_dims(flattened(a), 1) * expand_dims(flattened(b), 0);
}

constexpr Arg kTensordotParams[] = {{"axes", ArgKind::any, "2"}};

/// So many of the last axes with so many of the first, or those that are named.
Outputs tensordot(OperationCall& call) {
  const auto [a, b] = factors(call);
  const Json& axes = call.args().json("axes");
  Ints of_a, of_b;
  if (axes.is_array()) {
    of_a = to_ints(axes.at(0));
    of_b = to_ints(axes.at(1));
  } else {
    for (int64_t i = 0; i < axes.as_int(); ++i) {
      of_a.push_back(i - axes.as_int());
      of_b.push_back(i);
    }
  }
  if (of_a.size() != of_b.size())
    call.args().reject("axes", "expected as many on both sides", {}, ErrorKind::data);
  return contract(a, of_a, b, of_b);
}

// --- einsum ---

constexpr Arg kEinsumParams[] = {{"subscripts", ArgKind::any}};

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

/// The letters of all parts; those that stand for an ellipsis are capitals that the text does not have.
Equation read_equation(OperationCall& call) {
  const auto reject = [&](std::string_view problem) {
    call.args().reject("subscripts", problem, {}, ErrorKind::data);
  };
  std::string text = call.args().json("subscripts").as_string();
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  std::string free_letters;
  for (char letter = 'Z'; letter >= 'A'; --letter)
    if (text.find(letter) == std::string::npos) free_letters += letter;

  Equation equation;
  size_t most_elided = 0;
  const auto expand = [&](std::string part, size_t elided) {
    if (const size_t dots = part.find("..."); dots != std::string::npos) {
      if (elided > free_letters.size()) reject("it has too many axes");
      // The last letters are common to all: an ellipsis is aligned at its end.
      std::string hidden = free_letters.substr(0, elided);
      std::reverse(hidden.begin(), hidden.end());
      part.replace(dots, 3, hidden);
    }
    return part;
  };
  size_t begin = 0;
  for (size_t i = 0; i < call.count(); ++i) {
    if (begin > left.size()) reject(cat("expected ", call.count(), " operands"));
    const size_t comma = std::min(left.find(',', begin), left.size());
    const std::string part = left.substr(begin, comma - begin);
    begin = comma + 1;
    const int64_t named = static_cast<int64_t>(part.size()) - (part.find("...") == std::string::npos ? 0 : 3);
    const int64_t elided = call.tensor(i).rank() - named;
    if (elided < 0 || (elided > 0 && part.find("...") == std::string::npos))
      reject(cat("it does not fit operand ", i, ", ", to_text(call.tensor(i).shape())));
    most_elided = std::max(most_elided, static_cast<size_t>(elided));
    equation.inputs.push_back(expand(part, static_cast<size_t>(elided)));
  }
  if (begin <= left.size()) reject(cat("expected ", call.count(), " operands"));
  if (arrow != std::string::npos) {
    equation.output = expand(text.substr(arrow + 2), most_elided);
    return equation;
  }
  // Without an arrow: the ellipsis, then what is there once, in the order of the alphabet.
  std::string all = join(equation.inputs, ""), once;
  for (char letter : all)
    if (text.find(letter) != std::string::npos && std::count(all.begin(), all.end(), letter) == 1)
      once += letter;
  std::sort(once.begin(), once.end());
  equation.output = (left.find("...") == std::string::npos ? "" : expand("...", most_elided)) + once;
  return equation;
}

/// Letters that an operand has twice name its diagonal.
void take_diagonals(Expr& x, std::string& axes) {
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t j = axes.find(axes[i], i + 1);
    if (j == std::string::npos) continue;
    const auto first = static_cast<int64_t>(i), second = static_cast<int64_t>(j);
    const Expr is_diagonal = equal(places(x, first), places(x, second));
    x = sum(where(is_diagonal, x, number(x, 0)), {second});
    axes.erase(j, 1);
    --i;
  }
}

Outputs einsum_operation(OperationCall& call) {
  Equation equation = read_equation(call);
  std::vector<Expr> operands;
  DType dtype = call.tensor(0).dtype();
  bool are_bytes = true;
  for (size_t i = 0; i < call.count(); ++i) {
    dtype = promote(dtype, call.tensor(i).dtype());
    are_bytes = are_bytes && call.tensor(i).dtype() == DType::i8;
  }
  for (size_t i = 0; i < call.count(); ++i) {
    operands.push_back(cast(call.tensor(i), are_bytes ? DType::i32 : dtype));
    take_diagonals(operands[i], equation.inputs[i]);
  }
  Expr product = operands[0];
  std::string axes = equation.inputs[0];
  if (operands.size() == 1) {
    const Expr one(call.builder(), call.builder().constant(product.dtype(), 1));
    return einsum(product, axes, one, "", equation.output);
  }
  for (size_t i = 1; i < operands.size(); ++i) {
    // What the operands behind, or the result, still need.
    std::string later = equation.output, needed;
    for (size_t j = i + 1; j < operands.size(); ++j) later += equation.inputs[j];
    for (char letter : axes + equation.inputs[i])
      if (later.find(letter) != std::string::npos && needed.find(letter) == std::string::npos)
        needed += letter;
    if (i + 1 == operands.size()) needed = equation.output;
    product = einsum(product, axes, operands[i], equation.inputs[i], needed);
    axes = needed;
  }
  return product;
}

// --- products of other kinds ---

/// Every element of the first, times the second.
Outputs kron(OperationCall& call) {
  auto [a, b] = call.pair();
  while (a.rank() < b.rank()) a = expand_dims(a, 0);
  while (b.rank() < a.rank()) b = expand_dims(b, 0);
  Shape of_a, of_b, shape;
  for (int64_t axis = 0; axis < a.rank(); ++axis) {
    of_a.insert(of_a.end(), {a.dim(axis), Dim(1)});
    of_b.insert(of_b.end(), {Dim(1), b.dim(axis)});
    const Dim left = a.dim(axis), right = b.dim(axis);
    if (!left.is_static() && !right.is_static()) call.fail(cat("axis ", axis, " of both is free"));
    shape.push_back(Dim(left.coef * right.coef, left.is_static() ? right.symbol : left.symbol));
  }
  return reshape(reshape(a, of_a) * reshape(b, of_b), shape);
}

constexpr Arg kCrossParams[] = {
    {"axisa", ArgKind::integer, "-1"},
    {"axisb", ArgKind::integer, "-1"},
    {"axisc", ArgKind::integer, "-1"},
    {"axis", ArgKind::any, "null"},
};

/// Of vectors in space; those in the plane have 0 as their third coordinate. Of two in the plane, that coordinate alone.
Outputs cross(OperationCall& call) {
  const auto [first, second] = call.pair();
  const Json& axis = call.args().json("axis");
  const auto place = [&](std::string_view name) {
    return axis.is_null() ? call.args().integer(name) : axis.as_int();
  };
  const Expr a = move_axis(first, place("axisa"), -1), b = move_axis(second, place("axisb"), -1);
  const auto has_three = [&](const Expr& x) {
    const int64_t extent = x.extent(-1);
    if (extent != 2 && extent != 3)
      call.fail(cat("vectors of ", extent, " elements have no cross product"), ErrorKind::data);
    return extent == 3;
  };
  const bool in_space = has_three(a) || has_three(b);
  const auto at = [&](const Expr& x, int64_t i) {
    return i < x.extent(-1) ? slice(x, -1, i, i + 1) : number(slice(x, -1, 0, 1), 0);
  };
  const auto coordinate = [&](int64_t i, int64_t j) { return at(a, i) * at(b, j) - at(a, j) * at(b, i); };
  if (!in_space) return squeeze(coordinate(0, 1), {-1});
  return move_axis(concat({coordinate(1, 2), coordinate(2, 0), coordinate(0, 1)}, -1), -1, place("axisc"));
}

/// Of rows: covariances over the roots of both variances.
Outputs corrcoef(OperationCall& call) {
  const Expr x = call.real(0);
  const Expr rows = x.rank() == 1 ? expand_dims(x, 0) : x;
  const Expr centred = rows - mean(rows, {-1}, true);
  const Expr scaled = centred * unary(Op::rsqrt, sum(centred * centred, {-1}, true));
  const Expr y = clip(contract(scaled, {1}, scaled, {1}), -1, 1);
  return x.rank() == 1 ? reshape(y, {}) : y;
}

constexpr Arg kCorrelateParams[] = {{"mode", ArgKind::choice, "valid", "valid|same|full"}};

/// The longer one slides past the shorter one; changing places turns the result round.
Outputs correlate(OperationCall& call) {
  auto [a, b] = call.real_pair();
  if (a.rank() != 1 || b.rank() != 1) call.fail("its operands must be vectors", ErrorKind::data);
  const bool turned = a.extent(0) < b.extent(0);
  if (turned) std::swap(a, b);
  const int64_t extent = a.extent(0), window = b.extent(0);
  const std::string& mode = call.args().choice("mode");
  const int64_t around = mode == "valid" ? 0 : window - 1;
  const int64_t before = mode == "same" ? (turned ? window - 1 - (window - 1) / 2 : window / 2) : around;
  const int64_t after = mode == "same" ? around - before : around;
  const Expr padded = pad(a, {before}, {after});
  Ints places;
  const int64_t count = extent + before + after - window + 1;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < window; ++j) places.push_back(i + j);
  const Expr y = matmul(reshape(take(padded, 0, places), {count, window}), b);
  return turned ? reverse(y, 0) : y;
}

/// Distances of every row of the first from every row of the second.
Outputs cdist(OperationCall& call) {
  const auto [a, b] = call.real_pair();
  const Expr difference = expand_dims(a, -2) - expand_dims(b, -3);
  return unary(Op::sqrt, sum(difference * difference, {-1}));
}

constexpr OperationDef kRows[] = {
    {"Matmul", "x1 x2", matmul_operation},
    {"MatrixPower", "x", matrix_power, kPowerParams},
    {"Dot", "x1 x2", dot},
    {"Vdot", "x1 x2", vdot},
    {"Inner", "x1 x2", inner},
    {"Outer", "x1 x2", outer},
    {"Tensordot", "x1 x2", tensordot, kTensordotParams},
    {"Einsum", "*", einsum_operation, kEinsumParams},
    {"Kron", "x1 x2", kron},
    {"Cross", "x1 x2", cross, kCrossParams},
    {"Corrcoef", "x", corrcoef},
    {"Correlate", "x1 x2", correlate, kCorrelateParams},
    {"CDist", "x y", cdist},
};

}  // namespace

std::span<const OperationDef> product_operations() { return kRows; }

}  // namespace keratin
