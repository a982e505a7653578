#include "frontend/summary.h"

#include <algorithm>
#include <map>

#include "frontend/nodes.h"
#include "frontend/table.h"
#include "ir/text.h"

namespace keratin {
namespace {

struct Parameters {
  Amount trainable, fixed;
  void add(const Layer& layer) {
    for (const LayerVariable& variable : layer.variables())
      if (variable.role == Role::weight) (variable.trainable ? trainable : fixed).add(variable.type);
    for (const auto& child : layer.children()) add(*child);
  }
};

std::string shape_text(const Shape& shape) {
  std::vector<std::string> dims;
  for (const Dim dim : shape) dims.push_back(dim.is_static() ? to_text(dim.value()) : "None");
  return cat("(", join(dims, ", "), dims.size() == 1 ? ",)" : ")");
}

/// What Keras's table shows of one layer.
struct Row {
  std::string name, class_name, shape = "?";
  int64_t parameters = 0;
  std::vector<TensorRef> inputs;  ///< of all its calls
  size_t calls = 0;
};

std::string output_text(const Layer& layer) {
  std::vector<std::string> shapes;
  for (const Type& type : layer.output_types()) shapes.push_back(shape_text(type.shape));
  return shapes.size() == 1 ? shapes[0] : cat("[", join(shapes, ", "), "]");
}

/// `layer`: null for an operation.
Row row_of(const Json& json, const Layer* layer, const Model& model) {
  Row row;
  row.name = name_in_model(json);
  row.class_name = json["class_name"].as_string();
  for (const LayerCall& call : json.has("inbound_nodes") ? read_calls(json) : std::vector<LayerCall>{}) {
    ++row.calls;
    for (const Argument& argument : call.arguments) collect_tensors(argument, row.inputs);
    for (const auto& [keyword, argument] : call.keywords) collect_tensors(argument, row.inputs);
  }
  for (const Model::Input& input : model.inputs())
    if (input.name == row.name)
      row.shape = shape_text(input.strings ? input.strings->shape : input.type.shape);
  if (layer == nullptr) return row;
  if (!layer->output_types().empty()) row.shape = output_text(*layer);
  Parameters parameters;
  parameters.add(*layer);
  row.parameters = parameters.trainable.count + parameters.fixed.count;
  return row;
}

/// True if the layers form a chain, each called once.
bool is_chain(const std::vector<Row>& rows) {
  std::map<std::string, int> users;
  for (const Row& row : rows) {
    if (row.calls > 1 || row.inputs.size() > 1) return false;
    for (const TensorRef& input : row.inputs)
      if (++users[input.layer] > 1) return false;
  }
  return std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.inputs.empty(); }) <= 1;
}

std::string connections(const Row& row) {
  std::vector<std::string> texts;
  for (const TensorRef& input : row.inputs)
    texts.push_back(cat(input.layer, "[", input.node, "][", input.tensor, "]"));
  return texts.empty() ? "-" : join(texts, ", ");
}

std::string layers_table(const std::vector<Row>& rows, bool chain) {
  // Where columns end, as fractions of the width: Keras's own.
  const std::vector<double> ends = chain ? std::vector{0.45, 0.80, 1.0} : std::vector{0.3, 0.56, 0.74, 1.0};
  const std::vector<std::string> titles = {"Layer (type)", "Output Shape", "Param #", "Connected to"};
  const int64_t width = std::max<int64_t>(std::min<int64_t>(chain ? 88 : 108, terminal_width() - 4), 40);
  std::vector<Column> columns;
  int64_t begin = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    const auto end = static_cast<int64_t>(ends[i] * static_cast<double>(width));
    columns.push_back({titles[i], end - begin, i == 2});
    begin = end;
  }
  std::vector<std::vector<std::string>> cells;
  for (const Row& row : rows) {
    cells.push_back({cat(row.name, " (", row.class_name, ")"), row.shape, grouped(row.parameters)});
    if (!chain) cells.back().push_back(connections(row));
  }
  return table_text(columns, cells, width);
}

std::string amount_line(std::string_view title, const Amount& amount) {
  return cat(" ", title, " params: ", grouped(amount.count), " (", memory_text(amount.bytes), ")\n");
}

}  // namespace

void Amount::add(const Type& type) {
  count += type.elements().value();
  bytes += type.bytes().value();
}

Amount& Amount::operator+=(const Amount& other) {
  count += other.count;
  bytes += other.bytes;
  return *this;
}

std::string model_summary(const Model& model, const Amount& optimizer) {
  const bool sequential = model.root().class_name() == "Sequential";
  std::vector<Row> rows;
  auto member = model.root().members().begin();
  for (const Json& layer : model.root().args().config()["layers"].items()) {
    Row row = row_of(layer, *member++, model);
    if (!sequential || row.class_name != "InputLayer") rows.push_back(std::move(row));
  }
  Parameters parameters;
  parameters.add(model.root());
  Amount total = parameters.trainable;
  total += parameters.fixed;
  total += optimizer;

  std::string text = cat("Model: \"", model.name(), "\"\n", layers_table(rows, sequential || is_chain(rows)));
  text += amount_line("Total", total) + amount_line("Trainable", parameters.trainable) +
          amount_line("Non-trainable", parameters.fixed);
  if (optimizer.count > 0) text += amount_line("Optimizer", optimizer);
  return text;
}

}  // namespace keratin
