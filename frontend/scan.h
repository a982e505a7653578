// Loops over the steps of sequences: what recurrent layers, losses over sequences and TimeDistributed share.
#pragma once

#include <string>
#include <vector>

#include "frontend/expr.h"

namespace keratin {

/// The operands of a scan and the params of its body, added in pairs: first the carries, then the sequences, then what stays as it
/// is. All are added before anything is computed in the body. The time is axis 1 of sequences.
class ScanBuilder {
 public:
  Builder& body() { return body_; }
  Expr add(std::string name, const Expr& operand, bool is_sequence = false);
  void result(std::string name, const Expr& value) { body_.result(std::move(name), value.value()); }
  /// The results in the outer function: the last carries, then sequences of what each step puts out. Only the counts, the length and
  /// the direction are taken from `attrs`.
  std::vector<Expr> finish(Builder& outer, ScanAttrs attrs);

 private:
  Builder body_;
  std::vector<Value> operands_;
};

}  // namespace keratin
