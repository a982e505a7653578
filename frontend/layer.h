// Layers: a table row and a short function each.
//
// A row names the class, its arguments and what it does with masks; its function creates the layer's variables and traces
// primitives. The same function serves inference and training, model files and the C++ API:
//
//     Outputs dense(Call& call) {
//       const Expr x = call.input();
//       const Expr kernel = call.variable({"kernel", {x.dim(-1), call.args().integer("units")}, "glorot_uniform"});
//       …
//       return call.activate("activation", matmul(x, kernel));
//     }
//
// A `Layer` is one layer of one model: it keeps its variables from call to call, so a layer that is called twice is shared,
// and its inner layers. Models are layers whose function calls others (frontend/model.cpp).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/args.h"
#include "frontend/dtype_policy.h"
#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/shared_layers.h"

namespace keratin {

struct StringInput;

/// What flows between layers.
struct Traced {
  enum class Link : uint8_t { none, sigmoid, softmax };

  Expr value;
  std::shared_ptr<StringInput> strings;  ///< of an input that takes strings: what is known of them
  Expr mask;    ///< booleans, false where a step does not count; none if every step does
  Expr logits;  ///< what `link` was applied to; losses use it
  Link link = Link::none;
  /// Whether the mask is lost at run time. Some of Keras's layers take it from the tensors that they are called on; so later calls
  /// see none, if they look for it when they run: those with several inputs, and losses. Others were told of it when the model was
  /// made. All copies of a tensor share this.
  std::shared_ptr<bool> is_mask_lost = std::make_shared<bool>(false);

  Traced() = default;
  Traced(Expr v, Expr m = {}) : value(std::move(v)), mask(std::move(m)) {}  // NOLINT: a value without a mask

  Expr mask_at_run_time() const { return *is_mask_lost ? Expr() : mask; }
  /// Takes over the mask of another tensor, lost or not.
  void set_mask(const Traced& other) {
    mask = other.mask;
    is_mask_lost = std::make_shared<bool>(*other.is_mask_lost);
  }
};

/// What a call gives back: usually one tensor.
struct Outputs : std::vector<Traced> {
  using std::vector<Traced>::vector;
  Outputs(Traced one) { push_back(std::move(one)); }   // NOLINT
  Outputs(Expr one) { emplace_back(std::move(one)); }  // NOLINT
};

class ModelFile;

/// An input of the model that takes strings. The first layer that reads it says how they become integers, which are what the model
/// computes with: the table is the runtime's (runtime/strings.h).
struct StringInput {
  std::string name;
  Shape shape;  ///< of the strings
  Dim length;   ///< how many integers a string becomes, where nothing else says it
  std::shared_ptr<const Tensor> table = nullptr;
  Type type = {};  ///< of the integers
};

/// What is the same for all layers of a model.
struct ModelContext {
  std::string file;                      ///< for errors; empty: a model that is being made
  bool keras2 = false;                   ///< written by Keras 2: some names mean something else
  const ModelFile* stored = nullptr;     ///< for what is neither argument nor variable; null: nothing
  std::set<std::string> variable_paths;  ///< those given out
  bool trains = false;                   ///< what is only made to be trained is made, too
  int64_t calls = 0;                     ///< of layers, so far: nested models multiply
  SharedLayers shared = {};

