// The ops of kernel IR as LLVM instructions, one for one where LLVM's meaning is the same. Where it is not (division by
// zero, shifts beyond the width, conversions out of range, NaN in max and min), what is undefined there is defined here,
// as ir/ops/pointwise.cpp says. No fast-math flag is ever set.
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>
#include <numeric>

#include "codegen/emission.h"
#include "codegen/kernel_emitter.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

using Builder = llvm::IRBuilder<>;

llvm::Value* zero_of(llvm::Value* like) { return llvm::Constant::getNullValue(like->getType()); }
llvm::Value* one_of(llvm::Value* like) { return llvm::ConstantInt::get(like->getType(), 1); }
llvm::Value* minus_one_of(llvm::Value* like) { return llvm::Constant::getAllOnesValue(like->getType()); }
llvm::Value* is_zero(Builder& b, llvm::Value* x) { return b.CreateICmpEQ(x, zero_of(x)); }

bool is_known_number(llvm::Value* x) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(x);
  if (constant != nullptr && x->getType()->isVectorTy()) constant = constant->getSplatValue();
  const auto* real = llvm::dyn_cast_or_null<llvm::ConstantFP>(constant);
  return real != nullptr && !real->isNaN();
}

/// b if b > a or b is NaN, else a; with `less`, b if b < a or b is NaN.
llvm::Value* choose(Builder& builder, DType dtype, llvm::Value* a, llvm::Value* b, bool less) {
  if (!is_float(dtype)) {
    const bool sign = is_signed(dtype);
    const auto id = less ? (sign ? llvm::Intrinsic::smin : llvm::Intrinsic::umin)
                         : (sign ? llvm::Intrinsic::smax : llvm::Intrinsic::umax);
    return builder.CreateBinaryIntrinsic(id, a, b);
  }
  // In this form x86 has one instruction; a NaN in `b` needs another two, one of which does not wait for `a`. LLVM would make one choice
  // of both, which takes four: freeze keeps them apart.
  llvm::Value* takes_b = less ? builder.CreateFCmpOLT(b, a) : builder.CreateFCmpOGT(b, a);
  if (is_known_number(b)) return builder.CreateSelect(takes_b, b, a);
  llvm::Value* is_nan = builder.CreateFCmpUNO(b, b);
  // With a constant zero other processors would take theirs for an instruction that does not tell zeros apart.
  if (is_known_number(a)) return builder.CreateSelect(builder.CreateOr(takes_b, is_nan), b, a);
  return builder.CreateSelect(is_nan, b, builder.CreateFreeze(builder.CreateSelect(takes_b, b, a)));
}

llvm::Value* divide(Builder& b, DType dtype, llvm::Value* x, llvm::Value* y) {
  if (is_float(dtype)) return b.CreateFDiv(x, y);
  llvm::Value* by_zero = is_zero(b, y);
  if (!is_signed(dtype)) {
    llvm::Value* quotient = b.CreateUDiv(x, b.CreateSelect(by_zero, one_of(y), y));
    return b.CreateSelect(by_zero, zero_of(x), quotient);
  }
  llvm::Value* by_minus_one = b.CreateICmpEQ(y, minus_one_of(y));
  llvm::Value* quotient = b.CreateSDiv(x, b.CreateSelect(b.CreateOr(by_zero, by_minus_one), one_of(y), y));
  return b.CreateSelect(by_zero, zero_of(x), b.CreateSelect(by_minus_one, b.CreateNeg(x), quotient));
}

/// The remainder of floor division; 0 by zero.
llvm::Value* remainder(Builder& b, DType dtype, llvm::Value* x, llvm::Value* y) {
  llvm::Value* by_zero = is_zero(b, y);
  if (!is_signed(dtype)) return b.CreateURem(x, b.CreateSelect(by_zero, one_of(y), y));
  llvm::Value* trivial = b.CreateOr(by_zero, b.CreateICmpEQ(y, minus_one_of(y)));
  llvm::Value* rest = b.CreateSRem(x, b.CreateSelect(trivial, one_of(y), y));
  llvm::Value* signs_differ = b.CreateICmpSLT(b.CreateXor(rest, y), zero_of(y));
  llvm::Value* adjust = b.CreateAnd(b.CreateNot(is_zero(b, rest)), signs_differ);
  return b.CreateAdd(rest, b.CreateSelect(adjust, y, zero_of(y)));
}

