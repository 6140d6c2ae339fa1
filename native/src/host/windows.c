#if defined(_WIN32)
#include <direct.h> /* Before the names in it mean something else. */
#include <stdio.h>  /* SEEK_SET */
#endif

#include "host/windows.h"

#if SCOPEFLOW_HOSTED && defined(_WIN32)

int scopeflow__windows_mkdir(const char *path) {
    return _mkdir(path);
}

static unsigned int at_most(size_t size_bytes) {
    return size_bytes < (1u << 30) ? (unsigned int)size_bytes : 1u << 30;
}

ssize_t scopeflow__windows_write(int descriptor, const void *bytes, size_t size_bytes) {
    return _write(descriptor, bytes, at_most(size_bytes));
}

ssize_t scopeflow__windows_pread(int descriptor, void *out, size_t size_bytes, off_t at) {
    if (_lseeki64(descriptor, at, SEEK_SET) < 0) return -1;
    return _read(descriptor, out, at_most(size_bytes));
}

ssize_t scopeflow__windows_pwrite(int descriptor, const void *bytes, size_t size_bytes, off_t at) {
    if (_lseeki64(descriptor, at, SEEK_SET) < 0) return -1;
    return _write(descriptor, bytes, at_most(size_bytes));
}

/* RtlGenRandom, which no header declares under that name. */
unsigned char __stdcall SystemFunction036(void *out, unsigned long size_bytes);

int scopeflow__windows_entropy(void *out, size_t size_bytes) {
    return SystemFunction036(out, (unsigned long)size_bytes) != 0 ? 0 : -1;
}
#endif
