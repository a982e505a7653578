#include "frontend/training/initializers.h"

#include <cmath>
#include <functional>
#include <numbers>

#include "frontend/training/serialized.h"
#include "frontend/training/window_functions.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// The inverse of erf on (-1, 1), in single precision.
/// M. Giles, Approximating the erfinv function, GPU Computing Gems Jade Edition, 2011.
Expr erfinv(const Expr& x) {
  constexpr double kNear[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                              -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
  constexpr double kFar[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                             -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  auto polynomial = [](const double(&coefficients)[9], const Expr& at) {
    Expr sum = number(at, coefficients[0]);
    for (int i = 1; i < 9; ++i) sum = sum * at + coefficients[i];
    return sum;
  };
  const Expr w = -unary(Op::log, (1 - x) * (x + 1));
  const Expr near = polynomial(kNear, w - 2.5), far = polynomial(kFar, unary(Op::sqrt, w) - 3);
  return where(less(w, 5), near, far) * x;
}

Expr normal(const InitializerCall& call, const Shape& shape) {
  return erfinv(call.symmetric(shape)) * std::numbers::sqrt2;
}

/// A standard normal distribution without what lies beyond two deviations: by the inverse of its distribution function.
Expr truncated_normal(const InitializerCall& call) {
  return erfinv(call.symmetric(call.shape) * std::erf(std::numbers::sqrt2)) * std::numbers::sqrt2;
}

/// How many inputs and outputs one element of the result is connected to.
struct Fans {
  double in, out;
};

Fans fans_of(const Shape& shape, const std::optional<FanAxes>& axes) {
  if (axes) {
    const auto extents = [&](const Ints& along) {
      double product = 1;
      for (int64_t axis : along) product *= static_cast<double>(shape[axis].value());
      return product;
    };
    return {extents(axes->in), extents(axes->out)};
  }
  if (shape.empty()) return {1, 1};
  if (shape.size() == 1)
    return {static_cast<double>(shape[0].value()), static_cast<double>(shape[0].value())};
  double field = 1;
  for (size_t i = 0; i + 2 < shape.size(); ++i) field *= static_cast<double>(shape[i].value());
  return {static_cast<double>(shape[shape.size() - 2].value()) * field,
          static_cast<double>(shape.back().value()) * field};
}

/// Those that the initializer itself names, if it does.
std::optional<FanAxes> own_axes(const InitializerCall& call) {
  const Json &in = call.args.json("input_axes"), &out = call.args.json("output_axes");
  if (in.is_null() || out.is_null()) return {};
  const auto counted = [&](std::string_view name) {
    Ints axes = to_ints(call.args.json(name));
    const auto rank = static_cast<int64_t>(call.shape.size());
    for (int64_t& axis : axes) {
      if (axis < -rank || axis >= rank)
        call.args.reject(name, cat("not axes of ", to_text(call.shape)), {}, ErrorKind::data);
      if (axis < 0) axis += rank;
    }
    return axes;
  };
  return FanAxes{counted("input_axes"), counted("output_axes")};
}

/// Deviations of a truncated normal distribution are made those of the whole one.
constexpr double kTruncated = 0.87962566103423978;

Expr scaled(const InitializerCall& call, double scale, std::string_view mode, std::string_view distribution) {
  const Fans fans = fans_of(call.shape, own_axes(call) ? own_axes(call) : call.fans);
  const double n = mode == "fan_in" ? fans.in : mode == "fan_out" ? fans.out : (fans.in + fans.out) / 2;
  const double variance = scale / std::max(1.0, n);
  if (distribution == "uniform") return call.symmetric(call.shape) * std::sqrt(3 * variance);
  if (distribution == "untruncated_normal") return normal(call, call.shape) * std::sqrt(variance);
  return truncated_normal(call) * (std::sqrt(variance) / kTruncated);
}

/// Gram and Schmidt's process on the columns of a matrix of normal numbers, each made orthogonal to those before it twice, so that
/// rounding does not matter: Q of the QR decomposition whose R has a positive diagonal.
Expr orthogonal_columns(const InitializerCall& call, int64_t rows, int64_t columns) {
  Builder& builder = call.builder;
  const Shape matrix{rows, columns};
  const Expr numbers = normal(call, matrix);
  const Value nothing = builder.constant(DType::f32, 0, matrix), first = builder.constant(DType::i32, 0);

  Builder step;
  const Expr q(step, step.param("q", Type(DType::f32, matrix))),
      i(step, step.param("i", Type(DType::i32, {})));
  Expr v(step, step.param("a", Type(DType::f32, {rows})));
  const auto dot = [&](const Expr& a, const Expr& b, int64_t axis) {
    return Expr(step, step.make(Op::dot, {a.value(), b.value()}, DotAttrs{.contract = {{axis}, {0}}}));
  };
  for (int pass = 0; pass < 2; ++pass) v = v - dot(q, dot(q, v, 0), 1);
  v = v * unary(Op::rsqrt, sum(v * v, {0}));
  const Value wider = step.make(Op::dynamic_update_slice,
                                {q.value(), reshape(v, {rows, 1}).value(), i.value()}, AxisAttrs{1});
  step.result("q", wider);
  step.result("i", (i + 1).value());
  const Node* scan =
      builder.make_node(Op::scan, {nothing, first, numbers.value()},
                        ScanAttrs{.axis = 1, .carries = 2, .sequences = 1, .length = Dim(columns)},
                        std::make_shared<const Function>(step.finish()));
  return {builder, scan->value(0)};
}

constexpr Arg kGainArgs[] = {{"gain", ArgKind::real, "1.0"}};

/// The last axis against all others; a wide matrix is the transpose of a tall one.
Expr orthogonal(const InitializerCall& call) {
  int64_t rows = 1;
  if (call.shape.size() < 2)
    call.args.reject("gain", "orthogonal weights have at least two axes", {}, ErrorKind::data);
  for (size_t i = 0; i + 1 < call.shape.size(); ++i) rows *= call.shape[i].value();
  const int64_t columns = call.shape.back().value();
  const Expr q = rows >= columns ? orthogonal_columns(call, rows, columns)
                                 : transpose(orthogonal_columns(call, columns, rows), {1, 0});
  return reshape(q, call.shape) * call.args.real("gain");
}

/// Numbers in lists of equal length.
std::shared_ptr<const Tensor> numbers_of(const Json& lists) {
  std::vector<int64_t> shape;
  for (const Json* level = &lists; level->is_array() && level->size() > 0; level = &level->at(0))
    shape.push_back(static_cast<int64_t>(level->size()));
  std::vector<double> numbers;
  const std::function<void(const Json&, size_t)> visit = [&](const Json& value, size_t depth) {
    if (depth == shape.size()) {
      numbers.push_back(value.as_double());
      return;
    }
    if (static_cast<int64_t>(value.items().size()) != shape[depth])
      throw Error(ErrorKind::data, cat(value.path(), ": lists of different lengths are no array"));
    for (const Json& item : value.items()) visit(item, depth + 1);
  };
  visit(lists, 0);
  auto tensor = std::make_shared<Tensor>(DType::f32, shape);
  for (size_t i = 0; i < numbers.size(); ++i) tensor->set(static_cast<int64_t>(i), numbers[i]);
  return tensor;
}

constexpr Arg kConstantArgs[] = {{"value", ArgKind::any, "0.0"}};

/// A number, or an array that is broadcast: a list, or the object that Keras writes for one.
Expr constant(const InitializerCall& call) {
  const Json& given = call.args.json("value");
  const Json& value = given.is_object() ? given["config"]["value"] : given;
  if (value.is_number()) return call.full(value.as_double());
  return broadcast_to({call.builder, call.builder.constant(numbers_of(value))}, call.shape);
}

/// Ones on the diagonal of a matrix, times gain.
Expr identity(const InitializerCall& call) {
  if (call.shape.size() != 2)
    call.args.reject("gain", cat("only a matrix can be an identity, not ", to_text(call.shape)), {},
                     ErrorKind::data);
  const Expr zeros = call.full(0);
  return where(equal(places(zeros, 0), places(zeros, 1)), call.full(call.args.real("gain")), zeros);
}

constexpr Arg kStftArgs[] = {
    {"side", ArgKind::choice, "real", "real|imag"},
    {"window", ArgKind::any, "null"},
    {"scaling", ArgKind::any, "null"},
    {"periodic", ArgKind::boolean, "false"},
};

/// The cosines, or sines, that a Fourier transform of frames multiplies with, under a window: [frame, 1, frequency].
Expr stft(const InitializerCall& call) {
  if (call.shape.size() != 3)
    call.args.reject("window", cat("a kernel of rank 3 is expected, not ", to_text(call.shape)), {},
                     ErrorKind::data);
  const int64_t length = call.shape[0].value(), frequencies = call.shape[2].value();
  const Expr like(call.builder, call.builder.constant(DType::f32, 0, {length, 1, frequencies}));
  const Expr time = cast(places(like, 0), DType::f32), place = cast(places(like, 2), DType::f32);
  const Expr angle = time * -2 * (place / (2.0 * (static_cast<double>(frequencies) - 1))) * std::numbers::pi;
  const Expr wave = unary(call.args.choice("side") == "real" ? Op::cos : Op::sin, angle);
  const auto given = [&](std::string_view name, std::string_view fallback) {
    return call.args.config().has(name) ? call.args.json(name) : Json::of(std::string(fallback));
  };
  const Json name = given("window", "hann"), scaling = given("scaling", "density");
  if (name.is_null()) return broadcast_to(wave, call.shape);
  const std::vector<double> values =
      window_values(name, length, call.args.boolean("periodic"), call.args.where());
  auto window = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{length, 1, 1});
  double sum_of_squares = 0, sum_of_sizes = 0;
  for (int64_t i = 0; i < length; ++i) {
    window->set(i, values[static_cast<size_t>(i)]);
    sum_of_squares += window->get(i) * window->get(i);
    sum_of_sizes += std::abs(window->get(i));
  }
  double scale = 1;
  if (!scaling.is_null()) {
    const std::string& kind = scaling.as_string();
    if (kind != "density" && kind != "spectrum")
      call.args.reject("scaling", "expected null, \"density\" or \"spectrum\"");
    scale = kind == "density" ? std::sqrt(sum_of_squares) : sum_of_sizes;
  }
  return broadcast_to(wave * Expr(call.builder, call.builder.constant(std::move(window))) / scale,
                      call.shape);
}

constexpr Arg kUniformArgs[] = {{"minval", ArgKind::real, "-0.05"}, {"maxval", ArgKind::real, "0.05"}};
constexpr Arg kNormalArgs[] = {{"mean", ArgKind::real, "0.0"}, {"stddev", ArgKind::real, "0.05"}};
constexpr Arg kScalingArgs[] = {
    {"scale", ArgKind::real, "1.0"},
    {"mode", ArgKind::choice, "fan_in", "fan_in|fan_out|fan_avg"},
    {"distribution", ArgKind::choice, "truncated_normal",
     "truncated_normal|normal|untruncated_normal|uniform"},
    {"input_axes", ArgKind::any, "null"},
    {"output_axes", ArgKind::any, "null"},
};
constexpr Arg kFanArgs[] = {{"input_axes", ArgKind::any, "null"}, {"output_axes", ArgKind::any, "null"}};

constexpr InitializerDef kInitializers[] = {
    {{"Zeros", "zero", {}}, [](const InitializerCall& call) { return call.full(0); }},
    {{"Ones", "one", {}}, [](const InitializerCall& call) { return call.full(1); }},
    {{"Constant", "", kConstantArgs}, constant},
    {{"Identity", "IdentityInitializer", kGainArgs}, identity},
    {{"STFT", "stft|STFTInitializer", kStftArgs}, stft},
    {{"RandomUniform", "uniform", kUniformArgs},
     [](const InitializerCall& call) {
       const double low = call.args.real("minval"), high = call.args.real("maxval");
       return call.unit(call.shape) * (high - low) + low;
     }},
    {{"RandomNormal", "normal", kNormalArgs},
     [](const InitializerCall& call) {
       return normal(call, call.shape) * call.args.real("stddev") + call.args.real("mean");
     }},
    {{"TruncatedNormal", "", kNormalArgs},
     [](const InitializerCall& call) {
       return truncated_normal(call) * call.args.real("stddev") + call.args.real("mean");
     }},
    {{"VarianceScaling", "", kScalingArgs},
     [](const InitializerCall& call) {
       return scaled(call, call.args.real("scale"), call.args.choice("mode"),
                     call.args.choice("distribution"));
     }},
    {{"GlorotUniform", "", kFanArgs},
     [](const InitializerCall& call) { return scaled(call, 1, "fan_avg", "uniform"); }},
    {{"GlorotNormal", "", kFanArgs},
     [](const InitializerCall& call) { return scaled(call, 1, "fan_avg", "truncated_normal"); }},
    {{"HeUniform", "", kFanArgs},
     [](const InitializerCall& call) { return scaled(call, 2, "fan_in", "uniform"); }},
    {{"HeNormal", "", kFanArgs},
     [](const InitializerCall& call) { return scaled(call, 2, "fan_in", "truncated_normal"); }},
    {{"LecunUniform", "", kFanArgs},
     [](const InitializerCall& call) { return scaled(call, 1, "fan_in", "uniform"); }},
    {{"LecunNormal", "", kFanArgs},
     [](const InitializerCall& call) { return scaled(call, 1, "fan_in", "truncated_normal"); }},
    {{"Orthogonal", "OrthogonalInitializer", kGainArgs}, orthogonal},
};

}  // namespace