  /// Whether an error's place is one of the model's already.
  bool has_place(const std::string& where) const;
};

/// Where calls put their nodes, and in which mode. Training needs the operands of random_bits.
struct Tracer {
  Builder& builder;
  bool training = false;
  Value random_key = {}, random_counter = {};
  int64_t random_streams = 0;           ///< those used so far
  std::vector<Expr>* losses = nullptr;  ///< takes what layers add to the loss, if that is wanted
  std::map<std::string, Expr> replaced =
      {};  ///< variables, by their paths, whose value in this call is another
};

/// The axes of a kernel that inputs and outputs are counted along.
struct FanAxes {
  Ints in, out;
};

struct VariableSpec {
  std::string_view name;  ///< "kernel"
  Shape shape;
  std::string_view initializer = {};  ///< Keras's default for it: "glorot_uniform"
  bool trainable = true;
  std::string_view argument = {};   ///< its initializer's key without "_initializer", if that is not `name`
  std::optional<DType> dtype = {};  ///< none: the one in which the layer stores variables
  Role role = Role::weight;         ///< state: starts from zeros and is in no file
  Ints ones =
      {};  ///< begin and end, along the last axis, of what starts as ones whatever the initializer says
  std::optional<FanAxes> fans = {};  ///< none: the last two axes, and all before them are a window
  bool is_bare = false;              ///< has the argument's initializer only: no regularizer, no constraint
  Json start = {};                   ///< the initializer that other arguments make, if they do
  bool is_stored = true;             ///< false: in no file, and starts by its initializer
  bool autocast = true;              ///< a float is used in the dtype in which the layer computes
};

struct LayerVariable {
  std::string name;  ///< within the layer
  std::string path;  ///< within the model, unique: "lstm/lstm_cell/kernel"
  Type type;
  Role role;
  bool trainable;                ///< it, and its layer
  Json initializer;              ///< a name or a serialized object
  Json regularizer, constraint;  ///< serialized objects, or null
  Ints ones;                     ///< as in VariableSpec
  std::optional<FanAxes> fans;   ///< as in VariableSpec
  bool is_stored;                ///< as in VariableSpec
};

class Call;
using TraceFn = Outputs(Call&);

/// What becomes of the input's mask. Layers that compute with masks read them from `Call::inputs()` in any case.
enum class Masks : uint8_t {
  pass,  ///< the first input's goes on with every output
  drop,  ///< outputs have none
  own,   ///< the function sets them
};

struct LayerDef {
  std::string_view class_name;
  std::span<const Arg> args;
  Masks masks;
  TraceFn* trace;
  std::span<const std::string_view> tensors =
      {};                         ///< arguments of calls that hold tensors, beside the inputs
  bool ignores_training = false;  ///< calls with training=True are calls like any other
  bool is_model = false;          ///< has layers of its own, listed in config.layers
  bool casts_inputs = true;       ///< floats that come in are cast to the dtype in which the layer computes
  bool casts_outputs = true;      ///< so are those that come out
  bool takes_masks = false;       ///< calls take_masks()
  bool penalizes_parts_only =
      false;  ///< its activity_regularizer is not for its outputs: it calls penalize() itself
  /// Names of the inputs, where each is an argument of its own. `tensors` follow them in Keras's signature.
  std::span<const std::string_view> inputs = {};
  std::span<const std::string_view> flags = {};  ///< arguments of calls that are true or false
  bool takes_strings = false;                    ///< its input may be strings; reads them by encode()
};

bool is_one_of(std::span<const std::string_view> names, std::string_view name);

/// The rows of all classes: those of the tables that frontend/layers/tables.cpp lists, then those of plug-ins.
std::deque<LayerDef>& layer_defs();
/// A public class of Keras that no table has, and why.
struct RefusedLayer {
  std::string_view class_name, reason, hint;
};
std::span<const RefusedLayer> refused_layers();

/// The row of a class, or null. `key`: class_key().
const LayerDef* find_layer_def(std::string_view key);

class Layer {
 public:
  /// The layer that a serialized object {"class_name", "config", …} describes. `group` is its place in the weights file.
  /// Throws Error(unsupported) for classes, dtypes and arguments that are not supported.
  Layer(ModelContext& context, const Json& object, const Layer* parent, std::string group);
  /// A part of a layer that has variables but is no layer: the cell of an LSTM.
  Layer(ModelContext& context, std::string name, const Layer* parent, std::string group);

  ModelContext& context() const { return context_; }
  const std::string& name() const { return name_; }
  const std::string& class_name() const { return class_name_; }
  const std::string& origin() const {
    return origin_;
  }  ///< names of the layers around it and its own: "encoder/dense"
  const std::string& group() const { return group_; }
  const Args& args() const { return args_; }
  const LayerDef* def() const { return def_; }
  /// Its own flag: Keras leaves those of the layers around it out of account.
  bool trainable() const { return trainable_; }
  const DTypePolicy& policy() const { return policy_; }
  bool autocast() const { return autocast_; }  ///< the argument of this name
  std::string where() const;                   ///< for errors: file, layer, class

  const std::vector<LayerVariable>& variables() const { return variables_; }
  /// Variables of other layers that its group in files holds as well, before its own.
  const std::vector<LayerVariable>& copies() const { return copies_; }
  void add_copy(const LayerVariable& variable);
  /// What its last call gave: for summaries. Empty before the first.
  const std::vector<Type>& output_types() const { return output_types_; }
  void set_output_types(std::vector<Type> types) { output_types_ = std::move(types); }
  /// The layers that it has made. Shared ones belong to the first that asked for them.
  const std::vector<std::unique_ptr<Layer>>& children() const { return children_; }
  /// Those that are in it, shared ones too; of a model in the order of its config, where null is an operation.
  const std::vector<Layer*>& members() const { return members_; }
  void add_operation() { members_.push_back(nullptr); }
  /// Gives the layer, and all in it, another place in the weights file.
  void move(const std::string& group);

