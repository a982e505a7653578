// Models as layers: Sequential and Functional, nested to any depth.
//
// A Functional's config is a graph of calls. Each layer lists its calls ("inbound_nodes"), and an argument of a call
// names a layer, which of its calls, and which tensor of that call. Calls are traced when an output first needs them, so
// the file's order does not matter. Keras 3 writes calls as {"args", "kwargs"}, Keras 2 as lists of [layer, call, tensor,
// kwargs]; both become the same `Node`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/free_lengths.h"
#include "frontend/layer.h"
#include "frontend/shape_overrides.h"
#include "ir/graph.h"

namespace keratin {

/// A model that can be traced: a tree of layers with the variables they made so far.
class Model {
 public:
  /// `config` must outlive the model. Throws Error if this is no model or something in it is not supported.
  /// `stored` is the file that it comes from, if layers may have more than variables there; it must outlive the model, too.
  Model(const Json& config, std::string file, bool keras2, ShapeOverrides shapes,
        const ModelFile* stored = nullptr);

  /// One input of the model. What the type of one that takes strings is, which become integers, is known once the model has been traced.
  struct Input {
    std::string name;
    Type type;
    std::shared_ptr<StringInput> strings;  ///< null: it takes numbers
  };
  const std::vector<Input>& inputs() const { return inputs_; }

  /// Calls the model on `inputs`: one value for each of inputs(). Outputs are in the model's order.
  Outputs call(Tracer& tracer, std::vector<Traced> inputs);
  /// What outputs are called: the layer or operation that makes them, and "NAME__i" (i the place among all outputs) if several come
  /// from one.
  std::vector<std::string> output_names() const;

  /// From here on layers have what only serves training: adapters beside kernels. Requires: nothing has been traced.
  void make_what_is_trained() { context_.trains = true; }

  /// The function @predict. What it needs of free lengths is found out.
  Function trace_predict();

  /// Takes the places of shared layers' weights from `file`. Requires: the model has been traced.
  void move_to_weights(const ModelFile& file) { context_.shared.move_to_weights(file); }

  bool is_of_keras2() const { return context_.keras2; }
  const Layer& root() const { return *root_; }
  const std::string& name() const { return root_->name(); }

 private:
  /// Layers that have made nothing yet.
  void make_root();
  void read_inputs();
  /// Calls the model once, to find out what its inputs of strings become.
  void find_tables();
  Function trace();

  const Json& config_;
  ModelContext context_;
  std::unique_ptr<Layer> root_;
  ShapeOverrides shapes_;
  std::vector<Input> inputs_;
  FreeLengths lengths_;
};

}  // namespace keratin
