/* The file sink: each event is appended as one line with one write, so that nothing is lost when
 * the process ends in whatever way, several processes can append to one file, and a forked child
 * has no buffer to write twice (S1.13, S5.6). */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "base/checks.gen.h"
#include "base/sink.h"

#if SCOPEFLOW_HOSTED
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scopeflow_atof_sink {
    uint32_t refs;
    int file;
    int32_t first_error; /* An errno since the last flush, or 0. */
};

/* --- Opening --- */

/* Makes the folders above the file. `path` is changed while it is walked and restored. */
static int make_folders(char *path) {
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/') continue;
        *at = '\0';
        int const made = mkdir(path, 0777);
        int const reason = errno;
        *at = '/';
        if (made != 0 && reason != EEXIST && reason != EISDIR) return reason;
    }
    return 0;
}

static int open_file(char *path, scopeflow_file_mode mode, int *out_file) {
    int const reason = make_folders(path);
    if (reason != 0) return reason;
    int const truncate = mode == SCOPEFLOW_FILE_MODE_OVERWRITE ? O_TRUNC : 0;
    *out_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | truncate, 0600);
    return *out_file < 0 ? errno : 0;
}

static scopeflow_status fail_system(scopeflow_error *out_error, const char *what,
                                    scopeflow_bytes path, int reason) {
    char quoted[100];
    size_t const kept = path.len < 80 ? path.len : 80;
    const char *const start = path.ptr + (path.len - kept); /* The end of a path says most. */
    memcpy(quoted, " '", 2);
    scopeflow__copy(quoted + 2, start, kept);
    memcpy(quoted + 2 + kept, "': ", 3);
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE, scopeflow__c_text(what),
                           scopeflow__text(quoted, kept + 5), scopeflow__c_text(strerror(reason)));
}

static char *copy_path(scopeflow_bytes path) {
    char *const copy = (char *)malloc(path.len + 1);
    if (copy == NULL) return NULL;
    memcpy(copy, path.ptr, path.len);
    copy[path.len] = '\0';
    return copy;
}

scopeflow_status scopeflow_atof_sink_open(const scopeflow_atof_sink_open_options *options,
                                          scopeflow_atof_sink **out_sink,
                                          scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_atof_sink_open(options, out_sink, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    SCOPEFLOW__REQUIRE(options->path.len > 0 &&
                           memchr(options->path.ptr, '\0', options->path.len) == NULL,
                       out_error, "path is empty or has a null byte");

    char *const path = copy_path(options->path);
    scopeflow_atof_sink *const self = (scopeflow_atof_sink *)malloc(sizeof *self);
    int reason = path != NULL && self != NULL ? 0 : ENOMEM;
    int file = -1;
    if (reason == 0) reason = open_file(path, options->mode, &file);
    free(path);
    if (reason != 0) {
        free(self);
        if (reason == ENOMEM) return scopeflow__fail_memory(out_error);
        return fail_system(out_error, "cannot open", options->path, reason);
    }
    self->refs = 1;
    self->file = file;
    self->first_error = 0;
    *out_sink = self;
    return SCOPEFLOW_STATUS_OK;
}

/* --- Writing --- */

static void note_error(scopeflow_atof_sink *self, int reason) {
    int32_t none = 0;
    (void)__atomic_compare_exchange_n(&self->first_error, &none, reason, false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED);
}

/* O_APPEND makes one write one whole line, also between processes. A full disk may still cut it
 * short; the rest follows, or the line stays broken and the error is kept for `flush`. */
static void write_all(scopeflow_atof_sink *self, const char *ptr, size_t len) {
    while (len > 0) {
        ssize_t const written = write(self->file, ptr, len);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            note_error(self, errno);
            return;
        }
        ptr += written;
        len -= (size_t)written;
    }
}

static void deliver(void *context, scopeflow_event *event) {
    scopeflow_atof_sink *const self = (scopeflow_atof_sink *)context;
    scopeflow_bytes line;
    if (scopeflow__event_line_with_end(event, &line))
        write_all(self, line.ptr, line.len);
    else
        note_error(self, ENOMEM);
}

static void release(void *context) {
    scopeflow_atof_sink *const self = (scopeflow_atof_sink *)context;
    if (!scopeflow__ref_down(&self->refs)) return;
    (void)close(self->file);
    free(self);
}

/* --- The rest of its life --- */

scopeflow_status scopeflow_atof_sink_register(scopeflow_atof_sink *self, scopeflow_runtime *runtime,
                                              scopeflow_bytes name, scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__check_atof_sink_register(self, runtime, name, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__ref_up(&self->refs);
    status = scopeflow__sink_register(runtime, name, deliver, release, self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) release(self);
    return status;
}

scopeflow_status scopeflow_atof_sink_flush(scopeflow_atof_sink *self, scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_atof_sink_flush(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    int const reason = __atomic_exchange_n(&self->first_error, 0, __ATOMIC_RELAXED);
    if (reason == 0) return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                           SCOPEFLOW__TEXT("an event was not written: "),
                           scopeflow__c_text(strerror(reason)), SCOPEFLOW__TEXT(""));
}

void scopeflow_atof_sink_free(scopeflow_atof_sink *self) {
    if (self != NULL) release(self);
}
#endif
