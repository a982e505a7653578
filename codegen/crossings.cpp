#include "codegen/crossings.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace keratin {

namespace {

class Finder {
 public:
  Finder(const KernelModule& module, const Program& program, const Decisions& decisions)
      : module_(module), program_(program) {
    for (const Boundary& boundary : decisions.boundaries)
      if (boundary.function == program.name)
        boundaries_.try_emplace({boundary.writer, boundary.result, boundary.reader}, &boundary);
  }

  std::vector<Crossing> run() {
    for (size_t launch = 0; launch < program_.launches.size(); ++launch) {
      const std::vector<uint32_t>& args = program_.launches[launch].args;
      for (size_t i = 0; i < args.size(); ++i)
        if (mode(launch, i) != Mode::out && writes_.contains(args[i])) add(args[i], launch);
      for (size_t i = 0; i < args.size(); ++i)
        if (mode(launch, i) != Mode::in) writes_[args[i]] = {launch, i};
    }
    return std::move(found_);
  }

 private:
  struct Write {
    size_t launch, argument;
  };

  Mode mode(size_t launch, size_t argument) const {
    return module_.kernels[program_.launches[launch].kernel].buffers[argument].mode;
  }

  void add(uint32_t buffer, size_t reader) {
    const size_t writer = writes_[buffer].launch;
    const bool is_known = std::any_of(found_.begin(), found_.end(), [&](const Crossing& crossing) {
      return crossing.buffer == buffer && crossing.writer == writer && crossing.reader == reader;
    });
    if (is_known) return;
    const Launch &from = program_.launches[writer], &to = program_.launches[reader];
    Crossing crossing{buffer, writer, reader, module_.kernels[from.kernel].origin, {}};
    if (!to.fusion || !from.fusion) {
      crossing.why = to.fusion ? from.copied_because : to.copied_because;
    } else if (const auto boundary = boundaries_.find({*from.fusion, result_number(buffer), *to.fusion});
               boundary != boundaries_.end()) {
      crossing.layer = boundary->second->layer;
      crossing.why = boundary->second->why;
    }
    found_.push_back(std::move(crossing));
  }

  /// Which result of its writer lies in the buffer: results follow the operands, which are read.
  uint32_t result_number(uint32_t buffer) const {
    const auto& [launch, argument] = writes_.at(buffer);
    size_t first = 0;
    while (mode(launch, first) == Mode::in) ++first;
    return static_cast<uint32_t>(argument - first);
  }

  const KernelModule& module_;
  const Program& program_;
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, const Boundary*> boundaries_;  // writer, result, reader
  std::map<uint32_t, Write> writes_;  // by buffer: the last one so far
  std::vector<Crossing> found_;
};

}  // namespace

std::vector<Crossing> find_crossings(const KernelModule& module, const Program& program,
                                     const Decisions& decisions) {
  return Finder(module, program, decisions).run();
}

}  // namespace keratin
