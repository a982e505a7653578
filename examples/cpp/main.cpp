// A compiled model in C++: many calls with one workspace and a pool of threads, both owned by a small class.
//
//     keratin compile ../../models/digits_mlp.keras -o digits_mlp.so
//     c++ -std=c++17 main.cpp ./digits_mlp.so -Wl,-rpath,. -o main && ./main
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

#include "digits_mlp.h"

class Digits {
 public:
  static constexpr std::size_t kPixels = DIGITS_MLP_INPUT_PIXELS_SIZE, kClasses = 10;

  explicit Digits(std::size_t most) : most_(most), pool_(digits_mlp_pool_create(0), digits_mlp_pool_destroy) {
    if (!pool_) throw std::runtime_error("no threads");
    // aligned_alloc wants a multiple of the alignment.
    const std::size_t bytes = digits_mlp_workspace_size(most, pool_->threads);
    workspace_.reset(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  }

  /// The probabilities of ten classes for each of up to `most` images.
  std::vector<float> operator()(const std::vector<float>& images) {
    const std::size_t n = images.size() / kPixels;
    if (n > most_) throw std::invalid_argument("too many images");
    std::vector<float> probabilities(n * kClasses);
    const int status =
        digits_mlp_predict(images.data(), probabilities.data(), n, workspace_.get(), pool_.get());
    if (status != KERATIN_OK) throw std::runtime_error(digits_mlp_strerror(status));
    return probabilities;
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::size_t most_;
  std::unique_ptr<keratin_pool, void (*)(keratin_pool*)> pool_;
  std::unique_ptr<void, Free> workspace_;
};

int main() {
  Digits digits(1000);
  for (std::size_t n : {std::size_t{1}, std::size_t{10}, std::size_t{1000}}) {
    const std::vector<float> probabilities = digits(std::vector<float>(n * Digits::kPixels, 0.5f));
    std::printf("%zu images, %zu probabilities, the first %.3f\n", n, probabilities.size(), probabilities[0]);
  }
}
