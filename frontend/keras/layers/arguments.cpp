#include "frontend/keras/layers/arguments.h"

#include <algorithm>
#include <cmath>

#include "frontend/json.h"

namespace keratin::keras {

Value activation_of(const Value& activation) { return activation.is_none() ? Value("linear") : activation; }

Value both_ends(const Value& padding) { return repeated(padding, 2); }

Value both_ends(const Value& padding, size_t rank) {
  const Json given = Json::parse(repeated(padding, rank).json(), "argument");
  if (!given.is_array()) return padding;
  std::vector<Value> axes;
  for (const Json& axis : given.items()) axes.push_back(both_ends(Value::from_json(axis.dump())));
  return axes;
}

Value interval_of(const Value& factor, double least) {
  const Json given = Json::parse(factor.json(), "factor");
  if (given.is_number()) {
    const double size = std::abs(given.as_double());
    return {std::max(-size, least), size};
  }
  if (!given.is_array() || given.size() != 2) return factor;
  return {std::min(given.at(0).as_double(), given.at(1).as_double()),
          std::max(given.at(0).as_double(), given.at(1).as_double())};
}

}  // namespace keratin::keras
