#include "runtime/trainer/compiled.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/abi.h"
#include "runtime/float_mode.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

DType dtype_of(uint32_t dtype) {
  switch (dtype) {
    case KRT_BOOL: return DType::boolean;
    case KRT_I8: return DType::i8;
    case KRT_I16: return DType::i16;
    case KRT_I32: return DType::i32;
    case KRT_I64: return DType::i64;
    case KRT_U8: return DType::u8;
    case KRT_U16: return DType::u16;
    case KRT_U32: return DType::u32;
    case KRT_U64: return DType::u64;
    case KRT_F16: return DType::f16;
    case KRT_BF16: return DType::bf16;
    case KRT_F64: return DType::f64;
    default: return DType::f32;
  }
}

Signature signature_of(const krt_array& array) {
  Signature signature{.name = array.name, .dtype = dtype_of(array.dtype)};
  if (array.rank > 0) signature.rows = array.shape[0].coef;
  signature.is_per_sample = array.rank > 0 && array.shape[0].symbol >= 0;
  for (uint32_t axis = 1; axis < array.rank; ++axis) signature.shape.push_back(array.shape[axis].coef);
  return signature;
}

VariableInfo variable_of(const krt_variable& variable) {
  VariableInfo info{.name = variable.array.name,
                    .dtype = dtype_of(variable.array.dtype),
                    .role = variable.role == KRT_WEIGHT   ? VariableRole::weight
                            : variable.role == KRT_METRIC ? VariableRole::metric
                                                          : VariableRole::state};
  for (uint32_t axis = 0; axis < variable.array.rank; ++axis)
    info.shape.push_back(variable.array.shape[axis].coef);
  return info;
}

/// The output's name of "y:OUTPUT" or "sample_weight:OUTPUT" among the params of a step; none of what is for all outputs.
std::string output_of(const std::string& param) {
  const size_t colon = param.find(':');
  return colon == std::string::npos ? std::string() : param.substr(colon + 1);
}

struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};
using Block = std::unique_ptr<unsigned char, Freed>;

/// Memory at a multiple of 64.
Block allocate(size_t bytes) {
  const size_t whole = (bytes / KRT_ALIGNMENT + 1) * KRT_ALIGNMENT;
  void* memory = std::aligned_alloc(KRT_ALIGNMENT, whole);
  if (memory == nullptr) throw std::bad_alloc();
  return Block(static_cast<unsigned char*>(memory));
}

struct PoolEnd {
  void operator()(keratin_pool* pool) const { krt_pool_destroy(pool); }
};

/// Takes denormals for zeros as long as it lives, as TensorFlow and XLA do: slots of weights whose gradients have become zero decay to
/// denormals, and processors compute several times slower with them.
class DenormalsAreZeros {
 public:
  DenormalsAreZeros() { krt_set_float_mode(before_ | KRT_DENORMALS_ARE_ZEROS); }
  DenormalsAreZeros(const DenormalsAreZeros&) = delete;
  ~DenormalsAreZeros() { krt_set_float_mode(before_); }

 private:
  uint64_t before_ = krt_float_mode();
};

class Compiled : public Trainable {
 public:
  Compiled(const krt_trainer& trainer, unsigned threads)
      : trainer_(trainer), state_(allocate(trainer.model->state_bytes)), pool_(krt_pool_create(threads)) {
    check(krt_state_init(trainer.model, state_.get()));
    describe();
  }

  const TrainableInfo& info() const override { return info_; }

  double train_step(const Batch& batch) override {
    const DenormalsAreZeros mode;
    return step(ranks_ ? trainer_.train_step_of_rank : trainer_.train_step, batch);
  }
  void evaluate_step(const Batch& batch) override {
    step(ranks_ ? trainer_.evaluate_step_of_rank : trainer_.evaluate_step, batch);
  }

  void join(std::unique_ptr<Ranks> ranks) override {
    if (trainer_.train_step_of_rank == KRT_NO_PROGRAM)
      throw Error(ErrorKind::usage, "the trainer was compiled for one process", info_.name,
                  "keratin compile --trainer --distributed; or --no-mpi");
    ranks_ = std::move(ranks);
    ranks_->broadcast({reinterpret_cast<std::byte*>(state_.get()), trainer_.model->state_bytes});
  }

