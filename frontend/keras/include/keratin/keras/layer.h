// Layers, and the symbolic tensors that they are called on.
//
// Both are handles: a copy is the same layer. A layer that is called twice shares its weights, as do two models that have it.
#pragma once

#include <keratin/keras/value.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace keratin::keras {

class Array;       // array.h
struct LayerNode;  // what a handle points to
struct CallNode;

/// What flows between layers when a model is defined: a dtype, a shape, and where it comes from.
class Tensor {
 public:
  /// The batch, which comes first, is -1 unless it is fixed.
  std::vector<int64_t> shape() const;
  std::string dtype() const;        ///< "float32"
  const std::string& name() const;  ///< of the layer that gives it

  Tensor(std::shared_ptr<const CallNode> call, size_t output);  // for layers
  const std::shared_ptr<const CallNode>& call() const { return call_; }
  size_t output() const { return output_; }
  bool operator==(const Tensor&) const = default;

 private:
  std::shared_ptr<const CallNode> call_;
  size_t output_;
};

/// One tensor or several: what a layer is called on, and what it gives.
class Tensors {
 public:
  Tensors() = default;
  Tensors(Tensor one) : list_{std::move(one)} {}
  Tensors(std::initializer_list<Tensor> list) : list_(list), is_list_(true) {}
  Tensors(std::vector<Tensor> list) : list_(std::move(list)), is_list_(true) {}
  Tensors(const std::vector<Tensors>& list)
      : list_(list.begin(), list.end()), is_list_(true) {}  ///< each is one

  /// The only one. Throws if there are several.
  operator Tensor() const;
  /// Throws if there are not so many.
  const Tensor& operator[](size_t i) const;
  size_t size() const { return list_.size(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  bool is_list() const { return is_list_; }  ///< also a list of one

  std::vector<int64_t> shape() const { return Tensor(*this).shape(); }
  std::string dtype() const { return Tensor(*this).dtype(); }

 private:
  std::vector<Tensor> list_;
  bool is_list_ = false;
};

/// What a layer is called with, beside its inputs.
struct CallOptions {
  Tensors initial_state = {};  ///< of recurrent layers
  Tensors states = {};         ///< of cells: those before the step
  Tensors mask =
      {};  ///< booleans, false where a step does not count, instead of the mask that comes with the input
  // Of layers of attention.
  Tensors value = {}, key = {};  ///< if they are not among the inputs
  Tensors query_mask = {}, value_mask = {}, key_mask = {};
  Tensors attention_mask = {};  ///< booleans, false where a query does not see a key: [N,queries,keys]
  bool return_attention_scores = false;
  bool use_causal_mask = false;  ///< no query sees what comes after it
  bool reverse = false;          ///< of ReversibleEmbedding: from vectors to scores of integers
};

class Layer {
 public:
  const std::string& name() const;
  std::string class_name() const;

  /// Calls the layer: `Dense(10)(x)`, `Add()({x, y})`, `MultiHeadAttention(2, 8)({query, value})`. Throws if the shapes do not fit, naming layer and shapes.
  Tensors operator()(const Tensors& inputs, const CallOptions& options = {}) const;

  /// Whether training changes its weights. As in Keras every layer has a flag of its own; setting that of a model sets those of its layers,
  /// which can be set again. Takes effect when a model that has the layer is compiled next.
  bool trainable() const;
  void set_trainable(bool trainable);

  /// The weights as they are, in Keras's order. Throws if the layer has never been called.
  std::vector<Array> get_weights() const;
  /// Copies. Throws if number, shapes or dtypes do not fit.
  void set_weights(const std::vector<Array>& weights);
  int64_t count_params() const;

  /// What it gave when it was called. Throws unless it was called once.
  Tensors output() const;
  Tensors input() const;

  /// The layer, serialized: for arguments that take an activation.
  operator Value() const;

  explicit Layer(std::shared_ptr<LayerNode> node) : node_(std::move(node)) {}  // for layers' functions
  const std::shared_ptr<LayerNode>& node() const { return node_; }
  bool operator==(const Layer&) const = default;

 protected:
  std::shared_ptr<LayerNode> node_;
};

struct InputOptions {
  Value batch_size = {};
  std::string dtype = "float32";  ///< "string": texts, for StringLookup and TextVectorization
  std::string name = {};
};

/// An input of a model: samples of `shape`, which is without the batch.
Tensor Input(const Value& shape, const InputOptions& options = {});

/// Seeds what initializers, shuffling and dropout draw from. Without it, the seed is 0.
void set_random_seed(uint64_t seed);
/// Layers without names are numbered anew: "dense", "dense_1".
void clear_session();

}  // namespace keratin::keras
