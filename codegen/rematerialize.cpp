// Which launches to repeat: minimum cuts.
//
// At the fullest moment of a program, before launch p, temporaries are alive that earlier launches wrote and later ones read. Each is
// either kept, which takes its bytes, or computed again after p, by repeating the launch that wrote it; what that launch reads has
// to be there in turn. The cheapest choice is a minimum cut of a network
//
//     source ──price · work──> launch ──> temporary before p ──bytes──> temporary after p ──> repeated launches, and the sink if it is
//                                                                                             read after p
//
// where what is on the sink's side of the cut is computed again (as in PyTorch's min_cut_rematerialization_partition).
//
// The cut alone knows only the moment p. Where all layers are alike it keeps all or nothing, and all that is computed again at once lives
// at once again. So earlier launches are divided into segments, between which little is handed on: that is kept, and a segment is
// computed again when its first value is read, when later ones are done with (T. Chen et al., Training Deep Nets with Sublinear Memory
// Cost, 2016). The last launches before p are not repeated: what they wrote is read soon. How many segments, up to which launch and at
// what price of work is tried; a program that is still too large has another fullest moment, for which all this is done once more.
#include "codegen/rematerialize.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "codegen/program_facts.h"
#include "ir/text.h"
#include "passes/memory_plan.h"
#include "passes/min_cut.h"

namespace keratin {
namespace {

/// Bytes that may be moved while one multiply-add is done, of processors as they are.
constexpr double kBytesPerMultiplyAdd = 0.25;
/// Of work that takes as long as moving a byte, in bytes kept: from hardly anything is repeated to whatever saves a byte.
constexpr double kPrices[] = {4, 1, 0.3, 0.1, 0.02, 0.001};
constexpr size_t kSegments[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128};
constexpr int kMostRounds = 6;
constexpr size_t kMostFollowed = 3;  // ways that are still too large, from one round to the next
constexpr size_t kMostOffered = 12;

constexpr size_t kNone = static_cast<size_t>(-1);

/// A launch, for the first time or again.
struct Step {
  size_t launch;  ///< of the program
  std::vector<uint32_t>
      args;  ///< buffers: those of the program, and behind them temporaries of repeated launches
};

struct Sequence {
  std::vector<Step> steps;
  std::vector<uint32_t> original;  ///< by buffer: the program's of which it is a copy
  double added_work = 0;           ///< in bytes that could be moved meanwhile
};

/// What to repeat.
struct Choice {
  size_t moment;    ///< what lives here is to become less
  size_t end;       ///< launches from here on are not repeated
  size_t segments;  ///< of those before
  double price;     ///< of work, in bytes kept
};

class Rematerializer {
 public:
  Rematerializer(const KernelModule& module, const Program& program, const Bindings& bindings)
      : module_(module), program_(program) {
    for (const ProgramBuffer& buffer : program.buffers) {
      is_temporary_.push_back(buffer.storage == Storage::workspace);
      const Size planned = planned_size(bytes_of(buffer));
      bytes_.push_back(planned.value(bindings));
      const std::vector<Symbol> symbols =
          planned.terms().empty() ? std::vector<Symbol>() : planned.terms().begin()->first;
      arena_.push_back(arenas_.try_emplace(symbols, arenas_.size()).first->second);
    }
    std::vector<int> users(program.buffers.size(), 0);
    for (const Launch& launch : program.launches)
      for (const uint32_t buffer : std::set<uint32_t>(launch.args.begin(), launch.args.end()))
        ++users[buffer];
    for (const Launch& launch : program.launches) {
      const Kernel& kernel = module.kernels[launch.kernel];
      double moved = 0;
      for (const Size& size : kernel.work.bytes) moved += static_cast<double>(size.value(bindings));
      work_.push_back(moved +
                      kBytesPerMultiplyAdd * static_cast<double>(kernel.work.multiply_adds.value(bindings)));
      bool may_repeat = launch.reduced_by.empty();
      for (size_t i = 0; i < launch.args.size(); ++i) {
        const bool is_scratch = is_temporary_[launch.args[i]] && users[launch.args[i]] == 1;
        may_repeat = may_repeat && (kernel.buffers[i].mode != Mode::inout || is_scratch);
      }
      may_repeat_.push_back(may_repeat);
    }
  }

