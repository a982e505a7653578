// A scan: one loop over the steps, in which the kernels of the body run one after the other.
//
// Where no step mixes the rows of a batch, they are cut into blocks of few rows. Each block is a piece of its own that goes through
// all steps: pieces run on any thread, and what a step hands to the next stays in cache. The rows that are left over of the last
// block go alone. Otherwise all rows go through the steps together: in rounds, if steps are long and their kernels have several
// pieces, one round per kernel and step, so that threads share each; or else as one piece.
//
// The carries live in the buffers of the final carries. Each step's kernels read them there, read their slices of the
// sequences in place, and write what the step puts out to its place in the stacked result. A new carry is computed in place
// where no kernel reads the old one any more; others are computed beside the old ones and copied over when the step ends.
#include <algorithm>
#include <map>
#include <utility>

#include "codegen/elementwise.h"
#include "codegen/group.h"
#include "codegen/kernel_inline.h"
#include "codegen/scan_rows.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

constexpr int64_t kLongStep =
    32 << 10;  // multiply-adds: with few rows about a microsecond, if weights come from L2

bool multiplies_bf16(const Node& scan) { return work_of(*scan.body).of_bf16 != Size(); }

/// Of functions in the steps: bf16 suffices where products round to it what the step before has left.
Accuracy accuracy_of(const Node& scan) { return multiplies_bf16(scan) ? Accuracy::bf16 : Accuracy::full; }

/// Rows of a piece, and of what is left over of one: those of a tile where products are made by tiles.
std::vector<int64_t> block_rows(const Node& scan, const Target& target) {
  if (target.tiles && multiplies_bf16(scan)) return {kTileSize, 4, 1};
  return {8, 2, 1};
}

/// The kernel of a part of a step. Rounds in it would be pieces of one round of the scan, none of which waits for another: what has some is
/// lowered as if for one thread, which has none.
Kernel kernel_of_part(const Function& region, const Target& target, Accuracy accuracy) {
  Kernel kernel = lower_region(region, "step", target, true, accuracy);
  return kernel.in_rounds ? lower_region(region, "step", target.within_piece(), true, accuracy) : kernel;
}

/// Whether threads that share each step save more than their waiting for one another costs.
bool has_long_steps(const Node& scan, const Target& target) {
  const Size products = work_of(*scan.body).multiply_adds;
  if (target.threads == 1 || !products.is_static() || products.value() < kLongStep) return false;
  return std::ranges::any_of(scan.body->nodes, [&](const auto& node) {
    return node->op == Op::fusion &&
           static_pieces(kernel_of_part(*node->body, target, Accuracy::full)).value_or(1) > 1;
  });
}

/// The rows that go through the steps together begin at `first`.
struct RowBlock {
  const ScanRows& rows;
  Index first;
};

/// All steps of a scan, for all rows or for a block of them.
class StepsLowering {
 public:
  /// `body` is the scan's, or for the rows of the block alone. `results`: the buffers of the scan's results.
  StepsLowering(RegionLowering& lowering, const Node& scan, const Function& body,
                const std::vector<BufferId>& results, std::optional<RowBlock> block)
      : lowering_(lowering),
        writer_(lowering.writer),
        scan_(scan),
        attrs_(scan.as<ScanAttrs>()),
        body_(body),
        results_(results),
        block_(std::move(block)),
        accuracy_(accuracy_of(scan)),
        users_(body.nodes.size()) {
    for (const auto& node : body_.nodes)
      for (const Value operand : node->operands) users_[operand.node->index].push_back(node.get());
  }

  void run() {
    begin();
    writer_.loop("t", 0, Index(Size(attrs_.length)), 1, LoopKind::serial, [&](const Index& t) { step(t); });
  }

