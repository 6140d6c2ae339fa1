#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/file.h"
#include "host/spill.h"

#if SCOPEFLOW_HOSTED
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(_WIN32)
#include "host/windows.h"
#endif

#define SPILL_SUFFIX ".spill"
/* So many processes may spill beside one file, or have died and left their lines. */
#define SPILL_NAME_LIMIT 100

bool scopeflow__spill_init(scopeflow__spill *self, const char *path, uint64_t limit_bytes) {
    size_t const len = strlen(path);
    self->descriptor = -1;
    self->read_at = 0;
    self->write_at = 0;
    self->limit_bytes = limit_bytes;
    self->path_len = len + sizeof SPILL_SUFFIX - 1;
    self->path = (char *)malloc(self->path_len + sizeof ".99");
    if (self->path == NULL) return false;
    memcpy(self->path, path, len);
    memcpy(self->path + len, SPILL_SUFFIX, sizeof SPILL_SUFFIX);
    return true;
}

/* `<path>.spill`, `<path>.spill.1`, ... */
static void name_spill(scopeflow__spill *self, int number) {
    char *at = self->path + self->path_len;
    if (number > 0) *at++ = '.';
    if (number >= 10) *at++ = (char)('0' + number / 10);
    if (number > 0) *at++ = (char)('0' + number % 10);
    *at = '\0';
}

static int open_spill(scopeflow__spill *self) {
    for (int number = 0; number < SPILL_NAME_LIMIT; number++) {
        name_spill(self, number);
        self->descriptor = open(self->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (self->descriptor >= 0) return 0;
        if (errno != EEXIST) return errno;
    }
    return EEXIST;
}

int scopeflow__spill_put(scopeflow__spill *self, scopeflow_bytes line) {
    int const reason = self->descriptor < 0 ? open_spill(self) : 0;
    if (reason != 0) return reason;
    size_t at = 0;
    while (at < line.len) {
        /* What a failure leaves behind the end is written over by the next line. */
        ssize_t const written =
            pwrite(self->descriptor, line.ptr + at, line.len - at, (off_t)(self->write_at + at));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return written < 0 ? errno : ENOSPC;
        at += (size_t)written;
    }
    self->write_at += line.len;
    return 0;
}

/* Fills a batch as far as it goes, or as the file goes, and cuts it behind its last line end. */
static int read_spilled_lines(const scopeflow__spill *self, scopeflow__batch *batch,
                              uint64_t left_bytes) {
    char *const bytes = scopeflow__batch_bytes(batch);
    size_t const wanted = left_bytes < batch->capacity ? (size_t)left_bytes : batch->capacity;
    size_t len = 0;
    while (len < wanted) {
        ssize_t const count =
            pread(self->descriptor, bytes + len, wanted - len, (off_t)(self->read_at + len));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return count < 0 ? errno : EIO; /* Somebody has cut it short. */
        len += (size_t)count;
    }
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') continue;
        batch->line_count++;
        batch->len = i + 1;
    }
    return 0;
}

int scopeflow__spill_read(const scopeflow__spill *self, scopeflow__batch **out_batch) {
    uint64_t const left_bytes = self->write_at - self->read_at;
    for (size_t size = SCOPEFLOW__FILE_BATCH_BYTES;; size *= 4) {
        scopeflow__batch *const batch = scopeflow__batch_new(size);
        if (batch == NULL) return ENOMEM;
        int const reason = read_spilled_lines(self, batch, left_bytes);
        if (reason == 0 && batch->line_count > 0) {
            *out_batch = batch;
            return 0;
        }
        scopeflow__batch_free(batch);
        if (reason != 0) return reason;
        if (size >= left_bytes) return EIO;
    }
}

void scopeflow__spill_taken(scopeflow__spill *self, const scopeflow__batch *batch) {
    self->read_at += batch->len;
    if (scopeflow__spill_is_used(self)) return;
    self->read_at = 0;
    self->write_at = 0;
    (void)!ftruncate(self->descriptor, 0); /* Gives the room back; otherwise it is written over. */
}

void scopeflow__spill_leave(scopeflow__spill *self) {
    if (self->descriptor >= 0) (void)close(self->descriptor);
    self->descriptor = -1;
    self->read_at = 0;
    self->write_at = 0;
}

void scopeflow__spill_remove(scopeflow__spill *self) {
    if (self->descriptor >= 0 && !scopeflow__spill_is_used(self)) (void)unlink(self->path);
    scopeflow__spill_leave(self);
}

void scopeflow__spill_deinit(scopeflow__spill *self) {
    scopeflow__spill_remove(self);
    free(self->path);
}
#endif
