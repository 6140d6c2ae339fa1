/* What the host layer asks of POSIX and Windows has under other names, or not at all. MinGW-w64
 * brings the rest: threads, clocks, `open`, `write`, `stat`. Included instead of <sys/file.h>.
 *
 * There is no fork, no signal that a thread could block, and no file that several processes rotate:
 * an open file cannot be renamed, so a full one goes on growing, and the log says so. */
#ifndef SCOPEFLOW__WINDOWS_H
#define SCOPEFLOW__WINDOWS_H

#include "base/base.h"

#if SCOPEFLOW_HOSTED && defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <sys/types.h>
#include <time.h>

#define O_CLOEXEC (_O_NOINHERIT | _O_BINARY)
#define LOCK_EX 0
#define LOCK_NB 0
#define LOCK_UN 0

#define flock(descriptor, operation) ((void)(descriptor), (operation))
#define fchmod(descriptor, mode) ((void)(descriptor), (void)(mode), 0)
#define mkdir(path, mode) ((void)(mode), scopeflow__windows_mkdir(path))
#define gmtime_r(seconds, out) (gmtime_s(out, seconds) == 0 ? (out) : NULL)
#define write scopeflow__windows_write
#define pread scopeflow__windows_pread
#define pwrite scopeflow__windows_pwrite
#define getentropy scopeflow__windows_entropy

int scopeflow__windows_mkdir(const char *path);
ssize_t scopeflow__windows_write(int descriptor, const void *bytes, size_t size_bytes);
/* These move the place in the file, which nobody else uses. */
ssize_t scopeflow__windows_pread(int descriptor, void *out, size_t size_bytes, off_t at);
ssize_t scopeflow__windows_pwrite(int descriptor, const void *bytes, size_t size_bytes, off_t at);
int scopeflow__windows_entropy(void *out, size_t size_bytes);
#endif

#endif
