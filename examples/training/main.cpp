// Keras's classic first example, line for line as it is in Python: a perceptron learns to read digits.
//
//     c++ -std=c++20 main.cpp -lkeratin -o main && ./main training.npz testing.npz
//
// Both files hold the arrays x: float32 [n, 784] and y: float32 [n, 10]. Leaves digits.keras for Keras, and digits.so with
// digits.h for C programs.
#include <keratin/keras.h>

#include <algorithm>
#include <iostream>

using namespace keratin::keras;
using namespace keratin::keras::layers;

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " training.npz testing.npz\n";
    return 2;
  }
  const Arrays training = load_npz(argv[1]), testing = load_npz(argv[2]);

  Sequential model({
      Input({784}),
      Dense(32, {.activation = "relu"}),
      Dense(10, {.activation = "softmax"}),
  });
  model.compile({.optimizer = "adam", .loss = "categorical_crossentropy", .metrics = {"accuracy"}});
  model.summary();
  model.fit(training["x"], training["y"], {.batch_size = 32, .epochs = 5});

  const Logs judged = model.evaluate(testing["x"], testing["y"]);
  std::cout << "accuracy " << judged.at("accuracy") << ", loss " << judged.at("loss") << '\n';
  const xt::xarray<float> scores = model.predict(testing["x"]);
  const auto first = scores.begin(), best = std::max_element(first, first + 10);
  std::cout << "the first of " << scores.shape(0) << " is a " << best - first << '\n';

  model.save("digits.keras");
  model.export_library("digits.so");
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