Expr InitializerCall::full(double value) const {
  return {builder, builder.constant(DType::f32, value, shape)};
}

Expr InitializerCall::unit(const Shape& of) const {
  const Expr bits(builder, builder.make(Op::random_bits, {random.key, builder.constant(DType::u32, 0)},
                                        RandomAttrs{of, random.streams++}));
  constexpr double kDropped = 8, kScale = 1.0 / (1 << 24);
  return cast(binary(Op::shr, bits, number(bits, kDropped)), DType::f32) * kScale;
}

Expr InitializerCall::symmetric(const Shape& of) const { return unit(of) * 2 - (1 - 1.0 / (1 << 24)); }

std::deque<InitializerDef>& initializer_defs() {
  static std::deque<InitializerDef> all(std::begin(kInitializers), std::end(kInitializers));
  return all;
}

Expr initial_value(const Json& initializer, const Type& type, const std::optional<FanAxes>& fans,
                   Builder& builder, RandomSource& random, const std::string& where) {
  const Serialized serialized = read_serialized(initializer, "the initializer");
  const auto& def = find_row(initializer_defs(), serialized.class_name, "initializer", where);
  const Args args(def.args, serialized.config, cat(where, ": initializer ", def.class_name));
  const Json& given = serialized.config["seed"];
  const Json& seed = given.is_object() ? given["config"]["seed"] : given;  // a SeedGenerator, or a number
  if (seed.kind() != Json::Kind::integer)
    return cast(def.value({args, builder, random, type.shape, fans}), type.dtype);
  // One with a seed of its own gives the same numbers whatever else is initialized.
  const auto key = std::make_shared<Tensor>(DType::u32, std::vector<int64_t>{2});
  key->set_integer(0, seed.as_int());
  key->set_integer(1, seed.as_int() >> 32);
  RandomSource own{builder.constant(key)};
  return cast(def.value({args, builder, own, type.shape, fans}), type.dtype);
}

}  // namespace keratin