  void predict(int64_t n, std::span<const void* const> inputs, std::span<void* const> outputs) override {
    call(trainer_.predict, n, inputs.data(), outputs.data());
  }

  std::vector<bool> check_numerics(const Batch& batch) override {
    std::vector<unsigned char> found(info_.checks.size());
    std::vector<void*> outputs;
    for (unsigned char& each : found) outputs.push_back(&each);
    call(trainer_.check_numerics, batch.n, step_inputs(batch), outputs.data());
    return {found.begin(), found.end()};
  }

  void reset_metrics() override { call(trainer_.reset_metrics, 1, nullptr, nullptr); }

  std::vector<double> metrics() override { return scalars(trainer_.metric_program, trainer_.metric_count); }
  std::vector<double> learning_rates() override {
    return scalars(trainer_.learning_rate_program, info_.learning_rates.size());
  }
  void swap_averages() override { call(trainer_.swap_averages, 1, nullptr, nullptr); }

  void set_threads(unsigned threads) override {
    finish_errand();
    pool_.reset();  // ends its threads before others begin
    pool_.reset(krt_pool_create(threads));
    if (!pool_) throw Error(ErrorKind::io, cat(counted(threads, "thread"), " cannot be started"), info_.name);
  }

  int64_t workspace_bytes(int64_t n) const override {
    size_t most = 0;
    for (const uint32_t program : {trainer_.train_step, trainer_.evaluate_step, trainer_.train_step_of_rank,
                                   trainer_.evaluate_step_of_rank})
      if (program != KRT_NO_PROGRAM) most = std::max(most, workspace_of(program, n));
    return static_cast<int64_t>(most);
  }

  Array get_variable(size_t index) const override {
    Array array = view_variable(index);
    array.mutable_data();  // makes it a copy
    return array;
  }
  Array view_variable(size_t index) const override {
    const VariableInfo& variable = info_.variables[index];
    return Array::view(variable.dtype, variable.shape, at(index), nullptr);
  }
  void set_variable(size_t index, const Array& value) override {
    const VariableInfo& variable = info_.variables[index];
    if (value.dtype() != variable.dtype || value.shape() != variable.shape)
      throw Error(
          ErrorKind::data,
          cat("is no array of type ", to_text(variable.dtype), " and shape ", shape_text(variable.shape)),
          variable.name);
    std::memcpy(at(index), value.data(), static_cast<size_t>(value.bytes()));
  }

  const krt_exports* exports() const override { return trainer_.exports; }

  void finish_training() override {
    if (trainer_.finish_training != KRT_NO_PROGRAM) call(trainer_.finish_training, 1, nullptr, nullptr);
  }

  void start_errand(size_t n, void (*fn)(void* arg, size_t i), void* arg) override {
    if (!pool_) return Trainable::start_errand(n, fn, arg);
    finish_errand();
    krt_pool_start_errand(pool_.get(), n, fn, arg);
  }
  void finish_errand() override {
    if (!pool_) return Trainable::finish_errand();
    krt_pool_finish_errand(pool_.get());
  }

  void set_seed(uint64_t seed) override {
    for (size_t i = 0; i < info_.variables.size(); ++i)
      if (info_.variables[i].name == "random/seed") std::memcpy(at(i), &seed, sizeof seed);
  }

  void initialize(uint64_t seed) override {
    const void* const inputs[] = {&seed};
    // Where no batch is free, the runtime counts by the first input's first axis, here the two words of the seed.
    call(trainer_.initialize, 2, inputs, nullptr);
  }

