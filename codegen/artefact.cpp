// Artefact files. All are made in a folder of their own beside their place and renamed at the end, so that whoever looks sees
// the old files or the new.
#include "codegen/artefact.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "codegen/c_names.h"
#include "codegen/link.h"
#include "codegen/program_facts.h"
#include "codegen/training_library.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"
#include "runtime/training.h"

namespace keratin {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_create(const fs::path& path, int code) {
  throw Error(ErrorKind::cannot_create, cat("cannot be created: ", std::strerror(code)), path.string());
}

/// A folder beside `target` that goes away with all that is left in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& target) {
    std::string pattern = (target.parent_path() / cat(".", target.filename().string(), ".XXXXXX")).string();
    if (mkdtemp(pattern.data()) == nullptr) cannot_create(target, errno);
    path_ = pattern;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

void write_bytes(const fs::path& path, const void* data, size_t size) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) cannot_create(path, errno);
  const bool written = std::fwrite(data, 1, size, file) == size;
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed)
    throw Error(ErrorKind::io, cat("writing failed: ", std::strerror(errno)), path.string());
}

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) throw Error(ErrorKind::io, "reading failed", path.string());
  return bytes;
}

/// Writes the file and returns its path, or nothing for nothing.
std::string write_image(const fs::path& path, const void* data, size_t size) {
  if (size == 0) return {};
  write_bytes(path, data, size);
  return path.string();
}

std::string write_image(const fs::path& path, const Tensor& bytes) {
  return write_image(path, bytes.data(), static_cast<size_t>(bytes.bytes()));
}

/// One after the other, each at a multiple of 64.
std::string write_image(const fs::path& path, const std::vector<Tensor>& tensors) {
  std::vector<std::byte> bytes;
  for (const Tensor& tensor : tensors) {
    bytes.insert(bytes.end(), tensor.data(), tensor.data() + tensor.bytes());
    bytes.resize((bytes.size() + 63) / 64 * 64);
  }
  return write_image(path, bytes.data(), bytes.size());
}

void refuse_lengths(const KernelModule& module) {
  const std::vector<Symbol> lengths = lengths_of(module);
  if (!lengths.empty())
    throw Error(ErrorKind::unsupported, cat("the length ", lengths[0].name(), " is free"), module.name,
                "a trainer's lengths are fixed: --shape INPUT=…");
}

void expect_few_symbols(const KernelModule& module) {
  if (symbols_of(module).size() > KRT_MOST_SYMBOLS)
    throw Error(ErrorKind::unsupported,
                cat("more than ", KRT_MOST_SYMBOLS, " sizes depend on lengths that are free"), module.name,
                "fix some of them with --shape");
  for (const Program& program : module.programs)
    for (const auto& [symbols, coef] : program.workspace.terms())
      if (symbols.size() > KRT_MOST_FACTORS)
        throw Error(ErrorKind::unsupported,
                    cat("an array has more than ", KRT_MOST_FACTORS, " axes of free lengths"), module.name,
                    "fix some of them with --shape");
}

/// What LevelKernels says of levels: one image of the weights serves all, and a state goes from one machine to another.
void expect_one_model(std::span<const LevelKernels> levels) {
  const KernelModule& first = levels[0].kernels;
  for (const LevelKernels& level : levels) {
    const KernelModule& other = level.kernels;
    const bool same_variables =
        std::equal(first.variables.begin(), first.variables.end(), other.variables.begin(),
                   other.variables.end(), [](const Variable& a, const Variable& b) {
                     return a.name == b.name && a.type == b.type && a.data == b.data;
                   });
    KERATIN_CHECK(same_variables && symbols_of(first) == symbols_of(other) &&
                      first.programs.size() == other.programs.size(),
                  cat(level_name(level.target), " has another model than ", level_name(levels[0].target)));
  }
}

/// The names and the variables, which are left in `scratch`.
EntrySpec entry_of(const KernelModule& module, const std::string& name, const ScratchFolder& scratch) {
  const PlacedData data = place_data(module, place_variables(module));
  EntrySpec entry;
  entry.prefix = c_identifier(name);
  entry.weights_file = write_image(scratch / "weights", data.weights);
  if (!data.state_is_zero) entry.state_file = write_image(scratch / "state", data.state);
  return entry;
}