llvm::Value* shift(Builder& b, Op op, DType dtype, llvm::Value* x, llvm::Value* amount) {
  llvm::Value* width = llvm::ConstantInt::get(amount->getType(), static_cast<uint64_t>(8 * byte_size(dtype)));
  llvm::Value* fits = b.CreateICmpULT(amount, width);
  if (op == Op::shr && is_signed(dtype)) {
    return b.CreateAShr(x, b.CreateSelect(fits, amount, b.CreateSub(width, one_of(width))));
  }
  llvm::Value* safe = b.CreateSelect(fits, amount, zero_of(amount));
  return b.CreateSelect(fits, op == Op::shl ? b.CreateShl(x, safe) : b.CreateLShr(x, safe), zero_of(x));
}

/// To a whole number, ties to even, without an instruction for it: adding 2^(digits - 1) leaves no room for a fraction.
llvm::Value* round_by_adding(Builder& b, DType dtype, llvm::Value* x) {
  llvm::Value* large = llvm::ConstantFP::get(x->getType(), dtype == DType::f32 ? 0x1p23 : 0x1p52);
  llvm::Value* size = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
  llvm::Value* rounded = b.CreateFSub(b.CreateFAdd(size, large), large);
  llvm::Value* with_sign = b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, rounded, x);
  return b.CreateSelect(b.CreateFCmpOLT(size, large), with_sign, x);
}

llvm::Value* round_to_whole(Builder& b, Op op, DType dtype, llvm::Value* x, bool has_instruction) {
  if (has_instruction) {
    const auto id = op == Op::floor  ? llvm::Intrinsic::floor
                    : op == Op::ceil ? llvm::Intrinsic::ceil
                                     : llvm::Intrinsic::roundeven;
    return b.CreateUnaryIntrinsic(id, x);
  }
  llvm::Value* nearest = round_by_adding(b, dtype, x);
  if (op == Op::round) return nearest;
  llvm::Value* one = llvm::ConstantFP::get(x->getType(), 1.0);
  llvm::Value* off = op == Op::floor ? b.CreateFCmpOGT(nearest, x) : b.CreateFCmpOLT(nearest, x);
  llvm::Value* moved = op == Op::floor ? b.CreateFSub(nearest, one) : b.CreateFAdd(nearest, one);
  return b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, b.CreateSelect(off, moved, nearest), x);
}

llvm::CmpInst::Predicate predicate_of(Op op, DType dtype) {
  using P = llvm::CmpInst::Predicate;
  const bool real = is_float(dtype), sign = is_signed(dtype);
  switch (op) {
    case Op::eq: return real ? P::FCMP_OEQ : P::ICMP_EQ;
    case Op::ne: return real ? P::FCMP_UNE : P::ICMP_NE;
    case Op::lt: return real ? P::FCMP_OLT : sign ? P::ICMP_SLT : P::ICMP_ULT;
    case Op::le: return real ? P::FCMP_OLE : sign ? P::ICMP_SLE : P::ICMP_ULE;
    default: break;
  }
  check_failed(__FILE__, __LINE__, "a comparison", cat(to_text(op)));
}

}  // namespace

llvm::Type* memory_type(llvm::LLVMContext& context, DType dtype, int lanes) {
  llvm::Type* element = dtype == DType::f32 ? llvm::Type::getFloatTy(context)
                        : dtype == DType::f64
                            ? llvm::Type::getDoubleTy(context)
                            : llvm::IntegerType::get(context, static_cast<unsigned>(8 * byte_size(dtype)));
  return lanes == 1 ? element : llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
}

llvm::Type* register_type(llvm::LLVMContext& context, DType dtype, int lanes) {
  llvm::Type* type = memory_type(context, dtype, lanes);
  return dtype == DType::boolean ? type->getWithNewBitWidth(1) : type;
}

