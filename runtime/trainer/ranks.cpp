#include "runtime/trainer/ranks.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/mpi/group.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr const char* kLibrary = "libkeratin_mpi.so";

/// A number in the environment.
std::optional<long> told(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return {};
  return std::strtol(value, nullptr, 10);
}

/// What MPI launchers tell the processes that they start: Open MPI's mpirun; MPICH's and Intel's mpiexec, and srun --mpi=pmi2;
/// srun --mpi=pmix. What batch systems set for every script is not looked at by itself: a single process may run in one.
bool is_launched() {
  for (const char* size : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const std::optional<long> count = told(size)) return *count > 1;
  return told("PMIX_RANK") && told("SLURM_STEP_NUM_TASKS").value_or(2) > 1;
}

std::string own_folder() {
  std::vector<char> path(4096);
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  const std::string name(path.data(), length > 0 ? static_cast<size_t>(length) : 0);
  return name.substr(0, name.rfind('/'));
}

/// Where the library may be: as the user says; beside the trainer; where the loader looks; in the compiler's folder.
std::vector<std::string> candidates() {
  if (const char* given = std::getenv("KERATIN_MPI_LIBRARY")) return {given};
  std::vector<std::string> paths{cat(own_folder(), "/", kLibrary), kLibrary};
  if (const std::string_view folder = KERATIN_MPI_FOLDER; !folder.empty())
    paths.push_back(cat(folder, "/", kLibrary));
  return paths;
}

keratin_group_open_fn* load() {
  std::string why;
  for (const std::string& path : candidates()) {
    // MPI's own plugins look for its symbols among those of the process.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) {
      if (why.empty()) why = dlerror();
      continue;
    }
    if (void* found = dlsym(library, KERATIN_GROUP_OPEN))
      return reinterpret_cast<keratin_group_open_fn*>(found);
    why = cat(path, " is not Keratin's");
  }
  throw Error(ErrorKind::no_input, cat("cannot be loaded: ", why), kLibrary,
              "put it beside the trainer, or say in KERATIN_MPI_LIBRARY where it is; --no-mpi trains alone");
}

}  // namespace

Ranks::~Ranks() { group_.close(&group_); }

int64_t Ranks::rank() const { return group_.rank; }
int64_t Ranks::count() const { return group_.count; }
krt_ranks* Ranks::reducer() const { return &group_.ranks; }

int64_t Ranks::greatest(int64_t own) {
  group_.ranks.start(&group_.ranks, KRT_MAX, KRT_I64, &own, 1);
  group_.ranks.finish(&group_.ranks, &own);
  return own;
}

void Ranks::broadcast(std::span<std::byte> bytes) { group_.broadcast(&group_, bytes.data(), bytes.size()); }

void Ranks::abort(int status) { group_.abort(&group_, status); }

std::unique_ptr<Ranks> join_ranks(Launch launch) {
  if (launch == Launch::alone || (launch == Launch::by_environment && !is_launched())) return nullptr;
  const char* error = nullptr;
  keratin_group* group = load()(KERATIN_GROUP_VERSION, &error);
  if (group == nullptr) throw Error(ErrorKind::io, error, kLibrary);
  return std::make_unique<Ranks>(*group);
}

unsigned threads_of_rank() {
  cpu_set_t set;
  const std::optional<long> ranks =
      told("OMPI_COMM_WORLD_LOCAL_SIZE") ? told("OMPI_COMM_WORLD_LOCAL_SIZE") : told("MPI_LOCALNRANKS");
  if (!is_launched() || ranks.value_or(1) < 2 || sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  return static_cast<unsigned>(std::clamp<long>(sysconf(_SC_NPROCESSORS_ONLN) / *ranks, 1, CPU_COUNT(&set)));
}

}  // namespace keratin::trainer
