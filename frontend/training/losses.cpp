#include "frontend/training/losses.h"

#include <utility>
#include <vector>

#include "frontend/training/loss_values.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

// ---- the tables ----

namespace {

constexpr std::span<const LossDef> (*kTables[])() = {
    regression_losses, probabilistic_losses, hinge_losses, similarity_losses, ctc_losses,
};

}  // namespace

std::vector<Arg> arguments_of(const LossDef& def) {
  std::vector<Arg> args(def.args.begin(), def.args.end());
  args.push_back({"reduction", ArgKind::choice, "sum_over_batch_size",
                  "sum_over_batch_size|sum|mean|mean_with_sample_weight"});
  return args;
}

std::deque<LossDef>& loss_defs() {
  static std::deque<LossDef> all = [] {
    std::deque<LossDef> rows;
    for (const auto table : kTables) rows.insert(rows.end(), table().begin(), table().end());
    return rows;
  }();
  return all;
}

const LossDef* find_loss_def(std::string_view name) {
  for (const LossDef& row : loss_defs())
    if (is_name_of(row, name)) return &row;
  return nullptr;
}

// ---- arguments and shapes ----

std::optional<int64_t> optional_integer(const Args& args, std::string_view name) {
  if (args.is_null(name)) return std::nullopt;
  return args.integer(name);
}

Expr along_first(const Expr& x, const Expr& like) {
  Ints axes = axes_from(x, 0);
  return align(x, like, axes);
}

Expr fitting_mask(Expr mask, const Expr& values, const std::string& where) {
  while (mask.rank() > values.rank() && mask.dim(-1).is(1)) mask = squeeze(mask, {-1});
  if (mask.rank() > values.rank())
    throw Error(ErrorKind::unsupported,
                cat("the prediction has a mask ", to_text(mask.shape()), ", and only ",
                    to_text(values.shape()), " values are made of it"),
                where, "Keras refuses this, too: let a layer that ends masks come last");
  return mask;
}

bool is_per_sample(const Expr& values, const Expr& prediction) {
  return values.rank() > 0 && values.dim(0) == prediction.dim(0);
}

Expr divide_no_nan(const Expr& a, const Expr& b) {
  const Expr zero = equal(b, number(b, 0));
  return where(zero, number(a, 0), a / where(zero, number(b, 1), b));
}

// ---- class Loss ----

Loss::Loss(const Json& object, const std::string& where) {
  const Serialized serialized = read_serialized(object, "the loss");
  def_ = &find_row(loss_defs(), serialized.class_name, "loss", where);
  name_ = def_->class_name;
  config_ = serialized.config;
  const std::string place = cat(where, ": loss ", name_);
  const Json& reduction = config_["reduction"];
  if (config_.has("reduction") &&
      (reduction.is_null() || (reduction.is_string() && reduction.as_string() == "none")))
    throw Error(
        ErrorKind::unsupported,
        cat("argument reduction is ", reduction.dump(), ": a loss that is trained by is one number"), place,
        "sum_over_batch_size, Keras's default, is the mean; sum and mean_with_sample_weight are supported");
  args_ = Args(arguments_of(*def_), config_, place);
  dtype_ = read_dtype(config_["dtype"], place);
  if (!is_float(dtype_))
    throw Error(ErrorKind::unsupported,
                cat("argument dtype is ", config_["dtype"].dump(), ": expected a float"), place);
}

bool Loss::has_labels() const {
  if (def_->target == LossTarget::sequence) return true;
  if (def_->target != LossTarget::classes) return false;
  const Json &axis = config_["axis"], &ignored = config_["ignore_class"];
  return ignored.is_null() && (axis.is_null() || axis.as_int() == -1);
}