llvm::Constant* constant(llvm::Type* type, const Scalar& value) {
  if (is_float(value.dtype)) return llvm::ConstantFP::get(type, value.real);
  return llvm::ConstantInt::get(type, static_cast<uint64_t>(value.integer), true);
}

llvm::Value* emit_op(Builder& b, Op op, DType dtype, std::span<llvm::Value* const> args, bool rounds) {
  llvm::Value* x = args[0];
  llvm::Value* y = args.size() > 1 ? args[1] : nullptr;
  const bool real = is_float(dtype);
  switch (op) {
    case Op::neg: return real ? b.CreateFNeg(x) : b.CreateNeg(x);
    case Op::abs:
      if (real) return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
      return is_signed(dtype) ? b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, x, b.getFalse()) : x;
    case Op::sqrt: return b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x);
    case Op::floor:
    case Op::ceil:
    case Op::round: return round_to_whole(b, op, dtype, x, rounds);
    case Op::not_: return b.CreateNot(x);
    case Op::add: return real ? b.CreateFAdd(x, y) : b.CreateAdd(x, y);
    case Op::sub: return real ? b.CreateFSub(x, y) : b.CreateSub(x, y);
    case Op::mul: return real ? b.CreateFMul(x, y) : b.CreateMul(x, y);
    case Op::div: return divide(b, dtype, x, y);
    case Op::rem: return remainder(b, dtype, x, y);
    case Op::max: return choose(b, dtype, x, y, false);
    case Op::min: return choose(b, dtype, x, y, true);
    case Op::and_: return b.CreateAnd(x, y);
    case Op::or_: return b.CreateOr(x, y);
    case Op::xor_: return b.CreateXor(x, y);
    case Op::shl:
    case Op::shr: return shift(b, op, dtype, x, y);
    case Op::eq:
    case Op::ne:
    case Op::lt:
    case Op::le: return b.CreateCmp(predicate_of(op, dtype), x, y);
    case Op::select: return b.CreateSelect(x, y, args[2]);
    default: break;
  }
  check_failed(__FILE__, __LINE__, "is_kernel_op(op)", cat(to_text(op)));
}

llvm::Value* emit_cast(Builder& b, DType from, DType to, llvm::Value* value) {
  llvm::Type* type = register_type(b.getContext(), to, 1);
  if (const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType()))
    type = llvm::FixedVectorType::get(type, vector->getNumElements());
  if (to == DType::boolean) {
    return is_float(from) ? b.CreateFCmpUNE(value, zero_of(value)) : b.CreateICmpNE(value, zero_of(value));
  }
  if (is_float(from) && is_float(to)) return b.CreateFPCast(value, type);
  if (is_float(from)) {
    const auto id = is_signed(to) ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat;
    return b.CreateIntrinsic(id, {type, value->getType()}, {value});
  }
  if (is_float(to)) return is_signed(from) ? b.CreateSIToFP(value, type) : b.CreateUIToFP(value, type);
  return b.CreateIntCast(value, type, is_signed(from));
}

llvm::Value* KernelEmitter::value(const ExprRef& expr) {
  llvm::Value*& known = values_[expr.get()];
  if (known != nullptr) return known;
  llvm::Value* result = compute(*expr);
  return values_[expr.get()] = result;  // not `known`: the map has grown meanwhile
}