/// But for lengths.
void set_selftest(const SelfTest& selftest, const ScratchFolder& scratch, EntrySpec& entry) {
  entry.selftest_inputs_file = write_image(scratch / "inputs", selftest.inputs);
  entry.selftest_outputs_file = write_image(scratch / "outputs", selftest.outputs);
  entry.selftest_strings = selftest.strings;
  entry.selftest_n = static_cast<uint64_t>(selftest.n);
  entry.selftest_atol = selftest.atol;
  entry.selftest_rtol = selftest.rtol;
}

/// What its ending says. Throws Error(usage).
std::string artefact_kind(const fs::path& path) {
  const std::string kind = path.extension().string();
  if (kind != ".so" && kind != ".o" && kind != ".a")
    throw Error(ErrorKind::usage, "an artefact's name ends in .so, .o or .a", path.string());
  return kind;
}

/// Renaming would take the place of anything, such as a device, but of no folder: both are found out before the first of two files is
/// in its place.
void refuse_others(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) cannot_create(path, EISDIR);
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    throw Error(ErrorKind::cannot_create, "is no regular file", path.string(),
                "give the name of a file; it is made or replaced");
}

void rename_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) cannot_create(to, error.value());
}

/// An artefact that lies in a scratch folder.
struct Made {
  std::vector<LevelKernels> levels;  ///< its only program
  std::string path, header;
};

/// `soname`: the final name of its file.
Made make_artefact(std::span<const LevelKernels> whole, const ArtefactOptions& options,
                   const std::string& kind, const std::string& soname, const ScratchFolder& scratch) {
  Made made{.levels = {}, .path = (scratch / "artefact").string(), .header = {}};
  for (const LevelKernels& level : whole)
    made.levels.push_back({level.target, extract_program(level.kernels, artefact_program(level.kernels))});
  const KernelModule& first = made.levels[0].kernels;
  expect_one_model(made.levels);
  expect_few_symbols(first);

  EntrySpec entry = entry_of(first, options.name, scratch);
  set_selftest(options.selftest, scratch, entry);
  for (const Symbol symbol : lengths_of(first)) {
    const auto known = options.selftest.lengths.find(symbol);
    entry.selftest_lengths.push_back(
        known == options.selftest.lengths.end() ? 1 : static_cast<uint64_t>(known->second));
  }

  const std::vector<std::byte> object = emit_object(made.levels, options.emit, entry);
  write_bytes(scratch / "model.o", object.data(), object.size());
  made.header = c_header(made.levels, entry.prefix);
  link_artefact(kind, (scratch / "model.o").string(), made.path, soname, entry.prefix, made.levels[0].target);
  return made;
}

}  // namespace

void write_artefact(std::span<const LevelKernels> levels, const ArtefactOptions& options,
                    const std::string& path_text) {
  const fs::path path(path_text), header_path = fs::path(path).replace_extension(".h");
  const std::string kind = artefact_kind(path);
  refuse_others(path);
  refuse_others(header_path);
  const ScratchFolder scratch(fs::absolute(path));
  ArtefactOptions named = options;
  if (named.name.empty()) named.name = path.stem().string();
  const Made made = make_artefact(levels, named, kind, path.filename().string(), scratch);
  write_bytes(scratch / "header", made.header.data(), made.header.size());
  rename_file(scratch / "header", header_path);
  rename_file(made.path, path);
}

void write_training_library(std::span<const LevelKernels> levels, const ArtefactOptions& options,
                            const TrainingSpec& training, const std::string& path_text) {
  const fs::path path(path_text), header_path = fs::path(path).replace_extension(".h");
  const std::string kind = artefact_kind(path);
  const KernelModule& module = levels[0].kernels;
  refuse_others(path);
  refuse_others(header_path);
  expect_one_model(levels);
  refuse_lengths(module);
  for (const Variable& variable : module.variables)
    if (variable.role == Role::strings)
      throw Error(ErrorKind::unsupported, "an input is made of strings", module.name,
                  "trainers take strings: --trainer");
  for (const Program& program : module.programs)
    if (program.inputs.size() > KRT_MOST_STEP_INPUTS || program.outputs.size() > KRT_MOST_METRICS)
      throw Error(ErrorKind::unsupported, cat("more than ", KRT_MOST_METRICS, " inputs, targets or metrics"),
                  module.name);
  const ScratchFolder scratch(fs::absolute(path));
  EntrySpec entry = entry_of(module, options.name.empty() ? path.stem().string() : options.name, scratch);
  set_selftest(options.selftest, scratch, entry);
  const std::vector<std::byte> object = emit_training_object(levels, options.emit, entry, training);
  write_bytes(scratch / "model.o", object.data(), object.size());
  const std::string header = c_training_header(levels, entry.prefix, training);
  write_bytes(scratch / "header", header.data(), header.size());
  link_artefact(kind, (scratch / "model.o").string(), (scratch / "artefact").string(),
                path.filename().string(), entry.prefix, levels[0].target);
  rename_file(scratch / "header", header_path);
  rename_file(scratch / "artefact", path);
}

