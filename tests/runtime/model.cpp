#include "tests/runtime/model.h"

#include <cstring>

namespace keratin::testing {
namespace {

// args: x, weights, y in the workspace; one piece per row. The tile holds the row on its way.
void scale_rows(void* const* args, const int64_t*, unsigned char* tile, int64_t begin, int64_t end) {
  const auto* x = static_cast<const float*>(args[0]);
  const auto* w = static_cast<const float*>(args[1]);
  auto* y = static_cast<float*>(args[2]);
  auto* row = reinterpret_cast<float*>(tile);
  for (int64_t i = begin; i < end; ++i) {
    for (int j = 0; j < kWidth; ++j) row[j] = 2 * x[i * kWidth + j] + w[j];
    std::memcpy(y + i * kWidth, row, sizeof(float) * kWidth);
  }
}

// args: y in the workspace, y of the caller, sum
void sum_rows(void* const* args, const int64_t*, unsigned char*, int64_t begin, int64_t end) {
  const auto* y = static_cast<const float*>(args[0]);
  auto* out = static_cast<float*>(args[1]);
  auto* sum = static_cast<float*>(args[2]);
  for (int64_t i = begin; i < end; ++i) {
    sum[i] = 0;
    for (int j = 0; j < kWidth; ++j) sum[i] += out[i * kWidth + j] = y[i * kWidth + j];
  }
}

void run(const krt_call* call) {
  if (call->state != nullptr) {
    uint64_t calls;
    std::memcpy(&calls, call->state, sizeof calls);
    ++calls;
    std::memcpy(call->state, &calls, sizeof calls);
  }
  void* first[] = {const_cast<void*>(call->inputs[0]), const_cast<unsigned char*>(call->weights),
                   call->workspace};
  krt_launch(call, scale_rows, first, call->symbols[0], 1);
  void* second[] = {call->workspace, call->outputs[0], call->outputs[1]};
  krt_launch(call, sum_rows, second, call->symbols[0], 1);
}

}  // namespace

HandMade::HandMade(int64_t batch, bool with_state) {
  const krt_dim rows = batch > 0 ? krt_dim{batch, -1, 0} : krt_dim{1, 0, 0};
  x_shape[0] = rows;
  x_shape[1] = {kWidth, -1, 0};
  sum_shape[0] = rows;
  inputs[0] = {"x", KRT_F32, 2, x_shape};
  outputs[0] = {"y", KRT_F32, 2, x_shape};
  outputs[1] = {"sum", KRT_F32, 1, sum_shape};
  const int32_t n = batch > 0 ? -1 : 0;
  terms[0] = {kWidth * 4 * (batch > 0 ? batch : 1), {n, -1, -1, -1}};
  terms[1] = {60, {-1, -1, -1, -1}};  // not a multiple of 64: the tiles must be aligned all the same
  program = {"predict", 1, 2, 0, 0, inputs, outputs, nullptr, nullptr};
  code = {run, terms, 2, 0, 0, 0, 64};
  level = {0, 0, &code};
  model = {};
  model.abi_version = KRT_ABI_VERSION;
  model.program_count = 1;
  model.name = "hand";
  model.programs = &program;
  model.weights = reinterpret_cast<const unsigned char*>(weights);
  model.weight_bytes = sizeof weights;
  model.state_bytes = with_state ? 64 : 0;
  model.level_count = 1;
  model.levels = &level;
}

int predict(HandMade& hand, const float* x, float* y, float* sum, uint64_t n, void* state, void* workspace,
            keratin_pool* pool) {
  const void* inputs[] = {x};
  void* outputs[] = {y, sum};
  return krt_invoke(&hand.model, 0, inputs, outputs, n, nullptr, state, workspace, pool);
}

}  // namespace keratin::testing

// Sanitizers abort on an allocation that is too large; here it must fail as malloc's does. Their libraries find these
// functions only if they are not hidden.
#define KERATIN_SANITIZER_OPTIONS(function)                         \
  extern "C" [[gnu::visibility("default")]] const char* function(); \
  const char* function() { return "allocator_may_return_null=1"; }
KERATIN_SANITIZER_OPTIONS(__asan_default_options)
KERATIN_SANITIZER_OPTIONS(__tsan_default_options)