  std::vector<Rematerialization> run(int64_t limit) {
    Attempt begin;
    for (size_t launch = 0; launch < program_.launches.size(); ++launch)
      begin.sequence.steps.push_back({launch, program_.launches[launch].args});
    begin.sequence.original.resize(program_.buffers.size());
    std::iota(begin.sequence.original.begin(), begin.sequence.original.end(), 0);
    begin.bytes = fullest(begin.sequence).bytes;
    std::vector<Attempt> current;
    current.push_back(std::move(begin));
    for (int round = 0; round < kMostRounds; ++round) {
      std::vector<Attempt> found;
      for (const Attempt& each : current) attempt(each.sequence, limit, found);
      std::stable_sort(found.begin(), found.end(), [](const Attempt& a, const Attempt& b) {
        return std::pair(a.bytes, a.sequence.added_work) < std::pair(b.bytes, b.sequence.added_work);
      });
      if (found.empty() || found[0].bytes >= current[0].bytes) break;
      if (found[0].bytes <= limit) return within(limit, std::move(found));
      const auto is_alike = [](const Attempt& a, const Attempt& b) {
        return a.bytes == b.bytes && a.sequence.added_work == b.sequence.added_work;
      };
      found.erase(std::unique(found.begin(), found.end(), is_alike), found.end());
      if (found.size() > kMostFollowed) found.resize(kMostFollowed);
      current = std::move(found);
    }
    std::vector<Rematerialization> offered;
    offered.push_back(written(current[0].sequence));
    offered.back().is_least = true;
    return offered;
  }

 private:
  struct Attempt {
    Sequence sequence;
    int64_t bytes = 0;  ///< alive at once
  };

  /// Those within the limit, by their work.
  std::vector<Rematerialization> within(int64_t limit, std::vector<Attempt> found) const {
    std::erase_if(found, [&](const Attempt& each) { return each.bytes > limit; });
    std::stable_sort(found.begin(), found.end(), [](const Attempt& a, const Attempt& b) {
      return a.sequence.added_work < b.sequence.added_work;
    });
    if (found.size() > kMostOffered) found.resize(kMostOffered);
    std::vector<Rematerialization> offered;
    for (const Attempt& each : found) offered.push_back(written(each.sequence));
    return offered;
  }

  /// When most is alive. Buffers whose sizes depend on different symbols share no memory (passes/memory_plan.h): each such arena has a
  /// fullest moment of its own.
  struct Fullest {
    int64_t bytes = 0;            ///< of all arenas
    std::vector<size_t> moments;  ///< steps: the last and the first such of each arena that matters
  };

  /// What a repeated launch writes is a temporary, whatever it wrote before.
  bool is_temporary(uint32_t buffer) const { return buffer >= is_temporary_.size() || is_temporary_[buffer]; }
  int64_t bytes(const Sequence& sequence, uint32_t buffer) const { return bytes_[sequence.original[buffer]]; }
  Mode mode(const Step& step, size_t arg) const {
    return module_.kernels[program_.launches[step.launch].kernel].buffers[arg].mode;
  }