  /// The same in rounds: the first for what comes before the steps, then one for each part of a step. Requires: no block.
  void run_in_rounds() {
    const VarId round = writer_.variable("round", {0, std::nullopt}),
                t = writer_.variable("t", {0, std::nullopt});
    piece_ = writer_.variable("piece", {0, std::nullopt});
    begin();
    Block before;
    for (Round& part : std::exchange(rounds_, {}))
      for (Stmt& statement : part.body) before.push_back(std::move(statement));
    step(Index::variable(t));

    const auto parts = static_cast<int64_t>(rounds_.size());
    const Index since = Index::variable(round) - 1, part = modulo(since, parts, writer_.ranges);
    int64_t pieces = 1;
    for (const Round& each : rounds_) pieces = std::max(pieces, each.pieces);
    Block steps{let_stmt(t, index_value(DType::i64, floor_div(since, parts, writer_.ranges)))}, chain;
    for (int64_t i = parts; i-- > 0;) {
      Round& each = rounds_[static_cast<size_t>(i)];
      Block body = std::move(each.body);
      if (each.pieces < pieces)
        body = {if_stmt({Index(each.pieces - 1) - Index::variable(*piece_)}, std::move(body))};
      chain = i + 1 < parts ? Block{if_stmt({Index(i) - part}, std::move(body), std::move(chain))}
                            : std::move(body);
    }
    for (Stmt& statement : chain) steps.push_back(std::move(statement));
    writer_.emit(if_stmt({Index(0) - Index::variable(round)},
                         {if_stmt({Index(0) - Index::variable(*piece_)}, std::move(before))},
                         std::move(steps)));
    writer_.kernel.par = {{round, Index(Size(attrs_.length)) * parts + Index(1)}, {*piece_, pieces}};
    writer_.kernel.in_rounds = true;
  }

 private:
  /// What is done between two waits for all threads.
  struct Round {
    int64_t pieces;
    Block body;
  };

  void begin() {
    for (int64_t i = 0; i < attrs_.carries; ++i) copy(operand(i), carry(i), body_.params[i]->type());
    fill_constants();
  }

  /// Where a value can be read; a constant has no buffer.
  struct Source {
    BufferSlice slice;
    const Node* constant = nullptr;
  };

  static bool before(const Value& a, const Value& b) {
    return std::pair(a.node->index, a.result) < std::pair(b.node->index, b.result);
  }

  /// A buffer for a value of the body.
  BufferSlice scratch(const Type& type) {
    return {add_buffer(writer_.kernel,
                       {"s", type.dtype, type.physical_shape(), block_ ? Mode::tile : Mode::out})};
  }

  /// Where the rows of the block begin in the buffer of parameter `i` of the body.
  std::vector<Index> first_row(size_t i) const {
    if (!block_) return {};
    return block_begin(scan_.body->params[i]->type().shape, block_->rows.params[i], {{block_->rows.all, 1}},
                       {block_->first});
  }
  /// The same in that of a result, whose rows are its first axis.
  std::vector<Index> first_row() const { return block_ ? std::vector{block_->first} : std::vector<Index>(); }

  /// Operand `i` of the scan: a parameter or a constant of the region around it.
  Source operand(size_t i) const {
    const Value value = scan_.operands[i];
    if (value.node->op == Op::constant) return {{}, value.node};
    for (BufferId id = 0; id < lowering_.region.params.size(); ++id)
      if (lowering_.region.params[id] == value.node) return {{id, -1, {}, first_row(i)}};
    KERATIN_CHECK(false, "a scan's operands are parameters and constants of its region");
    return {};
  }

  BufferSlice carry(size_t i) const { return {results_[i], -1, {}, first_row()}; }
  BufferSlice output(size_t i) const { return {results_[i], attrs_.axis, step_, first_row()}; }
  bool is_carry(size_t i) const { return static_cast<int64_t>(i) < attrs_.carries; }
  bool is_sequence(size_t i) const {
    return !is_carry(i) && static_cast<int64_t>(i) < attrs_.carries + attrs_.sequences;
  }

  /// Constants that kernels read from memory are written there once.
  void fill_constants() {
    for (const auto& node : body_.nodes) {
      for (const Value value : node->operands) {
        Source from;
        if (value.node->op == Op::constant) from.constant = value.node;
        if (value.node->op == Op::param && !is_carry(value.node->index)) from = operand(value.node->index);
        if (!from.constant || filled_.contains(value)) continue;
        filled_[value] = scratch(value.type());
        copy(from, filled_[value], value.type());
      }
    }
  }

