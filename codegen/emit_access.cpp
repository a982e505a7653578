// Loads and stores.
//
// An access is under up to two conditions. One holds for all lanes together (the guard; of a scalar, its lane bounds too):
// then a load reads from a block of zeros instead, which takes no branch and is right as it stands where the value
// otherwise is zero; a store is jumped over. The other differs from lane to lane: a mask, made by comparing lane numbers
// with the bounds in a vector of the element's width, so that no conversion follows.
//
// Lanes that are neighbours in memory, in either direction, are one vector access; others are accessed one by one.
#include <llvm/IR/MDBuilder.h>

#include <bit>
#include <numeric>

#include "codegen/kernel_emitter.h"
#include "codegen/tile_layout.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

// Room for a vector wherever the innermost loops may lead from the start of a row.
constexpr int64_t kZeroBytes = 64 << 10;

bool is_zero(const Scalar& value) { return value == Scalar::of_integer(value.dtype, 0); }

std::vector<int> backwards(int lanes) {
  std::vector<int> order(static_cast<size_t>(lanes));
  std::iota(order.rbegin(), order.rend(), 0);
  return order;
}

}  // namespace

struct KernelEmitter::Place {
  BufferId buffer;
  llvm::Value* address;  // of lane 0; of the last one if reversed
  llvm::Value* stride;   // bytes from lane to lane
  bool contiguous;       // lanes are neighbours, perhaps reversed
  bool reversed;
  llvm::Align alignment;
};

struct KernelEmitter::Lanes {
  Guard guard;                  // all lanes or none
  llvm::Value* all = nullptr;   // the guard as an i1; null: true
  llvm::Value* mask = nullptr;  // one i1 per lane; null: all true
};

void KernelEmitter::prepare_buffers(llvm::Value* args, llvm::Value* tile) {
  const ParameterFacts facts = parameter_facts(emission_.source, number_);
  const TileLayout tiles = tile_layout(kernel_);
  llvm::MDBuilder metadata(context_);
  llvm::MDNode* domain = metadata.createAnonymousAliasScopeDomain(kernel_.name);
  std::vector<llvm::MDNode*> scopes;
  for (const KernelBuffer& buffer : kernel_.buffers)
    scopes.push_back(metadata.createAnonymousAliasScope(domain, buffer.name));

  for (size_t i = 0; i < kernel_.buffers.size(); ++i) {
    const KernelBuffer& buffer = kernel_.buffers[i];
    const bool is_tile = buffer.mode == Mode::tile;
    const int64_t element = byte_size(buffer.dtype);
    Buffer made{.base = nullptr, .alignment = is_tile || facts.aligned[i] ? 64 : element, .strides = {}};
    if (is_tile) {
      made.base =
          entry_.CreatePtrAdd(tile, entry_.getInt64(static_cast<uint64_t>(tiles.offsets[i])), buffer.name);
    } else {
      llvm::Value* slot = entry_.CreateConstInBoundsGEP1_64(entry_.getPtrTy(), args, i);
      llvm::LoadInst* base = entry_.CreateLoad(entry_.getPtrTy(), slot, buffer.name);
      base->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
      made.base = base;
    }
    Size stride(element);
    for (size_t axis = buffer.shape.size(); axis-- > 0;) {
      made.strides.insert(made.strides.begin(), stride);
      stride *= Size(buffer.shape[axis]);
    }
    std::vector<llvm::Metadata*> apart;
    for (size_t other = 0; other < kernel_.buffers.size(); ++other) {
      const bool other_is_tile = kernel_.buffers[other].mode == Mode::tile;
      const bool is_apart = is_tile && other_is_tile ? tiles.are_apart(i, other)
                                                     : is_tile || other_is_tile || facts.apart[i][other];
      if (other != i && is_apart) apart.push_back(scopes[other]);
    }
    made.scope = llvm::MDNode::get(context_, {scopes[i]});
    made.apart = llvm::MDNode::get(context_, apart);
    buffers_.push_back(std::move(made));
  }
}

