// One layer of bench/problems.py by oneDNN, for ctypes: weights in the layout that it asks for, bias and ReLU in the same primitive.
//
//     c++ -O2 -shared -fPIC onednn.cpp -ldnnl
//
// `own`: convolutions have input and output in oneDNN's layouts, too, and dense layers are an inner product; otherwise features are
// last, and dense layers are a product of matrices.
#include <memory>
#include <unordered_map>

#include "oneapi/dnnl/dnnl.hpp"

using namespace dnnl;
using Dims = memory::dims;
using Tag = memory::format_tag;

namespace {

struct Layer {
  engine where{engine::kind::cpu, 0};
  stream order{where};
  primitive work;
  memory result, plain;
  std::unordered_map<int, memory> arguments;

  memory at(const Dims& dims, Tag tag, const float* numbers) {
    return {{dims, memory::data_type::f32, tag}, where, const_cast<float*>(numbers)};
  }

  /// In the layout that the primitive asks for.
  memory laid_out(memory given, const memory::desc& wanted) {
    if (given.get_desc() == wanted) return given;
    memory laid(wanted, where);
    reorder(given, laid).execute(order, given, laid);
    order.wait();
    return laid;
  }

  template <class Description>
  void set(const Description& made, memory x, memory weights, memory bias, memory y) {
    work = primitive(made);
    plain = y;
    result = made.dst_desc() == y.get_desc() ? y : memory(made.dst_desc(), where);
    arguments = {{DNNL_ARG_SRC, laid_out(x, made.src_desc())},
                 {DNNL_ARG_WEIGHTS, laid_out(weights, made.weights_desc())},
                 {DNNL_ARG_BIAS, bias},
                 {DNNL_ARG_DST, result}};
  }
};

memory::desc any(const Dims& dims) { return {dims, memory::data_type::f32, Tag::any}; }

primitive_attr with_relu() {
  post_ops after;
  after.append_eltwise(algorithm::eltwise_relu, 0, 0);
  primitive_attr attributes;
  attributes.set_post_ops(after);
  return attributes;
}

}  // namespace

extern "C" {

void* dense(int own, int64_t rows, int64_t terms, int64_t columns, const float* x, const float* weights,
            const float* bias, float* y) {
  auto layer = std::make_unique<Layer>();
  const memory from = layer->at({rows, terms}, Tag::ab, x), to = layer->at({rows, columns}, Tag::ab, y);
  if (own) {
    // Its weights are [columns, terms].
    const memory turned = layer->at({columns, terms}, Tag::ba, weights),
                 added = layer->at({columns}, Tag::a, bias);
    layer->set(inner_product_forward::primitive_desc(layer->where, prop_kind::forward_inference,
                                                     from.get_desc(), any({columns, terms}), added.get_desc(),
                                                     to.get_desc(), with_relu()),
               from, turned, added, to);
  } else {
    const memory given = layer->at({terms, columns}, Tag::ab, weights),
                 added = layer->at({1, columns}, Tag::ab, bias);
    layer->set(matmul::primitive_desc(layer->where, from.get_desc(), any({terms, columns}), added.get_desc(),
                                      to.get_desc(), with_relu()),
               from, given, added, to);
  }
  return layer.release();
}

void* conv(int own, int64_t images, int64_t size, int64_t features, int64_t outputs, int64_t window,
           int64_t stride, const float* x, const float* weights, const float* bias, float* y) {
  auto layer = std::make_unique<Layer>();
  const int64_t pad = window / 2, end = (size - window + 2 * pad) / stride + 1;
  const Dims in{images, features, size, size}, taps{outputs, features, window, window},
      out{images, outputs, end, end};
  const memory from = layer->at(in, Tag::nhwc, x), given = layer->at(taps, Tag::hwio, weights),
               added = layer->at({outputs}, Tag::a, bias), to = layer->at(out, Tag::nhwc, y);
  layer->set(convolution_forward::primitive_desc(
                 layer->where, prop_kind::forward_inference, algorithm::convolution_direct,
                 own ? any(in) : from.get_desc(), any(taps), added.get_desc(), own ? any(out) : to.get_desc(),
                 {stride, stride}, {pad, pad}, {pad, pad}, with_relu()),
             from, given, added, to);
  return layer.release();
}

void repeat(Layer* layer, int64_t count) {
  for (int64_t i = 0; i < count; ++i) layer->work.execute(layer->order, layer->arguments);
  layer->order.wait();
}

/// Lays the result out in y.
void finish(Layer* layer) {
  if (layer->result.get_desc() == layer->plain.get_desc()) return;
  reorder(layer->result, layer->plain).execute(layer->order, layer->result, layer->plain);
  layer->order.wait();
}
}
