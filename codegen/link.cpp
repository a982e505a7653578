// Linking, by LLD as a library: no linker need be installed where models are compiled.
#include "codegen/link.h"

#include <lld/Common/Driver.h>
#include <llvm/ObjCopy/ConfigManager.h>
#include <llvm/ObjCopy/ObjCopy.h>
#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Object/Binary.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/raw_ostream.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <vector>

#include "ir/error.h"
#include "ir/own_folder.h"
#include "ir/text.h"

LLD_HAS_DRIVER(elf)

namespace keratin {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& output, std::string detail) {
  while (!detail.empty() && detail.back() == '\n') detail.pop_back();
  throw Error(ErrorKind::io, cat("linking failed: ", detail), output);
}

void expect_success(llvm::Error error, const std::string& output) {
  if (error) fail(output, llvm::toString(std::move(error)));
}

template <typename T>
T value_of(llvm::Expected<T> expected, const std::string& output) {
  if (!expected) fail(output, llvm::toString(expected.takeError()));
  return std::move(*expected);
}

/// Runs LLD in a child of this process, as `ld.lld` itself would run: it ends without tearing down its state, which it
/// does not survive reliably, and a crash of the linker is an error here.
void run_lld(const std::vector<std::string>& args, const std::string& output) {
  std::vector<const char*> pointers{"ld.lld"};
  for (const std::string& arg : args) pointers.push_back(arg.c_str());
  int ends[2];
  if (pipe(ends) != 0) fail(output, std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) fail(output, std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    llvm::raw_fd_ostream messages(ends[1], true);
    const bool linked = lld::elf::link(pointers, messages, messages, true, false);
    messages.flush();
    _exit(linked ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t count; (count = read(ends[0], part, sizeof part)) != 0;) {
    if (count < 0 && errno != EINTR) break;
    if (count > 0) text.append(part, static_cast<size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!WIFEXITED(status)) fail(output, "the linker crashed");
  if (WEXITSTATUS(status) != 0) fail(output, text);
}

/// What shared objects and executables have in common.
constexpr const char* kLoadedOptions[] = {"--gc-sections",   "-z",         "noexecstack", "-z",
                                          "relro",           "-z",         "now",         "--hash-style=gnu",
                                          "--build-id=fast", "--threads=1"};

/// Makes all defined symbols local but those that start with `prefix`_.
void localise(const std::string& object, const std::string& output, const std::string& prefix) {
  auto binary = value_of(llvm::object::createBinary(object), output);
  llvm::objcopy::ConfigManager config;
  config.Common.InputFilename = object;
  config.Common.OutputFilename = output;
  const auto refuse = [](llvm::Error error) { return error; };
  const std::string ours = cat(prefix, "_*");  // the matcher refers to it
  expect_success(config.Common.SymbolsToKeepGlobal.addMatcher(
                     llvm::objcopy::NameOrPattern::create(ours, llvm::objcopy::MatchStyle::Wildcard, refuse)),
                 output);
  std::error_code code;
  llvm::raw_fd_ostream stream(output, code);
  if (code) fail(output, code.message());
  expect_success(llvm::objcopy::executeObjcopyOnBinary(config, *binary.getBinary(), stream), output);
  stream.close();
  if (const std::error_code failure = stream.error()) {
    stream.clear_error();  // or the destructor ends the process
    fail(output, failure.message());
  }
}

}  // namespace

std::string find_runtime(std::string_view file) {
  std::vector<std::string> tried;
  if (const char* folder = secure_getenv("KERATIN_LIB")) {
    tried.push_back((fs::path(folder) / file).string());
  } else {
    // bin/../lib, and with a folder per architecture, lib/x86_64-linux-gnu.
    const fs::path own = own_folder();
    tried.push_back((own / ".." / "lib" / "keratin" / file).lexically_normal().string());
    tried.push_back((own / ".." / KERATIN_LIBDIR / "keratin" / file).lexically_normal().string());
    tried.push_back((own / "keratin" / file).string());
  }
  for (const std::string& path : tried) {
    if (access(path.c_str(), R_OK) == 0) return path;
  }
  throw Error(ErrorKind::no_input, cat("the runtime, ", file, ", is not installed"), join(tried, ", "),
              "set KERATIN_LIB to the folder that holds it");
}

void link_shared(std::span<const std::string> inputs, const std::string& output, const std::string& soname) {
  std::vector<std::string> args{"-shared",        "-o",  output, "-soname", soname,
                                "--exclude-libs", "ALL", "-z",   "nodelete"};
  args.insert(args.end(), std::begin(kLoadedOptions), std::end(kLoadedOptions));
  args.insert(args.end(), inputs.begin(), inputs.end());
  run_lld(args, output);
}

void link_relocatable(std::span<const std::string> inputs, const std::string& output,
                      const std::string& prefix) {
  const std::string joined = output + ".joined";
  std::vector<std::string> args{"-r", "-o", joined, "--threads=1"};
  args.insert(args.end(), inputs.begin(), inputs.end());
  run_lld(args, output);
  localise(joined, output, prefix);
  std::error_code ignored;
  fs::remove(joined, ignored);
}

void write_archive(const std::string& object, const std::string& output, const std::string& member) {
  std::vector<llvm::NewArchiveMember> members;
  members.push_back(value_of(llvm::NewArchiveMember::getFile(object, true), output));
  members.back().MemberName = member;
  expect_success(llvm::writeArchive(output, members, llvm::SymtabWritingMode::NormalSymtab,
                                    llvm::object::Archive::K_GNU, true, false),
                 output);
}

namespace {

/// A library that every program of this system is linked with, as it is there to run them: no development files are needed.
std::string find_system_library(const std::string& name) {
  const std::vector<std::string> folders{"/lib/x86_64-linux-gnu",
                                         "/usr/lib/x86_64-linux-gnu",
                                         "/lib/aarch64-linux-gnu",
                                         "/usr/lib/aarch64-linux-gnu",
                                         "/lib64",
                                         "/usr/lib64",
                                         "/lib",
                                         "/usr/lib"};
  for (const std::string& folder : folders)
    if (const std::string path = cat(folder, "/", name); access(path.c_str(), R_OK) == 0) return path;
  throw Error(ErrorKind::no_input, cat(name, " was not found"), join(folders, ", "));
}

}  // namespace

FileStretch find_data(const std::string& shared_object, const std::string& symbol) {
  const auto binary = value_of(llvm::object::createBinary(shared_object), shared_object);
  const auto* file = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(binary.getBinary());
  KERATIN_CHECK(file != nullptr, shared_object);
  for (const llvm::object::ELFSymbolRef each : file->symbols()) {
    if (value_of(each.getName(), shared_object) != symbol) continue;
    const auto section = value_of(each.getSection(), shared_object);
    const uint64_t address = value_of(each.getAddress(), shared_object);
    const llvm::object::ELFSectionRef place(*section);
    return {place.getOffset() + (address - place.getAddress()), each.getSize()};
  }
  KERATIN_CHECK(false, cat("no symbol ", symbol));
}

FileStretch find_soname(const std::string& shared_object, const std::string& soname) {
  const auto binary = value_of(llvm::object::createBinary(shared_object), shared_object);
  const auto* file = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(binary.getBinary());
  KERATIN_CHECK(file != nullptr, shared_object);
  for (const llvm::object::ELFSectionRef section : file->sections()) {
    if (value_of(section.getName(), shared_object) != ".dynstr") continue;
    const size_t at = value_of(section.getContents(), shared_object).find(soname);
    if (at != llvm::StringRef::npos) return {section.getOffset() + at, soname.size()};
  }
  KERATIN_CHECK(false, cat(shared_object, " does not know its name"));
}

void link_trainer(const std::vector<std::string>& objects, const std::string& output, const std::string& name,
                  const Target& target) {
  if (!same_kind_as_host(target))
    throw Error(ErrorKind::unsupported, cat("no trainer for ", target.triple, " is installed here"), name,
                "compile it on such a machine");
  const bool is_arm = target.triple.starts_with("aarch64");
  const std::string loader = is_arm ? "ld-linux-aarch64.so.1" : "ld-linux-x86-64.so.2";
  std::vector<std::string> args{
      "-pie",           "-o",         output, "--dynamic-linker", cat(is_arm ? "/lib/" : "/lib64/", loader),
      "--eh-frame-hdr", "--as-needed"};
  args.insert(args.end(), std::begin(kLoadedOptions), std::end(kLoadedOptions));
  args.push_back(find_runtime("trainer.o"));
  args.insert(args.end(), objects.begin(), objects.end());
  for (const std::string& library : {std::string("libc.so.6"), std::string("libm.so.6"), loader})
    args.push_back(find_system_library(library));
  run_lld(args, output);
}

void link_artefact(const std::string& kind, const std::string& object, const std::string& output,
                   const std::string& name, const std::string& prefix, const Target& target) {
  std::vector<std::string> inputs{object};
  const bool is_native = same_kind_as_host(target);
  if (is_native) inputs.push_back(find_runtime("libkeratin_rt.a"));
  if (kind == ".so") {
    if (!is_native) {
      throw Error(ErrorKind::unsupported, cat("no runtime for ", target.triple, " is installed here"), name,
                  "make an object (-o NAME.o) and link it there with the runtime's sources");
    }
    return link_shared(inputs, output, name);
  }
  if (kind == ".o") return link_relocatable(inputs, output, prefix);
  const std::string member = fs::path(name).stem().string() + ".o";
  const std::string joined = output + ".member";
  link_relocatable(inputs, joined, prefix);
  write_archive(joined, output, member);
  std::error_code ignored;
  fs::remove(joined, ignored);
}

}  // namespace keratin