Type Loss::target_type(const Type& prediction) const {
  const auto expect_rank = [&](int64_t rank, std::string_view axes) {
    if (prediction.rank() != rank)
      throw Error(ErrorKind::data,
                  cat("the prediction is ", to_text(prediction), ", expected rank ", rank, ": ", axes),
                  args_.where());
  };
  Shape shape = prediction.shape;
  switch (def_->target) {
    case LossTarget::values: return Type(DType::f32, shape);
    case LossTarget::classes: {
      const int64_t given = config_["axis"].is_null() ? -1 : args_.integer("axis");
      const int64_t axis = given < 0 ? given + prediction.rank() : given;
      if (axis < 1 || axis >= prediction.rank())
        throw Error(ErrorKind::data, cat("axis ", given, " is no axis of classes of ", to_text(prediction)),
                    args_.where());
      shape.erase(shape.begin() + axis);
      return Type(DType::i32, shape);
    }
    case LossTarget::groups:
      expect_rank(2, "sample, embedding");
      shape.pop_back();
      return Type(DType::i32, shape);
    case LossTarget::sequence:
      expect_rank(3, "sample, step, class");
      if (!prediction.shape[1].is_static())
        throw Error(ErrorKind::unsupported,
                    cat("the prediction is ", to_text(prediction), ": its steps must be of fixed number"),
                    args_.where(), "give the input a shape with a number of steps");
      shape.pop_back();
      return Type(DType::i32, shape);
  }
  KERATIN_CHECK(false, "no such target");
}

LossValues Loss::values(const Expr& target, const Traced& prediction) const {
  Traced seen = prediction;
  seen.value = cast(prediction.value, dtype_);
  if (seen.logits) seen.logits = cast(prediction.logits, dtype_);
  return def_->values({args_, def_->target == LossTarget::values ? cast(target, dtype_) : target, seen});
}

Expr Loss::operator()(const Expr& target, const Traced& prediction, const Expr& sample_weight) const {
  const LossValues found = values(target, prediction);
  const Expr& v = found.values;
  Expr mask = found.counted;
  const bool per_sample = is_per_sample(v, prediction.value);
  if (prediction.mask) {
    const Expr own = per_sample ? fitting_mask(prediction.mask, v, args_.where()) : prediction.mask;
    mask = mask ? logical_and(mask, along_first(own, mask)) : own;
  }
  if (sample_weight.rank() > 1 && sample_weight.shape() != v.shape())
    throw Error(ErrorKind::unsupported,
                cat("its values are ", to_text(v.shape()), ", and the sample weights ",
                    to_text(sample_weight.shape())),
                args_.where(), "sample_weight_mode \"temporal\" needs a value for each step");
  // Values that are made across the batch are weighted as a whole, by the mean of the weights.
  const Expr& like = per_sample ? v : mask ? mask : sample_weight;
  Expr weight = along_first(cast(sample_weight, dtype_), like);
  const std::string& reduction = args_.choice("reduction");
  if (mask) {
    Expr kept = along_first(cast(mask, dtype_), like);
    // Keras scales what is kept up to the number of all, so that the mean below counts only what is kept.
    if (reduction == "sum_over_batch_size" || reduction == "mean") {
      const Ints axes = axes_from(kept, 0);
      kept =
          kept * broadcast_to(divide_no_nan(cast(count(kept, axes), dtype_), sum(kept, axes)), kept.shape());
    }
    weight = weight * kept;
  }
  const auto total = [](const Expr& x) { return sum(x, axes_from(x, 0)); };
  const Expr elements = cast(count(v, axes_from(v, 0)), dtype_);
  const auto reduced = [&]() -> Expr {
    if (reduction == "mean_with_sample_weight")
      return per_sample ? divide_no_nan(total(v * weight), total(weight)) : total(v) / elements;
    const Expr sum = per_sample ? total(v * weight) : total(v) * mean(weight, axes_from(weight, 0));
    return reduction == "sum" ? sum : sum / elements;
  };
  return cast(reduced(), DType::f32);
}

}  // namespace keratin
