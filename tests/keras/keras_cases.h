// Every layer and object of the C++ API twice, as tests/data/make_keras_defaults.py makes them with Keras.
#pragma once

#include <keratin/keras/value.h>

#include <string_view>
#include <vector>

namespace keratin::keras {

struct Case {
  std::string_view class_name;
  Value required;  ///< with the required arguments only
  Value full;      ///< with most others
};

std::vector<Case> layer_cases();
std::vector<Case> preprocessing_cases();  ///< a part of them, as are these:
std::vector<Case> augmentation_cases();
std::vector<Case> initializer_cases();
std::vector<Case> regularizer_cases();
std::vector<Case> constraint_cases();
std::vector<Case> loss_cases();
std::vector<Case> metric_cases();
std::vector<Case> optimizer_cases();
std::vector<Case> schedule_cases();

}  // namespace keratin::keras
