// scan and fusion in random graphs: a body is drawn like a function, with the values of its first step.
#include <algorithm>

#include "ir/ops/places.h"
#include "tests/random_graph_drawer.h"

namespace keratin::testing {
namespace {

using namespace rules;

/// One step of an array that has the steps along `axis`; zeros if there is none.
Array first_step(const Array& stacked, int64_t axis, bool reverse, const Type& type,
                 const Bindings& bindings) {
  Array step = make_array(type, bindings);
  const std::vector<int64_t> shape = stacked.shape();
  if (shape[axis] == 0) return step;
  elements::Places places = elements::places_of(shape);
  places.offset = reverse ? (shape[axis] - 1) * places.strides[axis] : 0;
  places.strides.erase(places.strides.begin() + axis);
  elements::fill_from(stacked, places, step);
  return step;
}

struct ScanOperands {
  std::vector<Value> values;
  ScanAttrs attrs;
};
/// States, then sequences of as many steps as the first one has, then what every step reads.
std::optional<ScanOperands> scan_operands(Drawer& d) {
  Dice& dice = d.dice();
  const Value first = d.some(kAny, 1);
  if (!first) return std::nullopt;
  ScanOperands made;
  ScanAttrs& attrs = made.attrs;
  attrs.axis = dice.below(first.rank());
  attrs.length = first.shape()[attrs.axis];
  attrs.carries = dice.between(0, 2);
  attrs.sequences = dice.between(1, 2);
  attrs.reverse = dice.chance(0.3);
  for (int64_t i = 0; i < attrs.carries; ++i) made.values.push_back(d.some(kAny));
  made.values.push_back(first);
  for (int64_t i = 1; i < attrs.sequences; ++i) {
    Shape shape = d.shape(attrs.axis, 3 > attrs.axis ? 3 : attrs.axis);
    shape.insert(shape.begin() + attrs.axis, attrs.length);
    const std::optional<DType> dtype = d.dtype(kAny);
    made.values.push_back(dtype ? d.like(Type(*dtype, shape)) : Value());
  }
  for (int64_t i = dice.between(0, 2); i > 0; --i) made.values.push_back(d.some(kAny));
  if (std::ranges::any_of(made.values, [](Value value) { return !value; })) return std::nullopt;
  return made;
}

}  // namespace

bool draw_scan(Drawer& d, Op op) {
  constexpr int64_t kMostSteps = 33;
  std::optional<ScanOperands> made;
  if (!d.is_body()) made = scan_operands(d);
  if (!made || made->attrs.length.value(d.bindings()) > kMostSteps) return false;
  const auto& [operands, attrs] = *made;
  std::vector<Type> types;
  std::vector<Sample> samples;
  for (size_t i = 0; i < operands.size(); ++i) {
    types.push_back(operands[i].type());
    samples.push_back(d.sample(operands[i]));
    const auto place = static_cast<int64_t>(i);
    if (place < attrs.carries || place >= attrs.carries + attrs.sequences) continue;
    types.back().shape.erase(types.back().shape.begin() + attrs.axis);
    for (Array* array : {&samples.back().exact, &samples.back().noisy[0], &samples.back().noisy[1]})
      *array = first_step(*array, attrs.axis, attrs.reverse, types.back(), d.bindings());
  }

  Drawer body(d, types, std::move(samples));
  body.draw(d.dice().between(1, 6));
  std::vector<Value> results;
  for (int64_t i = 0; i < attrs.carries; ++i) {
    Value next = body.like(types[i]);
    if (!next) return false;
    if (is_float(next.dtype()))  // so that many steps do not grow without bound
      if (const Node* bounded = body.add(Op::tanh, {next})) next = bounded->value();
    results.push_back(next);
  }
  for (Value value : body.unread()) {
    const bool is_state = std::ranges::count(results, value) > 0;
    if (!is_state && value.rank() >= attrs.axis && value.type().layout.is_row_major())
      results.push_back(value);
  }
  if (results.empty()) return false;
  for (Value value : results) body.result(value);
  return d.add(op, operands, attrs, std::make_shared<const Function>(body.finish())) != nullptr;
}

bool draw_fusion(Drawer& d, Op op) {
  if (d.is_body()) return false;
  std::vector<Value> operands;
  std::vector<Type> types;
  std::vector<Sample> samples;
  for (int64_t i = d.dice().between(1, 3); i > 0; --i) {
    const Value operand = d.some(kAny);
    if (!operand) return false;
    operands.push_back(operand);
    types.push_back(operand.type());
    samples.push_back(d.sample(operand));
  }
  Drawer body(d, types, std::move(samples));
  body.draw(d.dice().between(1, 5), {Family::pointwise, Family::reduce, Family::shape});
  const std::vector<Value> results = body.unread();
  if (results.empty()) return false;
  for (Value value : results) body.result(value);
  return d.add(op, operands, NoAttrs{}, std::make_shared<const Function>(body.finish())) != nullptr;
}

}  // namespace keratin::testing