llvm::Value* KernelEmitter::compute(const Expr& expr) {
  llvm::Type* type = register_type(context_, expr.dtype, expr.lanes);
  switch (expr.kind) {
    case ExprKind::number: return constant(type, expr.number);
    case ExprKind::index: return index_vector(expr);
    case ExprKind::load: return load(expr);
    case ExprKind::apply: {
      std::vector<llvm::Value*> args;
      for (const ExprRef& arg : expr.args) args.push_back(value(arg));
      const DType dtype = expr.args.back()->dtype;
      if (expr.op == Op::cast) return emit_cast(builder_, dtype, expr.dtype, args[0]);
      return emit_op(builder_, expr.op, dtype, args, rounds_);
    }
    case ExprKind::fma: {
      KERATIN_CHECK(emission_.target.fma, "fma for a target that has none");
      llvm::Value* a = value(expr.args[0]);
      llvm::Value* b = value(expr.args[1]);
      return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {type}, {a, b, value(expr.args[2])});
    }
    case ExprKind::dot2: return dot2(value(expr.args[0]), value(expr.args[1]), value(expr.args[2]));
    case ExprKind::narrow: return narrow(value(expr.args[0]));
    case ExprKind::bitcast: return builder_.CreateBitCast(value(expr.args[0]), type);
    case ExprKind::splat:
      return builder_.CreateVectorSplat(static_cast<unsigned>(expr.lanes), value(expr.args[0]));
    case ExprKind::zip_low:
    case ExprKind::zip_high: {
      std::vector<int> order;
      const int first = expr.kind == ExprKind::zip_high ? expr.lanes / 2 : 0;
      for (int lane = first; lane < first + expr.lanes / 2; ++lane)
        order.insert(order.end(), {lane, lane + expr.lanes});
      return builder_.CreateShuffleVector(value(expr.args[0]), value(expr.args[1]), order);
    }
    case ExprKind::fold: {
      std::vector<llvm::Value*> vectors;
      for (const ExprRef& arg : expr.args) vectors.push_back(value(arg));
      return fold(expr.op, expr.dtype, std::move(vectors));
    }
    case ExprKind::acc: return builder_.CreateLoad(type, element(expr.acc, expr.at));
    case ExprKind::let: {
      const auto bound = lets_.find(expr.variable);
      KERATIN_CHECK(bound != lets_.end(), cat(kernel_.variables[expr.variable].name, " is not bound"));
      return bound->second;
    }
  }
  check_failed(__FILE__, __LINE__, "a known kind of expression", "");
}

/// Vectors of fewer than four lanes are computed in four.
llvm::Value* KernelEmitter::dot2(llvm::Value* a, llvm::Value* b, llvm::Value* c) {
  KERATIN_CHECK(emission_.target.dot2, "dot2 for a target that has none");
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(c->getType());
  const int lanes = type != nullptr ? static_cast<int>(type->getNumElements()) : 1;
  const int computed = std::max(lanes, 4);
  std::vector<int> order(static_cast<size_t>(computed));
  for (int lane = 0; lane < computed; ++lane) order[static_cast<size_t>(lane)] = std::min(lane, lanes - 1);
  const auto whole = [&](llvm::Value* x) {
    if (lanes == 1) return builder_.CreateVectorSplat(static_cast<unsigned>(computed), x);
    return lanes == computed ? x : builder_.CreateShuffleVector(x, order);
  };
  llvm::Type* pairs =
      llvm::FixedVectorType::get(llvm::Type::getBFloatTy(context_), static_cast<unsigned>(2 * computed));
  const auto as_pairs = [&](llvm::Value* x) { return builder_.CreateBitCast(whole(x), pairs); };
  const auto id = computed == 16  ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512
                  : computed == 8 ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256
                                  : llvm::Intrinsic::x86_avx512bf16_dpbf16ps_128;
  llvm::Value* sum = builder_.CreateIntrinsic(id, {}, {whole(c), as_pairs(a), as_pairs(b)});
  if (lanes == computed) return sum;
  if (lanes == 1) return builder_.CreateExtractElement(sum, uint64_t{0});
  order.resize(static_cast<size_t>(lanes));
  return builder_.CreateShuffleVector(sum, order);
}

