#include "frontend/keras/layers/arguments.h"

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

}  // namespace keratin::keras