  Fullest fullest(const Sequence& sequence) const {
    const size_t steps = sequence.steps.size();
    std::vector<size_t> first(sequence.original.size(), kNone), last(sequence.original.size(), 0);
    for (size_t step = 0; step < steps; ++step)
      for (const uint32_t buffer : sequence.steps[step].args) {
        if (first[buffer] == kNone) first[buffer] = step;
        last[buffer] = step;
      }
    std::vector<std::vector<int64_t>> changes(arenas_.size(), std::vector<int64_t>(steps + 1, 0));
    for (uint32_t buffer = 0; buffer < first.size(); ++buffer) {
      if (first[buffer] == kNone || !is_temporary(buffer)) continue;
      std::vector<int64_t>& change = changes[arena_[sequence.original[buffer]]];
      change[first[buffer]] += bytes(sequence, buffer);
      change[last[buffer] + 1] -= bytes(sequence, buffer);
    }
    struct Peak {
      int64_t bytes = 0;
      size_t first = 0, last = 0;
    };
    Fullest found;
    std::vector<Peak> peaks;
    for (const std::vector<int64_t>& change : changes) {
      Peak peak;
      int64_t alive = 0;
      for (size_t step = 0; step < steps; ++step) {
        alive += change[step];
        if (alive > peak.bytes) peak = {alive, step, step};
        if (alive == peak.bytes) peak.last = step;
      }
      found.bytes += peak.bytes;
      peaks.push_back(peak);
    }
    constexpr int64_t kMatters = 8;  // what is less than this part of all can stay as it is
    for (const Peak& peak : peaks) {
      if (peak.bytes < found.bytes / kMatters) continue;
      found.moments.push_back(peak.last);
      if (peak.first != peak.last) found.moments.push_back(peak.first);
    }
    return found;
  }

  /// Adds ways to repeat something more to `found`: those within the limit with as little as possible.
  void attempt(const Sequence& current, int64_t limit, std::vector<Attempt>& found) const {
    for (const size_t moment : fullest(current).moments)
      for (const double price : kPrices)
        for (const size_t segments : kSegments) {
          if (segments > 1 && segments * 2 > moment) break;
          const Choice choice{moment, moment, segments, price};
          Sequence all = repeated(current, choice);
          // More segments leave no more to choose from.
          if (segments == 1 && all.steps.size() == current.steps.size()) break;
          const int64_t bytes = fullest(all).bytes;
          if (bytes <= limit) all = with_earliest_end(current, choice, limit, all);
          found.push_back({std::move(all), bytes});
        }
  }

  /// As few launches as possible repeated, of which those that are first: `all` is what there is if all may be.
  Sequence with_earliest_end(const Sequence& current, Choice choice, int64_t limit,
                             const Sequence& all) const {
    Sequence best = all;
    size_t too_few = 0, enough = choice.end;
    while (enough - too_few > 1) {
      choice.end = too_few + (enough - too_few) / 2;
      Sequence some = repeated(current, choice);
      if (fullest(some).bytes > limit) {
        too_few = choice.end;
      } else {
        enough = choice.end;
        best = std::move(some);
      }
    }
    return best;
  }

  /// Where segments of the first `end` steps begin, but for the first: they are to keep about as many bytes each, and boundaries to be
  /// where little is handed on.
  std::vector<size_t> boundaries(const Sequence& sequence, const Choice& choice) const {
    std::vector<size_t> writer(sequence.original.size(), kNone), last(sequence.original.size(), 0);
    std::vector<bool> is_kept(sequence.original.size(), false);
    for (size_t step = 0; step < sequence.steps.size(); ++step)
      for (const uint32_t buffer : sequence.steps[step].args) {
        if (!is_temporary(buffer)) continue;
        if (writer[buffer] == kNone) writer[buffer] = step;
        if (step < choice.end) last[buffer] = step;
        if (step >= choice.moment && writer[buffer] < choice.end) is_kept[buffer] = true;
      }
    std::vector<int64_t> kept(choice.end + 1, 0), handed_on(choice.end + 2, 0);
    for (uint32_t buffer = 0; buffer < writer.size(); ++buffer) {
      if (writer[buffer] == kNone || writer[buffer] >= choice.end) continue;
      if (is_kept[buffer]) kept[writer[buffer] + 1] += bytes(sequence, buffer);
      handed_on[writer[buffer] + 1] += bytes(sequence, buffer);
      handed_on[last[buffer] + 1] -= bytes(sequence, buffer);
    }
    std::partial_sum(kept.begin(), kept.end(), kept.begin());
    std::partial_sum(handed_on.begin(), handed_on.end(), handed_on.begin());
    const auto step_with = [&](double share) {
      const auto wanted = static_cast<int64_t>(share * static_cast<double>(kept.back()));
      return static_cast<size_t>(std::lower_bound(kept.begin(), kept.end(), wanted) - kept.begin());
    };
    std::vector<size_t> found;
    const auto parts = static_cast<double>(choice.segments);
    for (size_t i = 1; i < choice.segments; ++i) {
      const auto at = static_cast<double>(i);
      const size_t from = std::max<size_t>(step_with((at - 0.5) / parts), 1);
      const size_t to = std::min(std::max(step_with((at + 0.5) / parts), from + 1), choice.end);
      if (from >= to) continue;
      const auto best = std::min_element(handed_on.begin() + static_cast<ptrdiff_t>(from),
                                         handed_on.begin() + static_cast<ptrdiff_t>(to));
      found.push_back(static_cast<size_t>(best - handed_on.begin()));
    }
    return found;
  }

