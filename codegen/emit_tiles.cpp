// Products of tiles by AMX: `tiles` and `mma`.
//
// Tile registers are numbered here, not by LLVM's allocator: sums first, then the left operand's rows, then two that the columns of
// the right one take in turns. All have 16 rows of 64 bytes, so one configuration serves a kernel; it is loaded at its beginning
// and given up at its end, so that a thread which waits has no tiles to be saved.
#include <llvm/IR/IntrinsicsX86.h>

#include "codegen/kernel_emitter.h"
#include "ir/error.h"

namespace keratin {

namespace {

constexpr int64_t kTiles = 8, kTileBytes = 64;  // registers, bytes of one's row

/// The operand of LDTILECFG (Intel SDM): palette 1, then from byte 16 on each register's bytes in a row, from byte 48 on its rows.
llvm::Constant* configuration(llvm::LLVMContext& context) {
  std::vector<uint8_t> bytes(64, 0);
  bytes[0] = 1;
  for (size_t tile = 0; tile < kTiles; ++tile) {
    bytes[16 + 2 * tile] = kTileBytes;
    bytes[48 + tile] = kTileSize;
  }
  return llvm::ConstantDataArray::get(context, bytes);
}

}  // namespace

void KernelEmitter::configure_tiles() {
  KERATIN_CHECK(emission_.target.tiles, "tiles for a target that has none");
  llvm::Module& module = emission_.module;
  llvm::GlobalVariable* global = module.getNamedGlobal("keratin.tiles");
  if (global == nullptr) {
    llvm::Constant* value = configuration(context_);
    global = new llvm::GlobalVariable(module, value->getType(), true, llvm::GlobalValue::InternalLinkage,
                                      value, "keratin.tiles");
    global->setAlignment(llvm::Align(64));
  }
  builder_.CreateIntrinsic(llvm::Intrinsic::x86_ldtilecfg, {}, {global});
}

void KernelEmitter::release_tiles() { builder_.CreateIntrinsic(llvm::Intrinsic::x86_tilerelease, {}, {}); }

void KernelEmitter::tiles(const Stmt& stmt) {
  const auto number = [&](int64_t tile) { return builder_.getInt8(static_cast<uint8_t>(tile)); };
  const int64_t count = stmt.tile_rows * stmt.tile_columns;
  for (int64_t tile = 0; tile < count; ++tile)
    builder_.CreateIntrinsic(llvm::Intrinsic::x86_tilezero, {}, {number(tile)});
  tiles_ = &stmt;
  block(stmt.body);
  tiles_ = nullptr;
  const std::vector<Size>& strides = buffers_[stmt.access.buffer].strides;
  const Size row = strides[strides.size() - 2];
  for (int64_t tile = 0; tile < count; ++tile) {
    Access access = stmt.access;
    access.at[access.at.size() - 2] += tile / stmt.tile_columns * kTileSize;
    access.at.back() += tile % stmt.tile_columns * kTileSize;
    builder_.CreateIntrinsic(llvm::Intrinsic::x86_tilestored64, {},
                             {number(tile), address(access), index_.value(row)});
  }
}

/// Factors are loaded just before their first use.
void KernelEmitter::mma(const Stmt& stmt) {
  KERATIN_CHECK(tiles_ != nullptr, "mma outside of tiles");
  const auto number = [&](int64_t tile) { return builder_.getInt8(static_cast<uint8_t>(tile)); };
  const int64_t rows = tiles_->tile_rows, columns = tiles_->tile_columns, first_left = rows * columns;
  const auto load = [&](int64_t tile, const Access& access, const Size& stride) {
    builder_.CreateIntrinsic(llvm::Intrinsic::x86_tileloadd64, {},
                             {number(tile), address(access), index_.value(stride)});
  };
  const Buffer &left = buffers_[stmt.access.buffer], &right = buffers_[stmt.right.buffer];
  const Size row_stride = left.strides[static_cast<size_t>(stmt.row_axis)] * Size(stmt.row_step);
  for (int64_t c = 0; c < columns; ++c) {
    const int64_t second = first_left + rows + c % (kTiles - first_left - rows);
    Access access = stmt.right;
    access.at[static_cast<size_t>(stmt.column_axis)] += c;
    load(second, access, right.strides[right.strides.size() - 2]);
    for (int64_t r = 0; r < rows; ++r) {
      if (c == 0) {
        Access from = stmt.access;
        from.at[static_cast<size_t>(stmt.row_axis)] += r * kTileSize * stmt.row_step;
        load(first_left + r, from, row_stride);
      }
      builder_.CreateIntrinsic(llvm::Intrinsic::x86_tdpbf16ps, {},
                               {number(r * columns + c), number(first_left + r), number(second)});
    }
  }
}

}  // namespace keratin
