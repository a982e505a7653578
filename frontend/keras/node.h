// What the handles of the C++ API point to: layers, calls of layers, models.
//
// A layer is its serialized object, as it stands in a model file, and its weights. A call knows the layer and the calls that it
// takes tensors from, so a graph lives as long as somebody holds a tensor of its end; a layer does not keep its calls alive,
// which would be a circle. A model is a layer with members: the layers between its inputs and outputs, and their
// "inbound_nodes". Everything else, from shapes to training, is what frontend/ makes of the serialized model.
#pragma once

#include <keratin/keras/layer.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/json.h"
#include "frontend/layer.h"
#include "frontend/shape_overrides.h"
#include "frontend/training/signature.h"
#include "ir/tensor.h"

namespace keratin::keras {

class Session;

/// A weight of a layer, where all models that have the layer find it.
struct Weight {
  std::string name;  ///< within the layer: "kernel"
  Type type;
  std::shared_ptr<const keratin::Tensor> value;  ///< null until a model needs it
  uint64_t version = 0;                          ///< changes with the value
};

/// An argument of a call: a tensor, a list, or plain data.
struct CallArgument {
  std::optional<Tensor> tensor;
  std::vector<CallArgument> items;
  bool is_list = false;
  Json data;
};

struct CallNode {
  std::shared_ptr<LayerNode> layer;
  std::vector<CallArgument> arguments;
  std::vector<std::pair<std::string, CallArgument>> keywords;
  std::vector<Type> outputs;  ///< batches that are free are N; empty if they are not known

  /// All tensors among the arguments, in order.
  std::vector<Tensor> inputs() const;
  bool is_input() const;  ///< of a model
  /// Whether it is an input of strings: its type is that of integers, one for each.
  bool gives_strings() const;
};

/// One of the layers of a model.
struct Member {
  std::shared_ptr<LayerNode> layer;
  Json inbound_nodes;  ///< null in a Sequential
};

/// What a layer has that is a model.
struct ModelState {
  ModelState();
  ~ModelState();

  bool is_sequential = false;
  std::vector<Member> members;
  Json input_layers, output_layers;  ///< of a Functional
  Tensors inputs, outputs;           ///< empty until a Sequential knows its input; they keep the calls alive

  std::string file;  ///< that it was loaded from
  bool is_keras2 = false;
  bool is_mixed_float16 = false;  ///< the policy of the file's model; others are of float32
  ShapeOverrides shapes;

  std::optional<CompileConfig> compiled;
  std::vector<keratin::Tensor> optimizer_state;  ///< from a file, in its order
  std::unique_ptr<Session> session;              ///< compiled code, once it was needed
};

/// Traces a layer by itself, to see the shapes of what it gives and makes.
struct Probe {
  Probe(Json serialized);

  Json object;
  ModelContext context;
  keratin::Layer layer;
};

struct LayerNode {
  /// `object`: {"module", "class_name", "config", …}, the config with "name" and "trainable".
  explicit LayerNode(Json object);

  std::string name, class_name;
  Json object;
  bool trainable = true;
  std::vector<std::weak_ptr<const CallNode>> calls;
  std::vector<Weight> weights;  ///< in the order of the layer and its inner layers; empty until it was called
  std::unique_ptr<Probe> probe;  ///< once it was called
  std::unique_ptr<ModelState> model;
  std::shared_ptr<LayerNode>
      wrapped;  ///< of TimeDistributed and SpectralNormalization: the very layer that they were made of
};

/// Whether `part` is `whole`, or is in it.
bool contains(const LayerNode& whole, const LayerNode& part);

/// For errors: "layer "dense" (Dense)".
std::string place_of(const LayerNode& layer);

/// Keras's name for what holds strings.
inline constexpr std::string_view kStringDType = "string";
/// The type of an input or a tensor as configs have it; strings are integers in graphs.
Type type_of(const Json& dtype, const Json& shape, const std::string& where);

/// "dense", "dense_1": as Keras names a layer that got no name.
std::string unique_name(std::string_view class_name);

/// An object with one member replaced, or put at its end.
Json with(const Json& object, const std::string& name, Json value);

/// The layer as it stands in a model file: its object with what handles have changed since.
Json serialized(const LayerNode& layer);

/// A call of `layer`, its outputs known. Throws Error if it does not fit.
std::shared_ptr<const CallNode> make_call(const std::shared_ptr<LayerNode>& layer,
                                          std::vector<CallArgument> arguments,
                                          std::vector<std::pair<std::string, CallArgument>> keywords);

/// What a call gives.
Tensors outputs_of(const std::shared_ptr<const CallNode>& call);

/// The weights that a traced layer has made and, if wanted, its inner layers, in the order of files.
std::vector<const LayerVariable*> weights_made(const keratin::Layer& traced, bool also_inner);
using WeightsByPath = std::map<std::string, Weight*>;
/// Makes the weights known that a traced layer has: those of `layer`, and of inner layers those of the members. Returns which is which
/// variable.
WeightsByPath adopt_weights(const keratin::Layer& traced, LayerNode& layer);

// Shapes as Keras writes them: null for the batch that is free, which is N here.
Json batch_shape(const Shape& shape);
/// Throws Error if another extent is free, or one is negative.
Shape shape_of(const Json& batch_shape);
/// Whether nothing but the batch is free.
bool is_known(const Json& batch_shape);

}  // namespace keratin::keras