  /// The sequence with what the minimum cut says repeated, as late as possible.
  Sequence repeated(const Sequence& sequence, const Choice& choice) const {
    const Users users(*this, sequence);
    std::set<size_t> refused;  // steps whose operands are overwritten before they could be repeated
    while (true) {
      const size_t known = refused.size();
      Sequence result =
          rewritten(sequence, users, choice.moment, cut(sequence, users, choice, refused), refused);
      if (refused.size() == known) return result;
    }
  }

  /// By buffer: the steps that write it, and those that read it.
  struct Users {
    std::vector<std::vector<size_t>> writers, readers;

    Users(const Rematerializer& of, const Sequence& sequence)
        : writers(sequence.original.size()), readers(sequence.original.size()) {
      for (size_t step = 0; step < sequence.steps.size(); ++step) {
        const Step& each = sequence.steps[step];
        for (size_t i = 0; i < each.args.size(); ++i) {
          if (of.mode(each, i) != Mode::out) readers[each.args[i]].push_back(step);
          if (of.mode(each, i) != Mode::in) writers[each.args[i]].push_back(step);
        }
      }
    }
  };

  /// By buffer: whether it is computed again after the moment.
  std::vector<bool> cut(const Sequence& sequence, const Users& users, const Choice& choice,
                        const std::set<size_t>& refused) const {
    const size_t buffers = sequence.original.size();
    const std::vector<size_t> begins = boundaries(sequence, choice);
    const auto segment = [&](size_t step) {
      return std::upper_bound(begins.begin(), begins.end(), step) - begins.begin();
    };
    // Nodes: steps before the moment, then two for each buffer.
    const size_t source = choice.moment + 2 * buffers, sink = source + 1;
    const auto before = [&](uint32_t buffer) { return choice.moment + 2 * buffer; };
    const auto after = [&](uint32_t buffer) { return before(buffer) + 1; };
    FlowNetwork network(sink + 1);
    for (size_t step = 0; step < choice.moment; ++step) {
      const size_t launch = sequence.steps[step].launch;
      const bool may_repeat = step < choice.end && may_repeat_[launch] && !refused.contains(step);
      network.add_edge(
          source, step,
          may_repeat ? static_cast<int64_t>(choice.price * work_[launch]) + 1 : FlowNetwork::kUnlimited);
    }
    std::vector<bool> is_node(buffers, false);
    for (uint32_t buffer = 0; buffer < buffers; ++buffer) {
      const auto &writers = users.writers[buffer], &readers = users.readers[buffer];
      if (!is_temporary(buffer) || writers.empty() || writers[0] >= choice.moment || readers.empty())
        continue;
      is_node[buffer] = true;
      network.add_edge(before(buffer), after(buffer), bytes(sequence, buffer));
      network.add_edge(writers[0], before(buffer), FlowNetwork::kUnlimited);
      const bool is_handed_on = std::ranges::any_of(readers, [&](size_t reader) {
        return reader < choice.end && segment(reader) != segment(writers[0]);
      });
      if (writers.size() > 1 || is_handed_on)
        network.add_edge(source, before(buffer), FlowNetwork::kUnlimited);
      for (const size_t reader : readers)
        network.add_edge(after(buffer), reader < choice.moment ? reader : sink, FlowNetwork::kUnlimited);
    }
    const std::vector<bool> is_after_cut = network.sink_side(source, sink);
    std::vector<bool> is_again(buffers, false);
    for (uint32_t buffer = 0; buffer < buffers; ++buffer)
      is_again[buffer] = is_node[buffer] && is_after_cut[before(buffer)];
    return is_again;
  }

