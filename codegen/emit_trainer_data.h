// A krt_trainer, as a constant: of a trainer executable (emit_trainer.cpp) and of a library that trains (emit_training.cpp).
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "codegen/emit_thunks.h"
#include "runtime/abi.h"

namespace keratin {

class TrainerData : protected Thunks {
 public:
  TrainerData(std::span<const Emission> levels, const EntrySpec& entry, const TrainerSpec& trainer,
              const std::set<std::string>& trained = {})
      : Thunks(levels, entry), trainer_(trainer), trained_(trained) {}

 protected:
  llvm::Constant* trainer();
  /// The number of a program; KRT_NO_PROGRAM if there is none of that name.
  uint32_t place_of(std::string_view name) const;

  llvm::Constant* model_ = nullptr;  ///< the address of its krt_model, once there is a krt_trainer
  const TrainerSpec& trainer_;

 private:
  Constants variables();
  llvm::Constant* exports();
  bool is_trained(const std::string& variable) const { return trained_.contains(variable); }

  const std::set<std::string> trained_;  // variables that gradients change
};

}  // namespace keratin
