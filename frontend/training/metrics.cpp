#include "frontend/training/metrics.h"

#include <algorithm>
#include <utility>

#include "frontend/class_key.h"
#include "frontend/model_file.h"
#include "frontend/training/loss_values.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

// ---- accumulators ----

Expr MetricState::operator[](std::string_view name) const {
  const std::string path = cat(path_, "/", name);
  for (const Variable& variable : variables_)
    if (variable.name == path) return {builder_, builder_.var(variable)};
  KERATIN_CHECK(false, cat("metric ", path_, " has no accumulator ", name));
}

void MetricState::add(std::string_view name, const Expr& increment) {
  const std::string path = cat(path_, "/", name);
  const Expr more = cast(increment, dtype_);
  if (std::none_of(variables_.begin(), variables_.end(), [&](const Variable& v) { return v.name == path; }))
    variables_.push_back({path, more.value().type(), Role::state, false, nullptr});
  builder_.update(path, ((*this)[name] + more).value());
}

Expr MetricCall::weights(const Expr& like) const {
  const Expr one = number(to_float(like), 1);
  return weight ? cast(along_first(weight, like), one.dtype()) : broadcast_to(one, like.shape());
}

void MetricCall::add_to_mean(const LossValues& found) const {
  const Expr& values = found.values;
  const bool per_sample = is_per_sample(values, prediction.value);
  if (weight && !per_sample)
    throw Error(ErrorKind::unsupported, "its values are no samples' that could be weighted", args.where(),
                "list it in metrics, not in weighted_metrics");
  Expr w = weights(values);
  const auto keep = [&](const Expr& mask) { w = w * along_first(cast(mask, w.dtype()), values); };
  if (prediction.mask && per_sample) keep(fitting_mask(prediction.mask, values, args.where()));
  // Keras looks at the values' own mask only where something else weighs them.
  if (found.counted && (weight || prediction.mask)) keep(found.counted);
  const auto total = [](const Expr& x) { return sum(x, axes_from(x, 0)); };
  state.add("total", total(values * w));
  state.add("count", total(w));
}

// ---- the tables ----

namespace {

constexpr std::span<const MetricDef> (*kTables[])() = {
    mean_metrics, accuracy_metrics, regression_metrics, confusion_metrics,
    auc_metrics,  f_score_metrics,  iou_metrics,
};

/// A loss that is a metric: the mean of what it gives for each step.
void loss_of_step(MetricCall& call) {
  const Expr& p = call.prediction.value;
  const Expr one(p.builder(), p.builder().constant(DType::f32, 1));
  call.state.add("total", (*call.loss)(call.target, call.prediction, broadcast_to(one, {p.dim(0)})));
  call.state.add("count", one);
}

constexpr MetricDef kLossOfStep = {
    {"MeanMetricWrapper", "", {}}, MetricTarget::own, loss_of_step, mean_result, Direction::down};

const MetricDef& metric_def(std::string_view name, const std::string& where) {
  return find_row(metric_defs(), name, "metric", where);
}

/// Which class of that kind the shapes ask for.
std::string class_for(std::string_view kind, const Type& target, const Type& prediction) {
  if (prediction.shape.back().is(1)) return cat("Binary", kind);
  return cat(target.rank() < prediction.rank() ? "SparseCategorical" : "Categorical", kind);
}

/// A config without what belongs to the wrapper and not to the function.
Json function_arguments(const Json& config) {
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [name, value] : config.members())
    if (name != "fn" && name != "name" && name != "dtype") members.emplace_back(name, value);
  return Json::object(std::move(members));
}

bool is_loss_object(const Json& object) {
  if (object["class_name"].is_string() && is_of_package(class_key(object)))
    return find_loss_def(class_key(object)) != nullptr;
  return object["module"].is_string() && object["module"].as_string().ends_with("losses");
}

}  // namespace

std::string_view kind_by_shapes(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (name == "accuracy" || name == "acc") return "Accuracy";
  return name == "crossentropy" || name == "ce" ? "Crossentropy" : "";
}

std::deque<MetricDef>& metric_defs() {
  static std::deque<MetricDef> all = [] {
    std::deque<MetricDef> rows;
    for (const auto table : kTables) rows.insert(rows.end(), table().begin(), table().end());
    return rows;
  }();
  return all;
}

