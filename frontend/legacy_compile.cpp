#include "frontend/legacy_compile.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr std::string_view kCustom = "Custom>";

/// What says how TensorFlow computed, and nothing about what.
constexpr std::array<std::string_view, 2> kDropped = {"jit_compile", "is_legacy_optimizer"};

/// Slots that Keras 3 keeps in pairs.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kPairs = {
    std::pair<std::string_view, std::string_view>{"m", "v"}, {"accum_grad", "accum_var"}};

/// "v" of "Adam/dense/kernel/v:0".
std::string_view slot_of(std::string_view name) {
  name = name.substr(0, name.rfind(':'));
  return name.substr(name.rfind('/') + 1);
}

Json decaying_rate(const Json& rate, const Json& decay) {
  return Json::object({{"class_name", Json::of(std::string("InverseTimeDecay"))},
                       {"config", Json::object({{"initial_learning_rate", rate},
                                                {"decay_steps", Json::of(int64_t{1})},
                                                {"decay_rate", decay}})}});
}

}  // namespace

Json adapt_optimizer(const Json& optimizer, const std::string& where) {
  if (!optimizer.is_object() || !optimizer["config"].is_object()) return optimizer;
  const Json& given_name = optimizer["class_name"];
  std::string class_name = given_name.is_string() ? given_name.as_string() : "";
  if (class_name.starts_with(kCustom)) class_name = class_name.substr(kCustom.size());
  const Json& config = optimizer["config"];
  const Json& decay = config["decay"];
  const bool decays = decay.is_number() && decay.as_double() != 0;
  if (decays && class_name == "Nadam")
    throw Error(ErrorKind::unsupported, "the optimizer Nadam of Keras 2 is another one than that of Keras 3",
                where, "compile the model again, with the Nadam that is new");
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, value] : config.members()) {
    if (std::find(kDropped.begin(), kDropped.end(), key) != kDropped.end() || key == "decay") continue;
    // "lr" is what the oldest files say.
    const bool is_rate = key == "learning_rate" || key == "lr";
    members.emplace_back(is_rate ? std::string("learning_rate") : key,
                         is_rate && decays ? decaying_rate(value, decay) : value);
  }
  return Json::object(
      {{"class_name", Json::of(std::move(class_name))}, {"config", Json::object(std::move(members))}});
}

Json adapt_metrics(const Json& metrics) {
  if (metrics.is_array()) {
    std::vector<Json> items;
    for (const Json& item : metrics.items()) items.push_back(adapt_metrics(item));
    return Json::array(std::move(items));
  }
  if (!metrics.is_object()) return metrics;
  const Json& class_name = metrics["class_name"];
  if (class_name.is_string())
    return class_name.as_string() == "MeanMetricWrapper" ? metrics["config"]["name"] : metrics;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, value] : metrics.members()) members.emplace_back(key, adapt_metrics(value));
  return Json::object(std::move(members));
}

std::vector<size_t> optimizer_order(const std::vector<std::string>& names) {
  std::vector<size_t> order;
  std::vector<bool> is_taken(names.size());
  const auto take = [&](size_t i) {
    order.push_back(i);
    is_taken[i] = true;
  };
  for (size_t i = 0; i < names.size(); ++i) {
    if (is_taken[i]) continue;
    take(i);
    const std::string_view slot = slot_of(names[i]);
    for (const auto& [first, second] : kPairs) {
      if (slot != first) continue;
      const std::string front = names[i].substr(0, names[i].rfind('/') + 1);
      for (size_t other = i + 1; other < names.size(); ++other)
        if (names[other].starts_with(front) && slot_of(names[other]) == second &&
            names[other].find('/', front.size()) == std::string::npos)
          take(other);
    }
  }
  return order;
}

}  // namespace keratin