  void step(const Index& t) {
    step_ = attrs_.reverse ? Index(Size(attrs_.length)) - 1 - t : t;
    places_.clear();
    for (size_t i = 0; i < body_.params.size(); ++i) {
      Source from = is_carry(i) ? Source{carry(i)} : operand(i);
      if (is_sequence(i) && !from.constant) {
        from.slice.axis = attrs_.axis;
        from.slice.step = step_;
      }
      places_[body_.params[i]->value()] = from;
    }
    // What a step puts out, and carries where that is possible, are computed in place. Old carries are put out first.
    std::map<Value, BufferSlice, decltype(&before)> in_place(before);
    for (size_t i = attrs_.carries; i < body_.results.size(); ++i)
      in_place.emplace(body_.results[i].value, output(i));
    for (int64_t i = 0; i < attrs_.carries; ++i)
      if (may_overwrite(i)) in_place.emplace(body_.results[i].value, carry(i));
    copy_outputs([](const Node& node) { return node.op == Op::param; });

    for (const auto& node : body_.nodes) {
      switch (node->op) {
        case Op::param: break;
        case Op::constant: places_[node->value()] = {{}, node.get()}; break;
        default: {
          std::vector<BufferSlice> slices;
          for (Value operand : node->operands) slices.push_back(readable(operand));
          for (uint32_t i = 0; i < node->types.size(); ++i) {
            auto found = in_place.find(node->value(i));
            slices.push_back(found != in_place.end() ? found->second : scratch(node->types[i]));
            places_[node->value(i)] = {slices.back()};
          }
          if (node->op == Op::fusion)
            inline_region(*node->body, slices);
          else
            inline_region(region_of(*node), slices);
        }
      }
    }
    copy_outputs([](const Node& node) { return node.op != Op::param; });
    copy_carries();
  }

  /// True if the new carry can be stored when it is computed: no kernel reads the old one later, or elsewhere than there.
  bool may_overwrite(size_t i) const {
    const Value next = body_.results[i].value;
    const Node& producer = *next.node;
    const Node& old = *body_.params[i];
    if (producer.op == Op::param || producer.op == Op::constant) return false;
    for (int64_t k = 0; k < attrs_.carries; ++k)
      if (body_.results[k].value.node == &old) return false;
    return std::all_of(users_[old.index].begin(), users_[old.index].end(), [&](const Node* user) {
      return user->index < producer.index || (user == &producer && reads_where_it_stores(producer, old));
    });
  }

  static bool reads_where_it_stores(const Node& node, const Node& read) {
    if (node.op != Op::fusion) return false;
    for (size_t k = 0; k < node.operands.size(); ++k)
      if (node.operands[k].node == &read && !is_elementwise(*node.body, k)) return false;
    return true;
  }

  /// Those outputs, of certain nodes, that were not computed in place.
  void copy_outputs(const std::function<bool(const Node&)>& which) {
    for (size_t i = attrs_.carries; i < body_.results.size(); ++i) {
      const Value value = body_.results[i].value;
      if (!which(*value.node)) continue;
      const Source& from = places_.at(value);
      if (from.constant || from.slice.buffer != results_[i]) copy(from, output(i), value.type());
    }
  }

  void copy_carries() {
    // A carry that becomes another carry is set aside before any is overwritten.
    std::vector<Source> next;
    for (int64_t i = 0; i < attrs_.carries; ++i) {
      const Value value = body_.results[i].value;
      Source from = places_.at(value);
      if (value.node->op == Op::param && value.node != body_.params[i] && !from.constant) {
        const BufferSlice aside = scratch(value.type());
        copy(from, aside, value.type());
        from = {aside};
      }
      next.push_back(from);
    }
    for (int64_t i = 0; i < attrs_.carries; ++i)
      if (next[i].constant || next[i].slice.buffer != results_[i])
        copy(next[i], carry(i), body_.results[i].value.type());
  }

