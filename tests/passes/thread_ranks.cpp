#include "tests/passes/thread_ranks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

double joined(double a, double b, std::string_view by) {
  if (by == "sum") return a + b;
  if (by == "prod") return a * b;
  return by == "max" ? std::max(a, b) : std::min(a, b);
}

/// The rank's part of an input: along the axis that is a multiple of N, the places of its samples.
Tensor part_of(const Tensor& whole, const Type& type, int64_t samples, int64_t first, int64_t last) {
  const auto axis = std::ranges::find_if(type.shape, [](Dim dim) { return dim.symbol == Symbol("N"); }) -
                    type.shape.begin();
  std::vector<int64_t> shape = whole.shape();
  int64_t outer = 1, inner = byte_size(whole.dtype());
  for (size_t i = 0; i < shape.size(); ++i)
    (static_cast<std::ptrdiff_t>(i) < axis ? outer : inner) *= shape[i];
  const int64_t each = samples == 0 ? 0 : inner / samples;
  shape[static_cast<size_t>(axis)] = type.shape[static_cast<size_t>(axis)].coef * (last - first);
  Tensor part(whole.dtype(), shape);
  for (int64_t i = 0; i < outer; ++i)
    std::memcpy(part.data() + i * each * (last - first), whole.data() + i * inner + each * first,
                static_cast<size_t>(each * (last - first)));
  return part;
}

bool has_samples(const Type& type) {
  return std::ranges::any_of(type.shape, [](Dim dim) { return dim.symbol == Symbol("N"); });
}

}  // namespace

class RankedExecutable::Rank : public Ranks {
 public:
  Rank(Meeting& meeting, size_t rank) : meeting_(meeting), rank_(rank) {}

  Tensor all_reduce(const Tensor& own, std::string_view by) override {
    meeting_.parts[rank_] = own;
    meeting_.barrier.arrive_and_wait();
    Tensor total = meeting_.parts[0];
    for (size_t other = 1; other < meeting_.parts.size(); ++other)
      for (int64_t i = 0; i < total.elements(); ++i)
        total.set(i, joined(total.get(i), meeting_.parts[other].get(i), by));
    meeting_.barrier.arrive_and_wait();
    return total;
  }

 private:
  Meeting& meeting_;
  size_t rank_;
};

RankedExecutable::RankedExecutable(const Module& partitioned, size_t ranks)
    : module_(partitioned), meeting_(ranks) {
  for (size_t rank = 0; rank < ranks; ++rank) {
    ranks_.push_back(std::make_unique<Rank>(meeting_, rank));
    executables_.push_back(
        make_interpreter(Rounding::every_result, ranks_.back().get())->compile(partitioned));
  }
}

RankedExecutable::~RankedExecutable() = default;

std::vector<Tensor> RankedExecutable::call(std::string_view name, std::span<const Tensor> inputs) {
  const Function* shared = module_.find_function(cat(name, ".ranks"));
  int64_t samples = 0;
  if (shared != nullptr)
    for (size_t i = 0; i < inputs.size(); ++i)
      for (size_t axis = 0; axis < inputs[i].shape().size(); ++axis)
        if (const Dim dim = shared->params[i]->type().shape[axis]; dim.symbol == Symbol("N"))
          samples = inputs[i].shape()[axis] / dim.coef;
  const auto count = static_cast<int64_t>(executables_.size());
  std::vector<std::vector<Tensor>> results(executables_.size());
  std::vector<std::string> errors(executables_.size());
  const auto call_rank = [&](size_t number) {
    const auto rank = static_cast<int64_t>(number);
    const int64_t first = samples * rank / count, last = samples * (rank + 1) / count;
    std::vector<Tensor> own;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const bool is_part = shared != nullptr && has_samples(shared->params[i]->type());
      own.push_back(is_part ? part_of(inputs[i], shared->params[i]->type(), samples, first, last)
                            : inputs[i]);
    }
    if (shared != nullptr)
      own.emplace_back(DType::u32, std::vector<int64_t>()).set(0, static_cast<double>(first));
    try {
      results[number] = executables_[number]->call(shared ? shared->name : std::string(name), own);
    } catch (const std::exception& error) {
      errors[number] = error.what();
      meeting_.barrier.arrive_and_drop();
    }
  };
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < executables_.size(); ++rank) threads.emplace_back(call_rank, rank);
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors)
    if (!error.empty()) throw std::runtime_error(cat(name, ": ", error));
  for (size_t i = 0; shared != nullptr && i < results[0].size(); ++i)
    for (size_t rank = 1; rank < results.size() && !has_samples(shared->results[i].value.type()); ++rank)
      EXPECT_EQ(results[rank][i], results[0][i]) << name << " on rank " << rank;
  return results[0];
}

Tensor RankedExecutable::get_variable(std::string_view name) const {
  const Tensor value = executables_[0]->get_variable(name);
  for (const auto& other : executables_) EXPECT_EQ(other->get_variable(name), value) << name;
  return value;
}

void RankedExecutable::set_variable(std::string_view name, const Tensor& value) {
  for (const auto& each : executables_) each->set_variable(name, value);
}

}  // namespace keratin
