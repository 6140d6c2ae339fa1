/* The event file. Whole lines are appended; a line that a full disk cut is completed before the
 * next, also by a later call. Before each write the path is looked at: a file that was moved away
 * or removed is made anew, one that is full is rotated. One thread at a time. */
#ifndef SCOPEFLOW__FILE_H
#define SCOPEFLOW__FILE_H

#include "base/base.h"

#if SCOPEFLOW_HOSTED
#include <sys/types.h>

/* Most bytes of one `write`; a longer line is still one. */
#define SCOPEFLOW__FILE_BATCH_BYTES ((size_t)262144)

typedef struct scopeflow__file {
    char *path; /* Absolute, so that it means the same after `chdir`. */
    size_t path_len;
    char *names[2]; /* Room for the names that a rotation needs. */
    int descriptor; /* -1 when it is not open. */
    dev_t device;
    ino_t inode;
    bool is_regular; /* A device or a pipe is neither opened again nor rotated. */
    bool is_mid_line;
    bool needs_line_end;   /* A half line stands at the end, and its rest is not known any more. */
    off_t half_line_bytes; /* The size at which the opened file ended in half a line, or 0. */
    uint64_t limit_bytes;  /* 0 for none. */
    uint32_t kept_count;
    uint64_t rotation_count;
    int rotation_error; /* An errno: the file could not be renamed and goes on growing. */
} scopeflow__file;

/* These return 0 or an errno. */

/* Opens the file and makes the folders above it; a failure leaves nothing to close. */
int scopeflow__file_open(scopeflow__file *self, scopeflow_bytes path, scopeflow_file_mode mode);

/* Appends `lines[*at..len)`. `*at` then tells how far it came, also when it failed; it may go back
 * to the start of its line, when the file that has the first half is no longer there. */
int scopeflow__file_write(scopeflow__file *self, const char *lines, size_t len, size_t *at);

/* In the child after a fork: the parent goes on with what was under way. */
void scopeflow__file_leave(scopeflow__file *self);

void scopeflow__file_close(scopeflow__file *self);
#endif

#endif
