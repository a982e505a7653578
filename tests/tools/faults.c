/* Faults in calls of the operating system, for whoever is started with this library in LD_PRELOAD.
 *
 * KERATIN_FAULT="kill 7": the process is killed (SIGKILL) as it is about to make its seventh call that changes files.
 * "fail 7" and "full 7": that call, and in the second case all behind it that need room, fail with EIO or ENOSPC.
 * "count FILE": their number is written there when the process ends. Calls on the standard streams are none of them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long calls;

static const char* what(void) {
  const char* fault = getenv("KERATIN_FAULT");
  return fault == NULL ? "" : fault;
}

static int is(const char* kind) { return strncmp(what(), kind, strlen(kind)) == 0; }

/* 0, or the error that this call fails with. */
static int fault(int needs_room) {
  const long number = atomic_fetch_add(&calls, 1) + 1;
  const char* space = strchr(what(), ' ');
  const long wanted = space == NULL ? 0 : atol(space + 1);
  if (is("kill") && number == wanted) raise(SIGKILL);
  if (is("fail") && number == wanted) return EIO;
  if (is("full") && number >= wanted && needs_room) return ENOSPC;
  return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_IF(error)     \
  do {                     \
    const int e = (error); \
    if (e != 0) {          \
      errno = e;           \
      return -1;           \
    }                      \
  } while (0)

ssize_t write(int file, const void* bytes, size_t size) {
  if (file > STDERR_FILENO) FAIL_IF(fault(1));
  return REAL(write)(file, bytes, size);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  FAIL_IF(fault(1));
  return REAL(pwrite)(file, bytes, size, at);
}
int fsync(int file) {
  FAIL_IF(fault(1));
  return REAL(fsync)(file);
}
int ftruncate(int file, off_t size) {
  FAIL_IF(fault(0));
  return REAL(ftruncate)(file, size);
}
int rename(const char* from, const char* to) {
  FAIL_IF(fault(0));
  return REAL(rename)(from, to);
}
int unlink(const char* path) {
  FAIL_IF(fault(0));
  return REAL(unlink)(path);
}
int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
    FAIL_IF(fault(1));
  }
  return REAL(open)(path, flags, mode);
}

__attribute__((destructor)) static void report(void) {
  if (!is("count ")) return;
  FILE* file = fopen(what() + strlen("count "), "w");
  if (file == NULL) return;
  fprintf(file, "%ld", atomic_load(&calls));
  fclose(file);
}