  /// A value's place in memory.
  BufferSlice readable(Value value) const {
    const auto filled = filled_.find(value);
    return filled != filled_.end() ? filled->second : places_.at(value).slice;
  }

  void copy(const Source& from, const BufferSlice& to, const Type& type) {
    Builder builder;
    if (from.constant) {
      builder.result("to", builder.constant(from.constant->as<ConstantAttrs>().splat, type.shape));
      inline_region(builder.finish(), {to});
    } else {
      builder.result("to", builder.param("from", type));
      inline_region(builder.finish(), {from.slice, to});
    }
  }

  /// A node outside of any fusion, a reshape, as a region of its own.
  static Function region_of(const Node& node) {
    Builder builder;
    std::vector<Value> params;
    for (size_t i = 0; i < node.operands.size(); ++i)
      params.push_back(builder.param(cat("p", i), node.operands[i].type()));
    const Node* copy = builder.make_node(node.op, params, node.attrs, node.body);
    for (uint32_t i = 0; i < node.types.size(); ++i) builder.result(cat("r", i), copy->value(i));
    return builder.finish();
  }

  void inline_region(const Function& region, const std::vector<BufferSlice>& slices) {
    const Target target = piece_ ? writer_.target : writer_.target.within_piece();
    const Kernel kernel = kernel_of_part(region, target, accuracy_);
    if (!piece_) return inline_kernel(writer_, kernel, slices, block_ ? Mode::tile : Mode::out);
    const std::optional<int64_t> pieces = static_pieces(kernel);
    Block body = writer_.collect([&] {
      if (pieces)
        inline_piece(writer_, kernel, slices, Index::variable(*piece_));
      else
        inline_kernel(writer_, kernel, slices, Mode::out);
    });
    // What is one piece needs no round of its own behind another one.
    if (rounds_.empty() || pieces.value_or(1) > 1 || rounds_.back().pieces > 1)
      rounds_.push_back({pieces.value_or(1), {}});
    for (Stmt& statement : body) rounds_.back().body.push_back(std::move(statement));
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Node& scan_;
  const ScanAttrs& attrs_;
  const Function& body_;
  const std::vector<BufferId>& results_;
  const std::optional<RowBlock> block_;
  const Accuracy accuracy_;
  std::vector<std::vector<const Node*>> users_;  // by node of the body
  Index step_;
  std::optional<VarId> piece_;  // of a round, if there are rounds
  std::vector<Round> rounds_;   // of a step
  std::map<Value, Source, decltype(&before)> places_{before};
  std::map<Value, BufferSlice, decltype(&before)> filled_{before};  // constants, by value of the body
};

}  // namespace

void lower_scan(RegionLowering& lowering, const Node& scan) {
  KernelWriter& writer = lowering.writer;
  std::vector<std::optional<BufferId>> buffers(scan.types.size());
  for (size_t i = 0; i < lowering.region.results.size(); ++i)
    buffers[lowering.region.results[i].value.result] = lowering.outputs[i];
  std::vector<BufferId> results;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Type& type = scan.types[i];
    results.push_back(buffers[i]
                          ? *buffers[i]
                          : add_buffer(writer.kernel, {"s", type.dtype, type.physical_shape(), Mode::out}));
  }

  const std::optional<ScanRows> rows = independent_rows(scan);
  const std::vector<int64_t> counts = block_rows(scan, writer.target);
  if (!rows || (rows->all.is_static() && rows->all.coef <= counts[0])) {
    StepsLowering steps(lowering, scan, *scan.body, results, {});
    return has_long_steps(scan, writer.target) ? steps.run_in_rounds() : steps.run();
  }
  const auto [low, high] = lowering.par_range("rows", rows->all, counts[0]);
  Index done = low;
  for (const int64_t count : counts) {
    const Index end = done + floor_div(high - done, count, writer.ranges) * count;
    const Function body = with_rows(scan, rows->all, count);
    writer.loop("i", done, end, count, LoopKind::serial, [&](const Index& first) {
      StepsLowering(lowering, scan, body, results, RowBlock{*rows, first}).run();
    });
    done = end;
  }
}

}  // namespace keratin