llvm::Instruction* KernelEmitter::tagged(llvm::Instruction* instruction, BufferId buffer) {
  instruction->setMetadata(llvm::LLVMContext::MD_alias_scope, buffers_[buffer].scope);
  instruction->setMetadata(llvm::LLVMContext::MD_noalias, buffers_[buffer].apart);
  return instruction;
}

/// A block of zeros, not written to; not a constant, so that it takes no room in files.
llvm::Value* KernelEmitter::zeros() {
  llvm::Module& module = emission_.module;
  if (llvm::GlobalVariable* known = module.getNamedGlobal("keratin.zeros")) return known;
  llvm::Type* type = llvm::ArrayType::get(builder_.getInt8Ty(), kZeroBytes);
  auto* made = new llvm::GlobalVariable(module, type, false, llvm::GlobalValue::InternalLinkage,
                                        llvm::Constant::getNullValue(type), "keratin.zeros");
  made->setAlignment(llvm::Align(64));
  return made;
}

/// With `lanes.all`, the place of a load: one that can be read from whether or not the condition holds.
KernelEmitter::Place KernelEmitter::place(const Access& access, const Lanes& lanes) {
  const Buffer& buffer = buffers_[access.buffer];
  const int64_t element = byte_size(kernel_.buffers[access.buffer].dtype);
  Linear bytes;
  for (size_t axis = 0; axis < access.at.size(); ++axis) bytes.add(access.at[axis], buffer.strides[axis]);
  const Size stride = access.lanes == 1
                          ? Size(element)
                          : buffer.strides[static_cast<size_t>(access.lane_axis)] * Size(access.lane_step);
  const bool reversed = stride == Size(-element);
  const bool contiguous = reversed || stride == Size(element);
  if (reversed) bytes.constant += Size(-element * (access.lanes - 1));
  const auto alignment = static_cast<uint64_t>(contiguous ? bytes.alignment(buffer.alignment) : element);
  Place place{.buffer = access.buffer,
              .address = nullptr,
              .stride = index_.value(stride),
              .contiguous = contiguous,
              .reversed = reversed,
              .alignment = llvm::Align(alignment)};
  if (lanes.all == nullptr) {
    place.address = index_.address(buffer.base, bytes);
  } else {
    place.address = index_.address_if(lanes.guard, lanes.all, buffer.base, bytes, zeros(), kZeroBytes,
                                      element * access.lanes);
    place.stride = builder_.CreateSelect(lanes.all, place.stride, builder_.getInt64(0));
  }
  return place;
}

KernelEmitter::Lanes KernelEmitter::lanes(const Access& access) {
  Guard guard = access.guard;
  if (access.lanes == 1) {
    if (access.first) guard.push_back(*access.first * -1);
    if (access.limit) guard.push_back(*access.limit - Index(1));
    return {.guard = guard, .all = index_.condition(guard)};
  }
  Lanes result{.guard = guard, .all = index_.condition(guard)};
  const auto count = static_cast<unsigned>(access.lanes);
  llvm::Type* number_type =
      builder_.getIntNTy(static_cast<unsigned>(8 * byte_size(kernel_.buffers[access.buffer].dtype)));
  std::vector<llvm::Constant*> numbers;
  for (unsigned lane = 0; lane < count; ++lane) numbers.push_back(llvm::ConstantInt::get(number_type, lane));
  llvm::Constant* lane_numbers = llvm::ConstantVector::get(numbers);
  const auto bound = [&](const Index& index) {
    llvm::Value* low =
        builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, index_.value(index), builder_.getInt64(0));
    llvm::Value* both = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, low, builder_.getInt64(count));
    return builder_.CreateVectorSplat(count, builder_.CreateTrunc(both, number_type));
  };
  const auto range = [&](const Index& index) { return index.interval(index_.ranges()); };
  if (access.first && !(range(*access.first).high && *range(*access.first).high <= 0)) {
    result.mask = builder_.CreateICmpSGE(lane_numbers, bound(*access.first));
  }
  if (access.limit && !(range(*access.limit).low && *range(*access.limit).low >= access.lanes)) {
    llvm::Value* below = builder_.CreateICmpSLT(lane_numbers, bound(*access.limit));
    result.mask = result.mask == nullptr ? below : builder_.CreateAnd(result.mask, below);
  }
  return result;
}

