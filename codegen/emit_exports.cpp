// A trainer's constant keratin_trainer_exports: files that it writes, as the bytes that are always the same, and where the others
// come from.
#include <algorithm>
#include <cstdio>

#include "codegen/emit_data.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

using Hole = FileTemplate::Hole;

class ExportsEmitter : ModelData {
 public:
  ExportsEmitter(std::span<const Emission> levels, const EntrySpec& entry, const TrainerSpec& trainer,
                 const ExportsSpec& exports, const std::string& folder)
      : ModelData(levels, entry), trainer_(trainer), exports_(exports), folder_(folder) {}

  void emit() {
    llvm::Constant *derivation = null(), *inputs = null();
    if (!first_.source.programs.empty()) {
      const Program& derive = first_.source.programs[0];
      const Symbols symbols = this->symbols();
      derivation = model({program(derive, descriptions(derive, derive.inputs),
                                  descriptions(derive, derive.outputs), symbols)});
      Constants numbers;
      for (const uint32_t input : derive.inputs)
        numbers.push_back(number(static_cast<uint32_t>(*place_in_trainer(derive.buffers[input].name))));
      inputs = array(numbers, "derivation_inputs");
    }
    llvm::Constant* value =
        record({derivation, inputs, file("keras", exports_.keras, exports_.why_not_keras, 0),
                file("library", exports_.library,
                     exports_.library.bytes.empty() ? exports_.why_not_library : exports_.header,
                     exports_.selftest_n)},
               sizeof(krt_exports));
    auto* exported =
        new llvm::GlobalVariable(module_, value->getType(), true, llvm::GlobalValue::ExternalLinkage, value,
                                 "keratin_trainer_exports");
    exported->setDSOLocal(true);
  }

 private:
  std::optional<uint64_t> place_in_trainer(const std::string& variable) const {
    const auto found = std::find(trainer_.variables.begin(), trainer_.variables.end(), variable);
    if (found == trainer_.variables.end()) return {};
    return static_cast<uint64_t>(found - trainer_.variables.begin());
  }

  std::optional<uint64_t> place_in_derived(const std::string& variable) const {
    const auto& all = first_.source.variables;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Variable& each) { return each.name == variable; });
    if (found == all.end()) return {};
    const Placement::Slot& slot = first_.placement.slots[static_cast<size_t>(found - all.begin())];
    return slot.in_state ? std::optional(static_cast<uint64_t>(slot.offset)) : std::nullopt;
  }

  llvm::Constant* piece(krt_piece_source source, uint64_t at, uint64_t bytes) {
    return record({number(source), number(0), number64(at), number64(bytes)}, sizeof(krt_piece));
  }

  llvm::Constant* piece(const Hole& hole) {
    switch (hole.source) {
      case FileTemplate::Source::variable:
        if (const auto derived = place_in_derived(hole.variable))
          return piece(KRT_PIECE_DERIVED, *derived, hole.bytes);
        if (const auto own = place_in_trainer(hole.variable))
          return piece(KRT_PIECE_VARIABLE, *own, hole.bytes);
        KERATIN_CHECK(false, cat("the trainer has no ", hole.variable));
      case FileTemplate::Source::checksum: return piece(KRT_PIECE_CHECKSUM, 0, hole.bytes);
      case FileTemplate::Source::selftest_outputs: return piece(KRT_PIECE_SELFTEST_OUTPUTS, 0, hole.bytes);
      case FileTemplate::Source::selftest_tolerance:
        return piece(KRT_PIECE_SELFTEST_TOLERANCE, 0, hole.bytes);
      case FileTemplate::Source::file_name: return piece(KRT_PIECE_FILE_NAME, 0, hole.bytes);
    }
    KERATIN_CHECK(false, "no source");
  }

  /// A krt_file.
  llvm::Constant* file(const std::string& name, const FileTemplate& file, const std::string& text_of_it,
                       uint64_t selftest_n) {
    std::vector<Hole> holes = file.holes;
    std::sort(holes.begin(), holes.end(), [](const Hole& a, const Hole& b) { return a.offset < b.offset; });
    Constants pieces;
    std::string kept;
    uint64_t at = 0;
    const auto keep = [&](uint64_t end) {
      if (end == at) return;
      KERATIN_CHECK(end > at && end <= file.bytes.size(), "holes overlap");
      pieces.push_back(piece(KRT_PIECE_BYTES, 0, end - at));
      kept.append(file.bytes, at, end - at);
    };
    for (const Hole& hole : holes) {
      keep(hole.offset);
      pieces.push_back(piece(hole));
      at = hole.offset + hole.bytes;
    }
    keep(file.bytes.size());
    return record({kept.empty() ? null() : file_bytes(written(name, kept), name), array(pieces, "pieces"),
                   number64(pieces.size()), number64(file.summed.offset), number64(file.summed.bytes),
                   number64(file.selftest_inputs.offset), number64(selftest_n), text(text_of_it)},
                  sizeof(krt_file));
  }

  std::string written(const std::string& name, const std::string& bytes) const {
    const std::string path = cat(folder_, "/", name);
    std::FILE* out = std::fopen(path.c_str(), "wb");
    const bool is_written = out != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
    if (out == nullptr || std::fclose(out) != 0 || !is_written)
      throw Error(ErrorKind::io, "writing failed", path);
    return path;
  }

  const TrainerSpec& trainer_;
  const ExportsSpec& exports_;
  const std::string& folder_;
};

}  // namespace

void emit_exports(std::span<const Emission> levels, const EntrySpec& entry, const TrainerSpec& trainer,
                  const ExportsSpec& exports, const std::string& folder) {
  ExportsEmitter(levels, entry, trainer, exports, folder).emit();
}

}  // namespace keratin
