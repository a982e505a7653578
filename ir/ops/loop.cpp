// scan: a body that runs once per step along an axis.
//
//     %h, %out = scan %h0, %x, %w {axis = 1, carries = 1, length = T, sequences = 1} (
//       %h: f32[N,8], %x: f32[N,4], %w: f32[8,8]) -> …     : f32[N,8], f32[N,T,8]
//
// The body's params stand for the operands: the carries as they are, the sequences without `axis`, the rest
// as they are. Its results are the new carries and then what each step puts out.
#include "ir/array.h"
#include "ir/ops/places.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace elements;
using namespace rules;

void expect_body_param(const Function& body, size_t i, const Type& type) {
  const Type& found = body.params[i]->type();
  if (found != type)
    throw_unequal(Error(ErrorKind::data,
                        cat("param ", i, " of the body is ", to_text(found), ", expected ", to_text(type))),
                  found.shape, type.shape);
}

void expect_loop_body(Operands operands, const ScanAttrs& attrs, const Function& body) {
  if (body.params.size() != operands.size())
    fail(
        cat("the body has ", body.params.size(), " params, expected ", operands.size(), ", one per operand"));
  if (!body.updates.empty()) fail("the body updates a variable");
  for (const auto& node : body.nodes)
    if (node->op == Op::all_reduce) fail("the body waits for other ranks");
  if (static_cast<int64_t>(body.results.size()) < attrs.carries)
    fail(cat("the body has ", body.results.size(), " results, expected at least the ", attrs.carries,
             " carries"));
}

std::vector<Type> infer_scan(Operands operands, const Attrs& attrs, const Function* body) {
  const auto& scan = attrs_as<ScanAttrs>(attrs);
  const auto& [axis, carries, sequences, length, reverse] = scan;
  if (carries < 0 || sequences < 0) fail("carries and sequences must not be negative");
  expect_count_at_least(operands, carries + sequences);
  expect_shape("length", {length});
  if (body == nullptr) fail("it has no body");
  expect_loop_body(operands, scan, *body);

  const size_t first_captured = carries + sequences;
  for (size_t i = 0; i < operands.size(); ++i) {
    Type type = operands[i].type();
    if (static_cast<int64_t>(i) >= carries && i < first_captured) {
      expect_row_major(operands, i);
      expect_axis("axis", axis, type.rank());
      if (type.shape[axis] != length)
        fail_shape(operands, i, {type.shape[axis]}, {length},
                   cat("its axis ", axis, " must be as long as there are steps, ", to_text(length)));
      type.shape.erase(type.shape.begin() + axis);
    }
    expect_body_param(*body, i, type);
  }

  std::vector<Type> types;
  for (size_t i = 0; i < body->results.size(); ++i) {
    Type type = body->results[i].value.type();
    if (static_cast<int64_t>(i) < carries) {
      if (type != operands[i].type())
        fail(cat("result ", i, " of the body is ", to_text(type), ", expected the type of carry ", i, ", ",
                 to_text(operands[i].type())));
    } else {
      if (!type.layout.is_row_major())
        fail(cat("result ", i, " of the body must be row-major to be stacked"));
      expect_axis("axis", axis, type.rank() + 1);
      type.shape.insert(type.shape.begin() + axis, length);
    }
    types.push_back(std::move(type));
  }
  return types;
}

/// Step `step` of an array that has the steps along `axis`.
Places step_places(const Array& stacked, int64_t axis, int64_t step) {
  Places places = places_of(stacked.shape());
  places.offset = step * places.strides[axis];
  places.strides.erase(places.strides.begin() + axis);
  return places;
}

void eval_scan(const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
  const Function& body = *context.node.body;
  const auto& scan = context.node.as<ScanAttrs>();
  const auto carries = static_cast<size_t>(scan.carries);
  const size_t first_captured = carries + static_cast<size_t>(scan.sequences);
  const int64_t length = scan.length.value(context.bindings);
  for (size_t i = 0; i < carries; ++i) results[i] = *operands[i];
  for (int64_t count = 0; count < length; ++count) {
    const int64_t step = scan.reverse ? length - 1 - count : count;
    std::vector<Array> params;
    for (size_t i = 0; i < operands.size(); ++i) {
      if (i < carries || i >= first_captured) {
        params.push_back(i < carries ? std::move(results[i]) : *operands[i]);
      } else {
        params.push_back(make_array(body.params[i]->type(), context.bindings));
        fill_from(*operands[i], step_places(*operands[i], scan.axis, step), params.back());
      }
    }
    std::vector<Array> values = context.run(body, std::move(params), context);
    for (size_t i = 0; i < values.size(); ++i) {
      if (i < carries) {
        results[i] = std::move(values[i]);
      } else {
        const std::vector<int64_t> shape = values[i].shape();
        copy_box(shape, values[i], places_of(shape), results[i], step_places(results[i], scan.axis, step));
      }
    }
  }
}

}  // namespace

constinit const OpDef def_scan{
    .form = "(carries …, sequences …, others …) -> carries …, outputs …",
    .doc =
        "Runs the body `length` times. The first `carries` operands are the state, the next `sequences` are "
        "cut along `axis`, the rest are the same in each step; the results of the body are the new state "
        "and what the step puts out. The results are the last state and the outputs, stacked along `axis`. "
        "With `reverse` the steps run from the end, each output standing at its own step's place. With no "
        "steps the state passes through. Gradient: a scan in the other direction.",
    .infer = infer_scan,
    .gradient = differentiated_elsewhere,
    .eval = eval_scan,
};

}  // namespace keratin
