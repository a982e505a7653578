// Where variables live, and how their elements lie.
#include <cstring>
#include <set>
#include <string>

#include "codegen/emit.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int64_t kAlignment = 64;

bool is_written(Mode mode) { return mode == Mode::out || mode == Mode::inout; }

/// The variables that some launch writes.
std::set<std::string> written_variables(const KernelModule& module) {
  std::set<std::string> written;
  for (const Program& program : module.programs) {
    for (const Launch& launch : program.launches) {
      for (size_t i = 0; i < launch.args.size(); ++i) {
        const ProgramBuffer& buffer = program.buffers[launch.args[i]];
        if (buffer.storage == Storage::variable &&
            is_written(module.kernels[launch.kernel].buffers[i].mode)) {
          written.insert(buffer.name);
        }
      }
    }
  }
  return written;
}

std::vector<int64_t> numbers(const Shape& shape) {
  std::vector<int64_t> result;
  for (const Dim& dim : shape) result.push_back(dim.value());
  return result;
}

/// Where the elements of a logical array lie in memory. An index's place is a sum of one term per axis.
struct Panels {
  std::vector<std::vector<int64_t>> places;  ///< by axis and index along it
  int64_t element_bytes;

  Panels(const Type& type) : element_bytes(byte_size(type.dtype)) {
    const Layout& layout = type.layout;
    const std::vector<int64_t> lengths = numbers(type.shape), physical = numbers(type.physical_shape());
    const int64_t unit = layout.has_pairs() ? 2 : 1;  // from column to column
    places.resize(lengths.size());
    int64_t stride = physical.back();
    for (int64_t axis = type.rank(); axis-- > 0;) {
      if (axis == layout.axis) continue;
      const bool pairs = axis == layout.pair_axis;
      for (int64_t i = 0; i < lengths[axis]; ++i)
        places[axis].push_back(pairs ? i / 2 * stride + i % 2 : i * stride);
      stride *= pairs ? (lengths[axis] + 1) / 2 : lengths[axis];
    }
    for (int64_t i = 0; i < lengths[layout.axis]; ++i)
      places[layout.axis].push_back(i / layout.width * stride + i % layout.width * unit);
  }

  /// Calls copy(byte in the logical array, byte in the physical one) for every element.
  template <typename Copy>
  void for_each(const Copy& copy) const {
    int64_t logical = 0;
    along(0, 0, logical, copy);
  }

 private:
  template <typename Copy>
  void along(size_t axis, int64_t place, int64_t& logical, const Copy& copy) const {
    if (axis == places.size()) return copy(logical++ * element_bytes, place * element_bytes);
    for (const int64_t step : places[axis]) along(axis + 1, place + step, logical, copy);
  }
};

void check_shape(const Tensor& tensor, DType dtype, const std::vector<int64_t>& shape) {
  KERATIN_CHECK(tensor.dtype() == dtype && tensor.shape() == shape,
                cat("a tensor ", tensor.type(), " instead of ", dtype, "[", join(shape, ","), "]"));
}

}  // namespace

Placement place_variables(const KernelModule& module) {
  const auto written = written_variables(module);
  Placement placement;
  for (const Variable& variable : module.variables) {
    Placement::Slot slot;
    slot.in_state = written.contains(variable.name);
    int64_t& end = slot.in_state ? placement.state_bytes : placement.weight_bytes;
    slot.offset = end;
    end += (variable.type.bytes().value() + kAlignment - 1) / kAlignment * kAlignment;
    placement.slots.push_back(slot);
  }
  return placement;
}

Tensor to_physical(const Tensor& logical, const Type& type) {
  check_shape(logical, type.dtype, numbers(type.shape));
  if (type.layout.is_row_major()) return logical;
  Tensor physical(type.dtype, numbers(type.physical_shape()));
  const Panels panels(type);
  panels.for_each([&](int64_t from, int64_t to) {
    std::memcpy(physical.data() + to, logical.data() + from, static_cast<size_t>(panels.element_bytes));
  });
  return physical;
}

Tensor to_logical(const Tensor& physical, const Type& type) {
  check_shape(physical, type.dtype, numbers(type.physical_shape()));
  if (type.layout.is_row_major()) return physical;
  Tensor logical(type.dtype, numbers(type.shape));
  const Panels panels(type);
  panels.for_each([&](int64_t to, int64_t from) {
    std::memcpy(logical.data() + to, physical.data() + from, static_cast<size_t>(panels.element_bytes));
  });
  return logical;
}

PlacedData place_data(const KernelModule& module, const Placement& placement) {
  PlacedData placed{Tensor(DType::u8, {placement.weight_bytes}), Tensor(DType::u8, {placement.state_bytes})};
  for (size_t i = 0; i < module.variables.size(); ++i) {
    const Variable& variable = module.variables[i];
    const Placement::Slot& slot = placement.slots[i];
    if (variable.data == nullptr) {
      if (!slot.in_state)
        throw Error(ErrorKind::data, cat("the variable ", variable.name, " has no value"), module.name);
      continue;
    }
    const Tensor physical = to_physical(*variable.data, variable.type);
    std::memcpy((slot.in_state ? placed.state : placed.weights).data() + slot.offset, physical.data(),
                static_cast<size_t>(physical.bytes()));
    placed.state_is_zero = placed.state_is_zero && !slot.in_state;
  }
  return placed;
}

TrainerSpec trainer_spec(const Module& module, std::vector<int64_t> classes, std::vector<int> directions) {
  TrainerSpec spec{.classes = std::move(classes), .directions = std::move(directions)};
  for (const Variable& variable : module.variables) {
    if (variable.role == Role::strings) continue;
    spec.variables.push_back(variable.name);
    spec.roles.push_back(variable.role == Role::weight           ? KRT_WEIGHT
                         : variable.name.starts_with("metrics/") ? KRT_METRIC
                                                                 : KRT_STATE);
  }
  const Function* rates = module.find_function("learning_rates");
  if (rates == nullptr) return spec;
  for (const Result& rate : rates->results) {
    const Node& node = *rate.value.node;
    const auto found = node.op == Op::var ? std::find(spec.variables.begin(), spec.variables.end(),
                                                      node.as<NameAttrs>().name)
                                          : spec.variables.end();
    spec.learning_rates.push_back(found == spec.variables.end()
                                      ? KRT_NO_VARIABLE
                                      : static_cast<uint32_t>(found - spec.variables.begin()));
  }
  return spec;
}

}  // namespace keratin