llvm::Value* KernelEmitter::load(const Expr& expr) {
  const Access& access = expr.access;
  const DType dtype = expr.dtype;
  const Lanes lanes = this->lanes(access);
  const Place place = this->place(access, lanes);
  if (emission_.options.check_bounds) check_bounds(access, lanes);
  llvm::Type* type = memory_type(context_, dtype, access.lanes);
  llvm::Type* element_type = memory_type(context_, dtype, 1);
  llvm::Constant* otherwise = constant(type, expr.number);
  llvm::Value* mask = lanes.mask;
  llvm::Value* loaded;
  if (place.contiguous) {
    const std::vector<int> order = backwards(access.lanes);
    if (mask != nullptr && place.reversed) mask = builder_.CreateShuffleVector(mask, order);
    llvm::Instruction* read =
        mask == nullptr ? static_cast<llvm::Instruction*>(
                              builder_.CreateAlignedLoad(type, place.address, place.alignment))
                        : builder_.CreateMaskedLoad(type, place.address, place.alignment, mask, otherwise);
    loaded = tagged(read, access.buffer);
    if (place.reversed) loaded = builder_.CreateShuffleVector(loaded, order);
  } else {
    loaded = llvm::PoisonValue::get(type);
    llvm::Value* address = place.address;
    for (int lane = 0; lane < access.lanes; ++lane) {
      if (lane > 0) address = builder_.CreatePtrAdd(address, place.stride);
      llvm::Value* active =
          mask == nullptr ? nullptr : builder_.CreateExtractElement(mask, static_cast<uint64_t>(lane));
      llvm::Value* from = active == nullptr ? address : builder_.CreateSelect(active, address, zeros());
      llvm::Value* element =
          tagged(builder_.CreateAlignedLoad(element_type, from, place.alignment), access.buffer);
      loaded = builder_.CreateInsertElement(loaded, element, static_cast<uint64_t>(lane));
    }
    if (mask != nullptr && !is_zero(expr.number)) loaded = builder_.CreateSelect(mask, loaded, otherwise);
  }
  if (lanes.all != nullptr && !is_zero(expr.number))
    loaded = builder_.CreateSelect(lanes.all, loaded, otherwise);
  return dtype == DType::boolean ? builder_.CreateICmpNE(loaded, llvm::Constant::getNullValue(type)) : loaded;
}

/// Where an access begins, whatever its conditions.
llvm::Value* KernelEmitter::address(const Access& access) { return place(access, {}).address; }

void KernelEmitter::prefetch(const Access& access) {
  // What is only read may wait in the second-level cache; what is written is wanted in the first, as this core's own.
  const bool is_written = kernel_.buffers[access.buffer].mode != Mode::in;
  const unsigned locality = is_written ? 3 : 2, data = 1;
  llvm::Value* where = address(access);
  builder_.CreateIntrinsic(
      llvm::Intrinsic::prefetch, {where->getType()},
      {where, builder_.getInt32(is_written), builder_.getInt32(locality), builder_.getInt32(data)});
}

void KernelEmitter::store(const Access& access, const ExprRef& expr) {
  llvm::Value* stored = value(expr);
  if (expr->dtype == DType::boolean)
    stored = builder_.CreateZExt(stored, memory_type(context_, DType::boolean, access.lanes));
  const Lanes lanes = this->lanes(access);
  const Place place = this->place(access, {});
  if (emission_.options.check_bounds) check_bounds(access, lanes);
  branch(lanes.all, [&] { store_lanes(access, place, lanes.mask, stored); }, {});
}