  /// The sequence in which these buffers are computed again. Steps that cannot be repeated are added to `refused`; then it is of no use.
  Sequence rewritten(const Sequence& sequence, const Users& users, size_t moment,
                     const std::vector<bool>& is_again, std::set<size_t>& refused) const {
    Sequence result;
    result.original = sequence.original;
    result.added_work = sequence.added_work;
    result.steps.assign(sequence.steps.begin(), sequence.steps.begin() + static_cast<ptrdiff_t>(moment));
    std::vector<std::optional<uint32_t>> copy(is_again.size());
    const auto is_overwritten = [&](uint32_t buffer, size_t from, size_t to) {
      return std::ranges::any_of(users.writers[buffer],
                                 [&](size_t writer) { return writer >= from && writer < to; });
    };
    const auto repeat = [&](size_t step, size_t now) {
      Step again = sequence.steps[step];
      for (size_t i = 0; i < again.args.size(); ++i) {
        uint32_t& buffer = again.args[i];
        if (mode(again, i) == Mode::in) {
          if (is_overwritten(buffer, step, now)) refused.insert(step);
          buffer = copy[buffer].value_or(buffer);
          continue;
        }
        const auto fresh = static_cast<uint32_t>(result.original.size());
        result.original.push_back(result.original[buffer]);
        if (is_again[buffer]) copy[buffer] = fresh;
        buffer = fresh;
      }
      result.added_work += work_[again.launch];
      result.steps.push_back(std::move(again));
    };
    for (size_t step = moment; step < sequence.steps.size(); ++step) {
      for (const size_t each : missing(sequence, users, step, is_again, copy)) repeat(each, step);
      result.steps.push_back(sequence.steps[step]);
      for (uint32_t& buffer : result.steps.back().args) buffer = copy[buffer].value_or(buffer);
    }
    return result;
  }

  /// What has to be repeated before a step, in order: of what it reads, and of what that reads, all that there are no copies of yet.
  std::set<size_t> missing(const Sequence& sequence, const Users& users, size_t step,
                           const std::vector<bool>& is_again,
                           const std::vector<std::optional<uint32_t>>& copy) const {
    std::set<size_t> found;
    std::vector<size_t> pending{step};
    while (!pending.empty()) {
      const Step& each = sequence.steps[pending.back()];
      pending.pop_back();
      for (size_t i = 0; i < each.args.size(); ++i) {
        const uint32_t buffer = each.args[i];
        if (mode(each, i) == Mode::out || !is_again[buffer] || copy[buffer]) continue;
        if (found.insert(users.writers[buffer][0]).second) pending.push_back(users.writers[buffer][0]);
      }
    }
    return found;
  }

  Rematerialization written(const Sequence& sequence) const {
    Rematerialization result;
    Program& program = result.program = program_;
    for (size_t i = program.buffers.size(); i < sequence.original.size(); ++i) {
      ProgramBuffer buffer = program_.buffers[sequence.original[i]];
      buffer.storage = Storage::workspace;
      buffer.name = cat("t", i);
      program.buffers.push_back(std::move(buffer));
    }
    program.launches.clear();
    for (const Step& step : sequence.steps) {
      program.launches.push_back(program_.launches[step.launch]);
      program.launches.back().args = step.args;
    }
    return result;
  }

  const KernelModule& module_;
  const Program& program_;
  // By buffer of the program:
  std::vector<bool> is_temporary_;
  std::vector<int64_t> bytes_;
  std::vector<size_t> arena_;                     // by number
  std::map<std::vector<Symbol>, size_t> arenas_;  // numbers, by the symbols of sizes
  // By launch:
  std::vector<double> work_;
  std::vector<bool> may_repeat_;
};

}  // namespace

std::vector<Rematerialization> rematerializations(const KernelModule& module, const Program& program,
                                                  const Bindings& bindings, int64_t bytes) {
  return Rematerializer(module, program, bindings).run(bytes);
}

}  // namespace keratin