 private:
  void describe() {
    const krt_model& model = *trainer_.model;
    info_.name = model.name;
    const krt_program& predict = model.programs[trainer_.predict];
    for (uint32_t i = 0; i < predict.input_count; ++i) {
      info_.inputs.push_back(signature_of(predict.inputs[i]));
      info_.inputs.back().strings = krt_strings_of(&model, trainer_.predict, i);
    }
    for (uint32_t i = 0; i < predict.output_count; ++i)
      info_.outputs.push_back(signature_of(predict.outputs[i]));
    if (trainer_.train_step != KRT_NO_PROGRAM) describe_step(model.programs[trainer_.train_step]);
    for (uint32_t i = 0; i < trainer_.metric_count; ++i)
      info_.metrics.push_back({trainer_.metrics[i], trainer_.directions[i]});
    for (uint32_t i = 0; i < trainer_.variable_count; ++i)
      info_.variables.push_back(variable_of(trainer_.variables[i]));
    if (trainer_.check_numerics != KRT_NO_PROGRAM) {
      const krt_program& checks = model.programs[trainer_.check_numerics];
      for (uint32_t i = 0; i < checks.output_count; ++i) info_.checks.emplace_back(checks.outputs[i].name);
    }
    info_.has_averages = trainer_.swap_averages != KRT_NO_PROGRAM;
    if (trainer_.learning_rate_program == KRT_NO_PROGRAM) return;
    const krt_program& rates = model.programs[trainer_.learning_rate_program];
    for (uint32_t i = 0; i < rates.output_count; ++i) {
      const uint32_t variable = trainer_.learning_rates[i];
      info_.learning_rates.push_back({rates.outputs[i].name, {}});
      if (variable != KRT_NO_VARIABLE) info_.learning_rates.back().variable = variable;
    }
  }

  /// A step takes what predict takes, the targets, and sample weights.
  void describe_step(const krt_program& step) {
    info_.weights.clear();
    for (auto i = static_cast<uint32_t>(info_.inputs.size()); i < step.input_count; ++i) {
      Signature signature = signature_of(step.inputs[i]);
      signature.name = output_of(signature.name);
      const size_t target = i - info_.inputs.size();
      if (target < trainer_.target_count) signature.classes = trainer_.classes[target];
      (target < trainer_.target_count ? info_.targets : info_.weights).push_back(std::move(signature));
    }
  }

  unsigned char* at(size_t index) const { return state_.get() + trainer_.variables[index].offset; }

  double step(uint32_t program, const Batch& batch) {
    float loss = 0;
    void* const outputs[] = {&loss};
    const auto first = static_cast<uint32_t>(batch.first);
    step_inputs(batch);
    if (ranks_) step_inputs_.push_back(&first);
    call(program, batch.n, step_inputs_.data(), outputs);
    return loss;
  }

  const void* const* step_inputs(const Batch& batch) {
    step_inputs_ = batch.inputs;
    step_inputs_.insert(step_inputs_.end(), batch.targets.begin(), batch.targets.end());
    step_inputs_.insert(step_inputs_.end(), batch.sample_weights.begin(), batch.sample_weights.end());
    return step_inputs_.data();
  }

  /// What a program without inputs gives: `count` numbers.
  std::vector<double> scalars(uint32_t program, size_t count) {
    std::vector<float> values(count);
    if (count == 0) return {};
    std::vector<void*> outputs;
    for (float& value : values) outputs.push_back(&value);
    call(program, 1, nullptr, outputs.data());
    return {values.begin(), values.end()};
  }

  size_t workspace_of(uint32_t program, int64_t n) const {
    const unsigned threads = pool_ ? pool_->threads : 1;
    const size_t bytes =
        krt_workspace_size(trainer_.model, program, static_cast<uint64_t>(n), nullptr, threads);
    if (bytes == SIZE_MAX) check(KRT_BAD_COUNT);
    return bytes;
  }

  /// The workspace grows to what the largest call needs and stays.
  void call(uint32_t program, int64_t n, const void* const* inputs, void* const* outputs) {
    const size_t bytes = workspace_of(program, n);
    if (bytes > workspace_bytes_) {
      workspace_.reset();
      workspace_bytes_ = 0;  // also if there is no memory for the next
      workspace_ = allocate(bytes);
      workspace_bytes_ = bytes;
    }
    check(krt_invoke_rank(trainer_.model, program, inputs, outputs, static_cast<uint64_t>(n), nullptr,
                          state_.get(), workspace_.get(), pool_.get(), ranks_ ? ranks_->reducer() : nullptr));
  }

  static void check(int status) {
    if (status != KRT_OK) throw Error(ErrorKind::data, krt_strerror(status));
  }

  const krt_trainer& trainer_;
  Block state_, workspace_;
  size_t workspace_bytes_ = 0;
  std::unique_ptr<keratin_pool, PoolEnd> pool_;
  TrainableInfo info_;
  std::vector<const void*> step_inputs_;  // kept for its memory
};

}  // namespace

std::unique_ptr<Trainable> make_compiled(const krt_trainer& trainer, unsigned threads) {
  return std::make_unique<Compiled>(trainer, threads);
}

}  // namespace keratin::trainer