  /// The inner layer at `group`, made of `object` when first asked for.
  Layer& child(const Json& object, const std::string& group);
  /// The same, with members of the object's config replaced: wrappers decide some arguments of what they wrap.
  Layer& child(const Json& object, const std::string& group,
               std::vector<std::pair<std::string, Json>> changes);
  /// A new inner layer, or one that is at another place of the model, too; `group` may be empty if it has no variables.
  Layer& add_child(const Json& object, const std::string& group);
  Layer& part(std::string_view name, std::string_view group);

  /// The variable of this name, made when first asked for. Throws Error(data) if it was made with another shape.
  const LayerVariable& variable(const VariableSpec& spec, const Json& config);

 private:
  Layer* find_child(const std::string& group) const;
  std::string unique_path(std::string_view variable) const;

  ModelContext& context_;
  const LayerDef* def_ = nullptr;
  Json adapted_;  // the config in the form of Keras 3, if the file's form is older
  std::string name_, class_name_, origin_, group_, path_, keras_path_;
  Args args_;
  DTypePolicy policy_;
  bool autocast_ = true;
  bool trainable_ = true;
  std::vector<LayerVariable> variables_, copies_;
  std::vector<Type> output_types_;
  std::vector<std::unique_ptr<Layer>> children_;
  std::vector<std::unique_ptr<const Json>> changed_objects_;
  std::vector<Layer*> members_;
};

/// The tensors that a call is given.
struct CallArguments {
  std::vector<Traced> inputs;                                       ///< the positional arguments, flattened
  std::map<std::string, std::vector<Traced>, std::less<>> tensors;  ///< those that LayerDef::tensors names
  std::set<std::string, std::less<>> flags;  ///< those of LayerDef::flags that are true
  bool is_mask_given = false;                ///< masks of the inputs are an argument of the call
};

/// Calls a layer: casts floats to its dtype, carries masks, sets the origin of nodes; errors say which layer.
Outputs call_layer(Layer& layer, Tracer& tracer, CallArguments arguments);

/// One call of one layer, as its function sees it.
class Call {
 public:
  Call(Layer& layer, Tracer& tracer, CallArguments arguments)
      : layer_(layer), tracer_(tracer), arguments_(std::move(arguments)) {}

  Layer& layer() { return layer_; }
  const Layer& layer() const { return layer_; }
  const Args& args() const { return layer_.args(); }
  Tracer& tracer() { return tracer_; }
  Builder& builder() { return tracer_.builder; }
  bool training() const { return tracer_.training; }

  const std::vector<Traced>& inputs() const { return arguments_.inputs; }
  /// The tensors of an argument that LayerDef::tensors names; none if the call does not have it.
  const std::vector<Traced>& tensors(std::string_view argument) const;
  /// The only one of them, or none.
  Expr tensor(std::string_view argument) const;
  bool flag(std::string_view argument) const { return arguments_.flags.contains(argument); }
  bool is_mask_given() const { return arguments_.is_mask_given; }
  /// The only input. Throws Error(data) if there are several.
  const Traced& traced_input() const;
  const Expr& input() const { return traced_input().value; }
  /// The only input, as a float. Throws Error(data) if its rank is another (0: any).
  Expr float_input(int64_t rank = 0) const;
  /// The integers that the only input's strings become, by a table of runtime/strings.h: of this shape, whose first axis is the batch.
  /// Throws Error(unsupported) unless it is an input of the model that no layer reads in another way.
  Expr encode(std::shared_ptr<const Tensor> table, const Shape& shape);
  /// The float in which the layer computes; f32 if its policy names none.
  DType compute_dtype() const;
  /// `x` itself if it is a float, else as compute_dtype().
  Expr to_float(const Expr& x) const;

  /// Numbers in [0, 1), drawn anew in every step. Requires: training().
  Expr uniform(Shape shape);

  /// The variable's value, as calls before this one have left it.
  Expr variable(const VariableSpec& spec) { return variable(layer_, spec); }
  Expr variable(Layer& part, const VariableSpec& spec);
  /// The variable takes `value` when the function returns.
  void update(const VariableSpec& spec, const Expr& value);
  /// Adds a scalar to the loss, where there is one.
  void add_loss(const Expr& loss);
  /// Adds to the loss what the layer's activity_regularizer puts on an output: per sample.
  void penalize(const Expr& output);
  /// Takes the masks away from the inputs, for all calls that come after this one.
  void take_masks();
  /// `x` through the activation that an argument holds: a name, a function object or a layer; null is linear.
  Traced activate(std::string_view argument, const Expr& x);

  /// Throws Error about this layer.
  [[noreturn]] void fail(std::string message, std::string hint = {},
                         ErrorKind kind = ErrorKind::unsupported) const;

 private:
  Layer& layer_;
  Tracer& tracer_;
  CallArguments arguments_;
};

}  // namespace keratin