/// Neighbouring lanes, all of them. In parts whose lanes are powers of two: LLVM 19 stores an i64x3 truncated to i8x3 wrongly
/// on AArch64.
void KernelEmitter::store_whole(const Place& place, int lanes, llvm::Value* value) {
  const int64_t element = byte_size(kernel_.buffers[place.buffer].dtype);
  for (int first = 0, count; first < lanes; first += count) {
    count = static_cast<int>(std::bit_floor(static_cast<unsigned>(lanes - first)));
    llvm::Value* part = value;
    if (count < lanes) {
      std::vector<int> order(static_cast<size_t>(count));
      std::iota(order.begin(), order.end(), first);
      part = builder_.CreateShuffleVector(value, order);
    }
    const auto offset = static_cast<uint64_t>(first * element);
    llvm::Value* address =
        first == 0 ? place.address : builder_.CreatePtrAdd(place.address, builder_.getInt64(offset));
    tagged(builder_.CreateAlignedStore(part, address, llvm::commonAlignment(place.alignment, offset)),
           place.buffer);
  }
}

void KernelEmitter::store_lanes(const Access& access, const Place& place, llvm::Value* mask,
                                llvm::Value* value) {
  if (place.contiguous) {
    if (place.reversed) {
      value = builder_.CreateShuffleVector(value, backwards(access.lanes));
      if (mask != nullptr) mask = builder_.CreateShuffleVector(mask, backwards(access.lanes));
    }
    if (mask == nullptr)
      store_whole(place, access.lanes, value);
    else
      tagged(builder_.CreateMaskedStore(value, place.address, place.alignment, mask), access.buffer);
    return;
  }
  llvm::Value* address = place.address;
  for (int lane = 0; lane < access.lanes; ++lane) {
    if (lane > 0) address = builder_.CreatePtrAdd(address, place.stride);
    llvm::Value* active =
        mask == nullptr ? nullptr : builder_.CreateExtractElement(mask, static_cast<uint64_t>(lane));
    branch(active,
           [&] {
             llvm::Value* element = builder_.CreateExtractElement(value, static_cast<uint64_t>(lane));
             tagged(builder_.CreateAlignedStore(element, address, place.alignment), access.buffer);
           },
           {});
  }
}

/// Every axis of the first and the last lane accessed lies in the buffer, if anything is accessed at all.
void KernelEmitter::check_bounds(const Access& access, const Lanes& lanes) {
  const KernelBuffer& buffer = kernel_.buffers[access.buffer];
  const auto clamped = [&](const std::optional<Index>& bound, int64_t otherwise) -> llvm::Value* {
    if (!bound || access.lanes == 1) return builder_.getInt64(static_cast<uint64_t>(otherwise));
    llvm::Value* low =
        builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, index_.value(*bound), builder_.getInt64(0));
    return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, low,
                                          builder_.getInt64(static_cast<uint64_t>(access.lanes)));
  };
  llvm::Value* first = clamped(access.first, 0);
  llvm::Value* limit = clamped(access.limit, access.lanes);
  llvm::Value* any = builder_.CreateICmpSLT(first, limit);
  if (lanes.all != nullptr) any = builder_.CreateAnd(any, lanes.all);
  llvm::Value* outside = builder_.getFalse();
  for (size_t axis = 0; axis < access.at.size(); ++axis) {
    llvm::Value* extent = index_.value(Size(buffer.shape[axis]));
    llvm::Value* at = index_.value(access.at[axis]);
    for (llvm::Value* lane : {first, builder_.CreateSub(limit, builder_.getInt64(1))}) {
      llvm::Value* place = at;
      if (static_cast<int>(axis) == access.lane_axis && access.lanes > 1)
        place = builder_.CreateAdd(
            at, builder_.CreateMul(lane, builder_.getInt64(static_cast<uint64_t>(access.lane_step))));
      outside = builder_.CreateOr(outside, builder_.CreateICmpUGE(place, extent));
    }
  }
  branch(builder_.CreateAnd(any, outside),
         [&] {
           llvm::FunctionCallee report = emission_.module.getOrInsertFunction(
               "krt_out_of_bounds", builder_.getVoidTy(), builder_.getPtrTy(), builder_.getPtrTy());
           llvm::cast<llvm::Function>(report.getCallee())->setDoesNotReturn();
           builder_.CreateCall(
               report, {builder_.CreateGlobalString(kernel_.name), builder_.CreateGlobalString(buffer.name)});
         },
         {});
}

}  // namespace keratin
