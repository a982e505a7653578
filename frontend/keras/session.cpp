#include "frontend/keras/session.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "frontend/keras/arrays.h"
#include "frontend/keras/engine.h"
#include "frontend/keras/graph.h"
#include "frontend/load.h"
#include "frontend/model.h"
#include "frontend/training/initialize.h"
#include "frontend/training/train.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras {
namespace {

std::atomic<unsigned> thread_count{0};

/// Of the layer and all within it, in order.
std::vector<bool> trainable_flags(const LayerNode& layer) {
  std::vector<bool> flags{layer.trainable};
  const auto append = [&](const LayerNode& inner) {
    const std::vector<bool> more = trainable_flags(inner);
    flags.insert(flags.end(), more.begin(), more.end());
  };
  if (layer.wrapped) append(*layer.wrapped);
  if (layer.model)
    for (const Member& member : layer.model->members) append(*member.layer);
  return flags;
}

}  // namespace

void set_num_threads(unsigned threads) { thread_count = threads; }

void materialize(LayerNode& layer) {
  if (has_values(layer)) return;
  if (layer.model)
    session_of(layer, false).trainable();
  else
    initialize_layer(layer);
}

void expect_built(const LayerNode& model) {
  if (model.model->inputs.size() > 0) return;
  // A model from a file knows them, even where calls are not known.
  if (!model.model->file.empty()) return;
  throw Error(ErrorKind::usage, "does not know the shape of its input", place_of(model),
              "begin it with Input(shape), or fit it first");
}

void build(LayerNode& node, Shape shape, const std::string& dtype) {
  ModelState& model = *node.model;
  if (model.inputs.size() > 0 || !model.file.empty()) return;
  if (model.members.empty()) throw Error(ErrorKind::usage, "has no layers", place_of(node));
  shape[0] = Dim::batch();
  const Tensor made = make_input(batch_shape(shape), dtype, {});
  model.members.insert(model.members.begin(), {made.call()->layer, {}});
  try {
    connect_sequential(model);
  } catch (...) {
    model.members.erase(model.members.begin());
    throw;
  }
}

// --- traced models ---

TracedModel::TracedModel(LayerNode& node)
    : object(serialized(node)), model(object, node.model->file, node.model->is_keras2, node.model->shapes) {
  module.name = node.name;
  model.make_what_is_trained();
  module.functions.push_back(model.trace_predict());
  module.variables = variables_of(model);
  const WeightsByPath by_path = adopt_weights(model.root(), node);
  for (Variable& variable : module.variables) {
    if (variable.role != Role::weight) continue;
    weights.push_back(by_path.at(variable.name));
    variable.data = weights.back()->value;
  }
  KERATIN_CHECK(std::set<Weight*>(weights.begin(), weights.end()).size() == weights.size(),
                cat(place_of(node), " has a layer twice"));
}

TrainingSignature TracedModel::add_training(const LayerNode& node) {
  const std::string where = node.model->file.empty() ? place_of(node) : node.model->file;
  if (!node.trainable)
    throw Error(ErrorKind::usage, "nothing can be trained: the model is frozen", where,
                "set_trainable(true)");
  return keratin::add_training(module, model, *node.model->compiled, where);
}

// --- sessions ---

Session& session_of(LayerNode& node, bool trains) {
  expect_built(node);
  std::unique_ptr<Session>& session = node.model->session;
  if (session && trains && session->trains() && !session->has_flags_of(node))
    throw Error(ErrorKind::usage, "has had layers frozen or unfrozen since it was trained", place_of(node),
                "call compile() again");
  if (!session || (trains && !session->trains())) session = std::make_unique<Session>(node, trains);
  return *session;
}

Session::Session(LayerNode& node, bool trains) : trains_(trains), flags_(trainable_flags(node)) {
  TracedModel traced(node);
  std::vector<int64_t> classes;
  std::vector<int> directions;
  if (trains) {
    const TrainingSignature signature = traced.add_training(node);
    restore_optimizer(traced.module.variables, signature.optimizer_state, node.model->optimizer_state);
    for (const TrainingTarget& target : signature.targets) classes.push_back(target.classes);
    for (const TrainingMetric& metric : signature.metrics) directions.push_back(metric.direction);
    optimizer_ = signature.optimizer_state;
  } else {
    traced.module.functions.push_back(trace_initialize(traced.module, traced.model.root()));
  }
  trainable_ = compile_trainable(traced.module, std::move(classes), std::move(directions), thread_count);
  size_t next = 0;
  for (const Variable& variable : traced.module.variables) {
    if (variable.role != Role::weight) continue;
    Weight* weight = traced.weights[next++];
    bound_.push_back({weight, index_of(variable.name), weight->version});
  }
}

Session::~Session() = default;

bool Session::has_flags_of(const LayerNode& node) const { return trainable_flags(node) == flags_; }

// A model has one.
ModelState::ModelState() = default;
ModelState::~ModelState() = default;

size_t Session::index_of(const std::string& variable) const {
  const std::vector<trainer::VariableInfo>& all = trainable_->info().variables;
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const trainer::VariableInfo& each) { return each.name == variable; });
  KERATIN_CHECK(found != all.end(), variable);
  return static_cast<size_t>(found - all.begin());
}

trainer::Trainable& Session::trainable() {
  const auto has_none = [](const Bound& bound) { return bound.weight->value == nullptr; };
  const bool begins = std::any_of(bound_.begin(), bound_.end(), has_none);
  if (begins) trainable_->initialize(next_seed());
  for (Bound& bound : bound_) {
    if (bound.weight->value == nullptr)
      set_value(*bound.weight, to_tensor(trainable_->get_variable(bound.place)));
    else if (begins || bound.version != bound.weight->version)
      trainable_->set_variable(bound.place, view_of(bound.weight->value));
    bound.version = bound.weight->version;
  }
  return *trainable_;
}

void Session::take_weights() {
  for (Bound& bound : bound_) {
    set_value(*bound.weight, to_tensor(trainable_->get_variable(bound.place)));
    bound.version = bound.weight->version;
  }
}

std::vector<Variable> Session::optimizer_state() const {
  std::vector<Variable> state = optimizer_;
  for (Variable& variable : state)
    variable.data = to_tensor(trainable_->get_variable(index_of(variable.name)));
  return state;
}

}  // namespace keratin::keras
