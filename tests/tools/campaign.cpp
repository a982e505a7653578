#include "tests/tools/campaign.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "frontend/load.h"
#include "ir/error.h"
#include "ir/text_format.h"
#include "runtime/abi.h"
#include "tests/tools/cli.h"
#include "tools/command.h"

namespace keratin::testing {
namespace {

/// The model that has been compiled to `path` tests itself.
Verdict selftest(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {Verdict::wrong, dlerror()};
  const auto describe = reinterpret_cast<const keratin_info* (*)()>(dlsym(library, "keratin_info"));
  const int status = describe()->selftest();
  return {status == KRT_OK ? Verdict::accepted : Verdict::wrong, describe()->explain(status)};
}

void write(const Sample& sample, const std::string& path) {
  std::ofstream(path, std::ios::binary) << sample.bytes;
  fs::remove(path + ".safetensors");
  if (!sample.beside.empty()) std::ofstream(path + ".safetensors", std::ios::binary) << sample.beside;
}

}  // namespace

Verdict run_keratin(const std::string& file, const std::vector<std::string>& words) {
  std::vector<const char*> argv{"keratin"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  const int status = run_command_line(static_cast<int>(argv.size()), argv.data());
  const std::string said = taken_from_stderr();
  if (status == 0) return {said.empty() ? Verdict::accepted : Verdict::wrong, said};
  const auto kind = static_cast<ErrorKind>(status);
  if (kind != ErrorKind::data && kind != ErrorKind::unsupported)
    return {Verdict::wrong, cat("exit status ", status, ": ", said)};
  if (!said.starts_with("error: ") || said.find(file) == std::string::npos)
    return {Verdict::wrong, cat("the message does not name ", file, ": ", said)};
  return {Verdict::refused, said};
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

Verdict Compilation::operator()(const std::string& path, const std::string& out) {
  if (was_compiled(path)) return {Verdict::accepted, "as one before"};
  const std::string artefact = cat(out, "/m", number_++, ".so"),
                    header = fs::path(artefact).replace_extension(".h");
  const Verdict compiled = run_keratin(path, {"compile", path, "-o", artefact, "--cpu", "x86-64"});
  const std::set<std::string> found = names_in(out);
  if (compiled.kind != Verdict::accepted)
    return found.empty() ? compiled : Verdict{Verdict::wrong, cat("it leaves ", *found.begin())};
  const Verdict verdict = selftest(artefact);
  fs::remove(header);
  fs::remove(artefact);
  return found.size() == 2 ? verdict : Verdict{Verdict::wrong, "it does not leave two files"};
}

/// Whether a model that was tried before is the same; from now on, this one was.
bool Compilation::was_compiled(const std::string& path) {
  if (path.ends_with(".kir")) return false;
  try {
    const Module model = load_model(path);
    return !seen_.insert(print(model) + format_safetensors(collect_data(model))).second;
  } catch (const Error&) {
    return false;  // it will be refused again, with a message to look at
  }
}

int Campaign::run(int count, const Samples& samples, const Trial& trial) const {
  const Shell shell;
  const std::string path = (shell / ("mutant" + extension_)).string(), out = (shell / "out").string();
  fs::create_directory(out);
  const char* only = std::getenv("KERATIN_MUTANT");
  const int first = only == nullptr ? 0 : std::atoi(only), last = only == nullptr ? count : first + 1;
  const std::vector<Verdict> verdicts = try_all(last - first, [&](int i) {
    for (const std::string& left : names_in(out)) fs::remove_all(cat(out, "/", left));
    write(samples(first + i), path);
    return trial(path, out);
  });
  std::map<Verdict::Kind, int> counts;
  for (int i = 0; i < last - first; ++i) {
    const Verdict& verdict = verdicts[static_cast<size_t>(i)];
    ++counts[verdict.kind];
    if (only != nullptr) std::printf("%s\n", verdict.text.c_str());
    if (verdict.kind == Verdict::wrong) report(first + i, samples(first + i), verdict.text);
  }
  std::printf("%s: %d accepted, %d refused, %d wrong\n", name_.c_str(), counts[Verdict::accepted],
              counts[Verdict::refused], counts[Verdict::wrong]);
  return counts[Verdict::accepted];
}

void Campaign::report(int number, const Sample& sample, const std::string& what) const {
  const std::string folder = cat(KERATIN_BINARY_DIR, "/mutants");
  fs::create_directories(folder);
  const std::string path = cat(folder, "/", name_, "-", number, extension_);
  write(sample, path);
  ADD_FAILURE() << name_ << ", KERATIN_MUTANT=" << number << ", saved as " << path << "\n" << what;
}

}  // namespace keratin::testing
