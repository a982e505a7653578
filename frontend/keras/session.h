// A model's compiled code in this process, and its variables while it runs.
//
// The weights belong to the layers: other models may have the same ones. Before a call those that have changed elsewhere are
// copied in; after training they are copied out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/keras/node.h"
#include "frontend/keras/weights.h"
#include "frontend/model.h"
#include "ir/graph.h"
#include "runtime/trainer/trainable.h"

namespace keratin::keras {

class Session {
 public:
  /// Traces and compiles the model, with what trains it if that is wanted. Requires: it knows its inputs, and how it is trained.
  Session(LayerNode& model, bool trains);
  ~Session();

  bool trains() const { return trains_; }
  /// Whether the same layers are trainable as when it was made.
  bool has_flags_of(const LayerNode& model) const;

  /// With the layers' weights as they are. Those that have no values yet are initialized.
  trainer::Trainable& trainable();
  /// The layers get the weights that training left.
  void take_weights();
  /// In the order of Keras's files. Requires: trains().
  std::vector<Variable> optimizer_state() const;

 private:
  size_t index_of(const std::string& variable) const;

  struct Bound {
    Weight* weight;
    size_t place;      // in the trainable's variables
    uint64_t version;  // of the value that it has
  };
  bool trains_;
  std::vector<bool> flags_;
  std::vector<Bound> bound_;
  std::vector<Variable> optimizer_;
  std::shared_ptr<trainer::Trainable> trainable_;
};

/// A traced model with its layers' weights: what is compiled, saved and shown.
struct TracedModel {
  explicit TracedModel(LayerNode& model);
  /// Adds what trains it. Requires: it is compiled.
  TrainingSignature add_training(const LayerNode& model);

  Json object;
  keratin::Model model;
  Module module;                 ///< predict, and the variables
  std::vector<Weight*> weights;  ///< those of the variables that are weights, in their order
};

/// A Sequential that does not know its input takes this. Throws Error if a layer does not fit.
void build(LayerNode& model, Shape input, const std::string& dtype);
/// Throws Error(usage) if the model does not know its input.
void expect_built(const LayerNode& model);

/// The model's compiled code, made when it is first needed. Throws Error if it does not know its input, and what compiling throws.
Session& session_of(LayerNode& model, bool trains);

/// Weights that have no values get them by their initializers. Throws Error(usage) if a layer has not been called.
void materialize(LayerNode& layer);
}  // namespace keratin::keras
