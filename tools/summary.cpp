// keratin summary: the layers of a Keras model, as Keras's own summary shows them.
#include <algorithm>
#include <cstdio>
#include <map>

#include "frontend/load.h"
#include "frontend/model.h"
#include "frontend/model_file.h"
#include "frontend/nodes.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/table.h"
#include "tools/training_summary.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a .keras or .h5 file, or an unpacked .keras folder", true},
    {"--shape", "NAME=D1,D2", "the shape of one sample of an input that the model leaves free", false, true},
    {"--training", "", "what training takes, too: slots of the optimizer, memory of a step"},
    {"--loss", "NAME|JSON", "with --training, if the model was not compiled or for another"},
    {"--optimizer", "NAME|JSON", "likewise"},
    {"--metrics", "A,B|JSON", "likewise"},
};

/// How many parameters, and how many bytes they take.
struct Amount {
  int64_t count = 0, bytes = 0;
  void add(const Type& type) {
    count += type.elements().value();
    bytes += type.bytes().value();
  }
  Amount& operator+=(const Amount& other) {
    count += other.count;
    bytes += other.bytes;
    return *this;
  }
};

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
  if (shapes.empty()) return "?";
  return shapes.size() == 1 ? shapes[0] : cat("[", join(shapes, ", "), "]");
}

Row row_of(const Json& json, const Model& model) {
  Row row;
  row.name = json["config"]["name"].as_string();
  row.class_name = json["class_name"].as_string();
  for (const LayerCall& call : json.has("inbound_nodes") ? read_calls(json) : std::vector<LayerCall>{}) {
    ++row.calls;
    for (const Argument& argument : call.arguments) collect_tensors(argument, row.inputs);
    for (const auto& [keyword, argument] : call.keywords) collect_tensors(argument, row.inputs);
  }
  for (const Model::Input& input : model.inputs())
    if (input.name == row.name) row.shape = shape_text(input.type.shape);
  for (const auto& layer : model.root().children()) {
    if (layer->name() != row.name) continue;
    row.shape = output_text(*layer);
    Parameters parameters;
    parameters.add(*layer);
    row.parameters = parameters.trainable.count + parameters.fixed.count;
  }
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

int run(const Arguments& arguments) {
  const std::string path = arguments.get("MODEL");
  if (path.ends_with(".kir"))
    throw Error(ErrorKind::usage, "IR text has no layers", path, cat("`keratin dump ", path, "` prints it"));
  ModelFile file = ModelFile::open(path);
  Model model(file.config(), path, !file.keras_version().starts_with('3'), shape_overrides(arguments));
  model.trace_predict();

  const bool sequential = model.root().class_name() == "Sequential";
  std::vector<Row> rows;
  for (const Json& layer : model.root().args().config()["layers"].items()) {
    Row row = row_of(layer, model);
    if (!sequential || row.class_name != "InputLayer") rows.push_back(std::move(row));
  }
  Parameters parameters;
  parameters.add(model.root());
  Amount optimizer;
  for (const Tensor& variable : file.take_optimizer_state()) optimizer.add(variable.type());
  Amount total = parameters.trainable;
  total += parameters.fixed;
  total += optimizer;

  std::string text = cat("Model: \"", model.name(), "\"\n", layers_table(rows, sequential || is_chain(rows)));
  text += amount_line("Total", total) + amount_line("Trainable", parameters.trainable) +
          amount_line("Non-trainable", parameters.fixed);
  if (optimizer.count > 0) text += amount_line("Optimizer", optimizer);
  if (arguments.has("training")) text += training_summary(arguments);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

constinit const Command kSummaryCommand{
    .name = "summary",
    .summary = "Prints the layers of a model, as Keras shows them.",
    .examples =
        "  keratin summary mnist.keras\n"
        "  keratin summary mnist.keras --training            what training it takes\n"
        "  keratin summary text.keras --shape tokens=128     a model whose input length is free\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
