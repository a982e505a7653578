#include "tools/dot.h"

#include <map>

#include "ir/text.h"

namespace keratin {
namespace {

std::string label(const Node& node) {
  std::string text(to_text(node.op));
  if (node.op == Op::param) text = cat("%", node.as<NameAttrs>().name);
  if (node.op == Op::var) text = cat("@", node.as<NameAttrs>().name);
  return quoted(cat(text, " ", to_text(node.type())));
}

}  // namespace

std::string dot_text(const Function& function) {
  std::map<std::string, std::string> clusters;  // by layer
  std::string edges;
  for (const auto& node : function.nodes) {
    clusters[node->origin ? *node->origin : ""] +=
        cat("    n", node->index, " [label=", label(*node), "];\n");
    for (const Value& operand : node->operands)
      edges += cat("  n", operand.node->index, " -> n", node->index, ";\n");
  }
  for (const Result& result : function.results)
    edges += cat("  ", quoted(result.name), " [shape=plaintext];\n  n", result.value.node->index, " -> ",
                 quoted(result.name), ";\n");

  std::string text = cat("digraph ", quoted(function.name), " {\n  node [shape=box, fontname=monospace];\n");
  for (const auto& [layer, nodes] : clusters) {
    if (layer.empty())
      text += nodes;
    else
      text += cat("  subgraph ", quoted("cluster_" + layer), " {\n    label=", quoted(layer), ";\n", nodes,
                  "  }\n");
  }
  return text + edges + "}\n";
}

}  // namespace keratin