Metric::Metric(const Json& object, const Type& target, const Type& prediction, const std::string& prefix,
               bool weighted, const std::string& where)
    : weighted_(weighted) {
  const Serialized serialized = read_serialized(object, "the metric");
  const std::string& class_name = serialized.class_name;
  const Json &given_name = serialized.config["name"], &given_dtype = serialized.config["dtype"];
  name_ = cat(prefix, serialized.is_name       ? std::string(without_package(class_name))
                      : given_name.is_string() ? given_name.as_string()
                                               : snake_case(without_package(class_name)));
  const Json& wrapped = serialized.config["fn"];
  config_ = Json::object({});
  if (is_loss_object(object) || is_loss_object(wrapped)) {
    be_loss(is_loss_object(object) ? object : wrapped, kLossOfStep, where);
  } else if (class_name == "MeanMetricWrapper") {
    be_function(read_serialized(wrapped, "the function of a MeanMetricWrapper").class_name,
                function_arguments(serialized.config), where);
  } else if (serialized.is_name && !kind_by_shapes(class_name).empty()) {
    be_metric(class_for(kind_by_shapes(class_name), target, prediction), config_, where);
  } else if (serialized.is_name && !object.is_string()) {
    be_function(class_name, config_, where);
  } else {
    be_metric(class_name, serialized.config, where);
  }
  const std::string place = cat(where, ": metric ", loss_ ? class_name : def_->class_name);
  args_ = Args(def_->args, config_, place);
  dtype_ = given_dtype.is_null() ? def_->dtype : read_dtype(given_dtype, place);
  if (dtype_ == DType::boolean || (is_float(def_->dtype) && !is_float(dtype_)))
    throw Error(ErrorKind::unsupported, cat("argument dtype is ", given_dtype.dump(), ": expected a float"),
                place);
  expect_target(target, prediction);
}

void Metric::be_metric(std::string_view name, const Json& config, const std::string& where) {
  def_ = &metric_def(name, where);
  config_ = config;
}

void Metric::be_function(const std::string& name, const Json& arguments, const std::string& where) {
  // Where a loss and a metric share a name, the function is the loss's: of minus the cosine.
  if (find_loss_def(name) == nullptr) return be_metric(name, arguments, where);
  be_loss(Json::object({{"class_name", Json::of(name)}, {"config", arguments}}),
          metric_def("MeanMetricWrapper", where), where);
}

void Metric::be_loss(const Json& object, const MetricDef& def, const std::string& where) {
  loss_ = std::make_unique<Loss>(object, where);
  def_ = &def;
  if (weighted_ && def_ == &kLossOfStep)
    throw Error(ErrorKind::unsupported, "a loss that is reduced to one number cannot be a weighted metric",
                cat(where, ": metric ", name_), "list it in metrics; or give the name of its function");
}

int64_t Metric::axis_of_classes(const Type& prediction) const {
  const Json& given = config_["axis"];
  const int64_t rank = prediction.rank(), axis = given.is_null() ? -1 : given.as_int();
  if (axis < -rank || axis >= rank)
    throw Error(ErrorKind::data, cat("axis ", axis, " is no axis of ", to_text(prediction)), args_.where());
  return axis < 0 ? axis + rank : axis;
}

void Metric::expect_target(const Type& target, const Type& prediction) const {
  Shape wanted = prediction.shape;
  if (loss_)
    wanted = loss_->target_type(prediction).shape;
  else if (def_->target == MetricTarget::classes)
    wanted.erase(wanted.begin() + axis_of_classes(prediction));
  else if (def_->target == MetricTarget::own)
    return;
  if (target.shape != wanted)
    throw Error(ErrorKind::unsupported,
                cat("it compares the prediction, ", to_text(prediction), ", with a target ", to_text(wanted),
                    "; the loss takes the target as ", to_text(target)),
                args_.where(), "metrics of classes go with losses of classes, others with others");
}

std::string Metric::path() const { return cat("metrics/", name_); }

MetricState Metric::state(Builder& builder) { return {builder, path(), variables_, dtype_}; }

void Metric::update(const Expr& target, const Traced& prediction, const Expr& sample_weight) {
  MetricState accumulators = state(target.builder());
  MetricCall call{args_, target, prediction, weighted_ ? sample_weight : Expr(), accumulators, loss_.get()};
  def_->update(call);
}

Expr Metric::values(Builder& builder) { return cast(def_->result(args_, state(builder)), DType::f32); }

Expr Metric::result(Builder& builder) {
  const Expr found = values(builder);
  if (found.rank() > 0)
    throw Error(ErrorKind::unsupported,
                cat("it gives ", to_text(found.shape()), " numbers: only one can be logged"), args_.where(),
                "give one threshold, or an average: \"macro\", \"micro\" or \"weighted\"");
  return found;
}

}  // namespace keratin