ArtefactTemplate artefact_template(std::span<const LevelKernels> levels, const ArtefactOptions& options,
                                   const std::set<std::string>& open) {
  using Source = FileTemplate::Source;
  const ScratchFolder scratch(fs::temp_directory_path() / "keratin");
  const std::string soname(NAME_MAX, '-');
  const Made made = make_artefact(levels, options, ".so", soname, scratch);
  const KernelModule& module = made.levels[0].kernels;
  ArtefactTemplate result{.file = {.bytes = read_bytes(made.path)}, .header = made.header};
  FileTemplate& file = result.file;

  const Placement placement = place_variables(module);
  const uint64_t weights =
      placement.weight_bytes > 0 ? find_data(made.path, data_symbol("weights")).offset : 0;
  for (size_t i = 0; i < module.variables.size(); ++i) {
    const Variable& variable = module.variables[i];
    const Placement::Slot& slot = placement.slots[i];
    if (!open.contains(variable.name)) continue;
    if (slot.in_state)
      throw Error(ErrorKind::unsupported, cat("changes ", variable.name, " when it predicts"), module.name);
    if (const auto bytes = static_cast<uint64_t>(variable.type.bytes().value()); bytes > 0)
      file.holes.push_back(
          {weights + static_cast<uint64_t>(slot.offset), bytes, Source::variable, variable.name});
  }
  uint64_t outputs = 0;
  for (const Tensor& output : options.selftest.outputs)
    outputs += (static_cast<uint64_t>(output.bytes()) + 63) / 64 * 64;
  if (outputs > 0)
    file.holes.push_back({find_data(made.path, data_symbol("selftest_outputs")).offset,
                          outputs,
                          Source::selftest_outputs,
                          {}});
  const FileStretch model = find_data(made.path, kModelSymbol), name = find_soname(made.path, soname);
  static_assert(offsetof(krt_model, selftest_rtol) == offsetof(krt_model, selftest_atol) + sizeof(double));
  file.holes.push_back({model.offset + offsetof(krt_model, selftest_atol),
                        2 * sizeof(double),
                        Source::selftest_tolerance,
                        {}});
  file.holes.push_back({name.offset, name.bytes, Source::file_name, {}});
  if (!options.selftest.inputs.empty())
    file.selftest_inputs = {find_data(made.path, data_symbol("selftest_inputs")).offset, 0};
  return result;
}

void write_trainer(std::span<const LevelKernels> levels, const EmitOptions& emit, TrainerSpec trainer,
                   const ExportsSpec& exports, const std::string& path_text) {
  const fs::path path(path_text);
  trainer.exports = true;
  refuse_others(path);
  expect_one_model(levels);
  refuse_lengths(levels[0].kernels);
  const ScratchFolder scratch(fs::absolute(path)), derivation(fs::absolute(path));
  const std::string name = path.stem().string();
  const auto write = [&](const char* file, const std::vector<std::byte>& object) {
    write_bytes(scratch / file, object.data(), object.size());
    return (scratch / file).string();
  };
  const std::vector<std::string> objects{
      write("model.o",
            emit_trainer_object(levels, emit, entry_of(levels[0].kernels, name, scratch), trainer)),
      write("exports.o",
            emit_exports_object(exports, emit, entry_of(exports.derivation[0].kernels, name, derivation),
                                trainer, (derivation / ".").string()))};
  link_trainer(objects, (scratch / "trainer").string(), path.filename().string(), levels[0].target);
  rename_file(scratch / "trainer", path);
}

}  // namespace keratin