/// In vectors of 8 or 16 lanes.
llvm::Value* KernelEmitter::narrow(llvm::Value* value) {
  KERATIN_CHECK(emission_.target.dot2, "narrow for a target that has none");
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  const int lanes = type != nullptr ? static_cast<int>(type->getNumElements()) : 1;
  if (lanes == 1) {
    llvm::Value* vector = builder_.CreateVectorSplat(8, value);
    return builder_.CreateExtractElement(narrow(vector), uint64_t{0});
  }
  const auto part = [&](llvm::Value* from, int first, int count) {
    std::vector<int> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), first);
    return builder_.CreateShuffleVector(from, order);
  };
  if (lanes > 16) {
    llvm::Value *low = narrow(part(value, 0, lanes / 2)), *high = narrow(part(value, lanes / 2, lanes / 2));
    std::vector<int> order(static_cast<size_t>(lanes));
    std::iota(order.begin(), order.end(), 0);
    return builder_.CreateShuffleVector(low, high, order);
  }
  if (lanes < 8) {
    std::vector<int> order(8, lanes - 1);
    std::iota(order.begin(), order.begin() + lanes, 0);
    return part(narrow(builder_.CreateShuffleVector(value, order)), 0, lanes);
  }
  const auto id = lanes == 16 ? llvm::Intrinsic::x86_avx512bf16_cvtneps2bf16_512
                              : llvm::Intrinsic::x86_avx512bf16_cvtneps2bf16_256;
  llvm::Type* bits = llvm::FixedVectorType::get(builder_.getInt16Ty(), static_cast<unsigned>(lanes));
  return builder_.CreateBitCast(builder_.CreateIntrinsic(id, {}, {value}), bits);
}

llvm::Value* KernelEmitter::index_vector(const Expr& expr) {
  llvm::Type* element_type = register_type(context_, expr.dtype, 1);
  llvm::Value* first = builder_.CreateTrunc(index_.value(expr.index), element_type);
  if (expr.lanes == 1) return first;
  std::vector<llvm::Constant*> steps;
  for (int64_t lane = 0; lane < expr.lanes; ++lane) {
    steps.push_back(llvm::ConstantInt::get(element_type, static_cast<uint64_t>(lane * expr.lane_step), true));
  }
  llvm::Value* splat = builder_.CreateVectorSplat(static_cast<unsigned>(expr.lanes), first);
  return builder_.CreateAdd(splat, llvm::ConstantVector::get(steps));
}

/// In a vector of `groups` equal groups of lanes, each stands for one of the vectors that are folded. Two such vectors become one of
/// twice as many groups, each half as long, with one operation; so four vectors cost little more than one.
llvm::Value* KernelEmitter::fold(Op op, DType dtype, std::vector<llvm::Value*> vectors) {
  const auto lanes_of = [](llvm::Value* vector) {
    return static_cast<int>(llvm::cast<llvm::FixedVectorType>(vector->getType())->getNumElements());
  };
  // The first or the second halves of all groups, of one vector or of two.
  const auto halves = [&](llvm::Value* a, llvm::Value* b, int groups, bool second) {
    const int length = lanes_of(a) / groups;
    std::vector<int> lanes;
    for (int group = 0; group < (b != nullptr ? 2 : 1) * groups; ++group)
      for (int lane = 0; lane < length / 2; ++lane)
        lanes.push_back(group * length + lane + (second ? length / 2 : 0));
    return b != nullptr ? builder_.CreateShuffleVector(a, b, lanes) : builder_.CreateShuffleVector(a, lanes);
  };
  const auto combined = [&](llvm::Value* a, llvm::Value* b, int groups) {
    llvm::Value* parts[] = {halves(a, b, groups, false), halves(a, b, groups, true)};
    return emit_op(builder_, op, dtype, parts, rounds_);
  };
  int groups = 1;
  for (; vectors.size() > 1; groups *= 2) {
    std::vector<llvm::Value*> joined;
    for (size_t i = 0; i < vectors.size(); i += 2)
      joined.push_back(combined(vectors[i], vectors[i + 1], groups));
    vectors = std::move(joined);
  }
  llvm::Value* vector = vectors[0];
  const int least = groups == 1 ? 2 : groups;
  while (lanes_of(vector) > least) vector = combined(vector, nullptr, groups);
  if (groups > 1) return vector;
  llvm::Value* last[] = {builder_.CreateExtractElement(vector, uint64_t{0}),
                         builder_.CreateExtractElement(vector, 1)};
  return emit_op(builder_, op, dtype, last, rounds_);
}

}  // namespace keratin
