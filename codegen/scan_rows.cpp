#include "codegen/scan_rows.h"

namespace keratin {

namespace {

/// Of a scan's body: carries, old and new, and what a step puts out have rows as their first axis.
BlockAnalysis analysis_of(const Node& scan, Blocking rows) {
  const Function& body = *scan.body;
  const auto first_axis = [](Value value) {
    BlockedAxes axes(static_cast<size_t>(value.rank()), kWhole);
    if (!axes.empty()) axes[0] = 0;
    return axes;
  };
  BlockAnalysis analysis(body, {rows});
  for (const Result& result : body.results) analysis.need(result.value, first_axis(result.value));
  for (int64_t i = 0; i < scan.as<ScanAttrs>().carries; ++i)
    analysis.need(body.params[static_cast<size_t>(i)]->value(),
                  first_axis(body.params[static_cast<size_t>(i)]->value()));
  return analysis;
}

}  // namespace

std::optional<ScanRows> independent_rows(const Node& scan) {
  const Function& body = *scan.body;
  if (scan.as<ScanAttrs>().carries == 0 || body.params[0]->type().rank() == 0) return {};
  const Dim all = body.params[0]->type().shape[0];
  BlockAnalysis analysis = analysis_of(scan, {all, 1});
  for (const Result& result : body.results)
    if (result.value.rank() == 0) return {};
  if (!analysis.run()) return {};
  ScanRows rows{all, {}};
  for (const Node* param : body.params) {
    const BlockedAxes* axes = analysis.axes_of(param->value());
    rows.params.push_back(axes != nullptr ? *axes
                                          : BlockedAxes(static_cast<size_t>(param->type().rank()), kWhole));
  }
  return rows;
}

Function with_rows(const Node& scan, Dim all, int64_t count) {
  BlockAnalysis analysis = analysis_of(scan, {all, count});
  analysis.run();
  return analysis.one_block();
}

}  // namespace keratin
