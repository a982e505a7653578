#include "tests/tools/sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "ir/text.h"

namespace keratin::testing {
namespace {

// Of one attempt, but memory, which is the whole child's. What is refused at last for its gigabytes takes some seconds, and processors
// that share a core take several times as long.
constexpr int kProcessorSeconds = 40;
constexpr int kSeconds = 240;
[[maybe_unused]] constexpr rlim_t kMemory = rlim_t{3} << 30;

void limit(int resource, rlim_t most) {
  const rlimit both{most, most};
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

void set_limits() {
  limit(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes
  limit(RLIMIT_AS, kMemory);
#endif
}

/// From now on: SIGVTALRM and SIGALRM end the process if they are not put off again.
void wind_up_clocks() {
  const itimerval processor{{0, 0}, {kProcessorSeconds, 0}};
  ::setitimer(ITIMER_VIRTUAL, &processor, nullptr);
  ::alarm(kSeconds);
}

void send(int to, const Verdict& verdict) {
  const std::string record = cat(static_cast<char>(verdict.kind), verdict.text.c_str(), '\0');
  for (size_t done = 0; done < record.size();) {
    const ssize_t n = ::write(to, record.data() + done, record.size() - done);
    if (n < 0 && errno != EINTR) ::_exit(3);
    if (n > 0) done += static_cast<size_t>(n);
  }
}

std::string read_to_end(int from) {
  std::string bytes;
  char buffer[4096];
  for (ssize_t n; (n = ::read(from, buffer, sizeof buffer)) != 0;) {
    if (n > 0) bytes.append(buffer, static_cast<size_t>(n));
    if (n < 0 && errno != EINTR) break;
  }
  return bytes;
}

std::string contents(int file) {
  ::lseek(file, 0, SEEK_SET);
  return read_to_end(file);
}

std::string cause_of_death(int status) {
  if (WIFEXITED(status)) return cat("it ended the process, with status ", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (signal == SIGVTALRM || signal == SIGALRM) return "it takes too long";
  return cat("it crashes: ", ::strsignal(signal));
}

}  // namespace

std::string taken_from_stderr() {
  std::string text = contents(STDERR_FILENO);
  if (::ftruncate(STDERR_FILENO, 0) != 0) std::abort();
  ::lseek(STDERR_FILENO, 0, SEEK_SET);
  return text;
}

std::vector<Verdict> try_all(int count, const std::function<Verdict(int)>& attempt) {
  std::vector<Verdict> verdicts;
  const int messages = ::memfd_create("messages", MFD_CLOEXEC);
  while (verdicts.size() < static_cast<size_t>(count)) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    const pid_t child = ::fork();
    if (child < 0) std::abort();
    if (child == 0) {
      ::close(ends[0]);
      ::dup2(messages, STDERR_FILENO);
      taken_from_stderr();
      set_limits();
      for (int i = static_cast<int>(verdicts.size()); i < count; ++i) {
        wind_up_clocks();
        send(ends[1], attempt(i));
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    const std::string records = read_to_end(ends[0]);
    ::close(ends[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    for (size_t at = 0, end; (end = records.find('\0', at)) != std::string::npos; at = end + 1)
      verdicts.push_back({static_cast<Verdict::Kind>(records[at]), records.substr(at + 1, end - at - 1)});
    if (verdicts.size() < static_cast<size_t>(count))
      verdicts.push_back({Verdict::wrong, cat(cause_of_death(status), "\n", contents(messages))});
  }
  ::close(messages);
  return verdicts;
}

}  // namespace keratin::testing
