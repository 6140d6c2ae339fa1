#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/file.h"

#if SCOPEFLOW_HOSTED
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(_WIN32)
#include "host/windows.h"
#else
#include <sys/file.h>
#endif

/* A dot and the digits of a number of 32 bits, and the end. */
#define FILE_SUFFIX_BYTES 12

/* --- Names --- */

/* On Windows also `C:...`, wherever that folder is. */
static bool is_absolute(scopeflow_bytes path) {
#if defined(_WIN32)
    if (path.ptr[0] == '\\' || (path.len > 1 && path.ptr[1] == ':')) return true;
#endif
    return path.ptr[0] == '/';
}

/* `path` from the root on. Where the working folder has no name it stays as it is. */
static char *absolute_path(scopeflow_bytes path, size_t *out_len) {
    char *const folder = is_absolute(path) ? NULL : getcwd(NULL, 0);
    size_t const folder_len = folder != NULL ? strlen(folder) : 0;
    size_t const gap = folder != NULL ? 1 : 0;
    char *const made = (char *)malloc(folder_len + gap + path.len + 1);
    if (made != NULL) {
        scopeflow__copy(made, folder, folder_len);
        if (gap > 0) made[folder_len] = '/';
        scopeflow__copy(made + folder_len + gap, path.ptr, path.len);
        *out_len = folder_len + gap + path.len;
        made[*out_len] = '\0';
    }
    free(folder);
    return made;
}

/* `<path>.<number>`, in one of the two places for names. */
static const char *rotated_name(const scopeflow__file *self, uint32_t number) {
    char digits[FILE_SUFFIX_BYTES];
    size_t count = 0;
    char *const name = self->names[number & 1];
    uint32_t rest = number;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    memcpy(name, self->path, self->path_len);
    name[self->path_len] = '.';
    for (size_t i = 0; i < count; i++) name[self->path_len + 1 + i] = digits[count - 1 - i];
    name[self->path_len + 1 + count] = '\0';
    return name;
}

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

/* Whether the file has this size and ends in half a line. */
static bool ends_in_half_line(const char *path, off_t size_bytes) {
    struct stat facts;
    char last = '\n';
    int const descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    bool const is_read = fstat(descriptor, &facts) == 0 && facts.st_size == size_bytes &&
                         pread(descriptor, &last, 1, size_bytes - 1) == 1;
    (void)close(descriptor);
    return is_read && last != '\n';
}

/* The file's size if it ends in half a line, which a process that was killed may have left. A line
 * that somebody is just writing looks the same; but a change of the mode, to what it is, waits for
 * that write, after which the file has grown. */
static off_t half_line_at(const char *path, int descriptor, const struct stat *facts) {
    if (!S_ISREG(facts->st_mode) || facts->st_size == 0) return 0;
    if (!ends_in_half_line(path, facts->st_size)) return 0;
    if (fchmod(descriptor, facts->st_mode & 07777) != 0) return 0;
    return ends_in_half_line(path, facts->st_size) ? facts->st_size : 0;
}

/* Opens the path and lets go of what was open before, which stays open if it cannot. */
static int open_at_path(scopeflow__file *self, int more_flags) {
    struct stat facts;
    int const flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | more_flags;
    int const made = open(self->path, flags, 0600);
    if (made < 0) return errno;
    if (fstat(made, &facts) != 0) {
        int const reason = errno;
        (void)close(made);
        return reason;
    }
    /* The new one is known before the old one is closed: a fork in between loses no track. */
    int const old = __atomic_exchange_n(&self->descriptor, made, __ATOMIC_ACQ_REL);
    if (old >= 0) (void)close(old);
    self->device = facts.st_dev;
    self->inode = facts.st_ino;
    self->is_regular = S_ISREG(facts.st_mode);
    self->half_line_bytes = half_line_at(self->path, made, &facts);
    self->needs_line_end = false;
    return 0;
}

int scopeflow__file_open(scopeflow__file *self, scopeflow_bytes path, scopeflow_file_mode mode) {
    self->descriptor = -1;
    self->is_mid_line = false;
    self->rotation_count = 0;
    self->rotation_error = 0;
    self->names[0] = NULL;
    self->path = absolute_path(path, &self->path_len);
    if (self->path == NULL) return ENOMEM;
    self->names[0] = (char *)malloc(2 * (self->path_len + FILE_SUFFIX_BYTES));
    int reason = self->names[0] != NULL ? make_folders(self->path) : ENOMEM;
    if (reason == 0)
        reason = open_at_path(self, mode == SCOPEFLOW_FILE_MODE_OVERWRITE ? O_TRUNC : 0);
    if (reason == 0)
        self->names[1] = self->names[0] + self->path_len + FILE_SUFFIX_BYTES;
    else
        scopeflow__file_close(self);
    return reason;
}

void scopeflow__file_leave(scopeflow__file *self) {
    int const inherited = __atomic_exchange_n(&self->descriptor, -1, __ATOMIC_ACQ_REL);
    if (inherited >= 0) (void)close(inherited);
    self->is_mid_line = false;
    self->rotation_count = 0;
    self->rotation_error = 0;
}

void scopeflow__file_close(scopeflow__file *self) {
    scopeflow__file_leave(self);
    free(self->names[0]);
    free(self->path);
}

/* --- Rotation --- */

/* The first number from 1 on whose name is free, or the last one. */
static uint32_t free_number(const scopeflow__file *self) {
    uint32_t number = 1;
    while (number < self->kept_count && access(rotated_name(self, number), F_OK) == 0) number++;
    return number;
}

/* Renames `<path>` to `<path>.1` and what is in the way further up; the last one goes. */
static int shift_names(const scopeflow__file *self) {
    for (uint32_t number = free_number(self); number > 1; number--) {
        const char *const from = rotated_name(self, number - 1);
        const char *const to = rotated_name(self, number);
        if (rename(from, to) != 0 && errno != ENOENT) return errno;
    }
    return rename(self->path, rotated_name(self, 1)) != 0 ? errno : 0;
}

static bool is_same_file(const scopeflow__file *self, const struct stat *facts) {
    return facts->st_dev == self->device && facts->st_ino == self->inode;
}

/* Of several processes that find the file full one rotates it: it locks the file itself, and who
 * gets the lock later finds another file at the path. */
static int rotate_file(scopeflow__file *self) {
    struct stat facts;
    if (flock(self->descriptor, LOCK_EX | LOCK_NB) != 0) return 0;
    if (stat(self->path, &facts) == 0 && is_same_file(self, &facts)) {
        int const reason = shift_names(self);
        if (reason != 0) {
            self->rotation_error = reason;
            (void)flock(self->descriptor, LOCK_UN);
            return 0;
        }
        self->rotation_count++;
    }
    return open_at_path(self, 0); /* Closes the old one, which unlocks it. */
}

/* --- Writing --- */

/* A line of which another file has the first half begins anew. */
static size_t line_start(const char *lines, size_t at) {
    while (at > 0 && lines[at - 1] != '\n') at--;
    return at;
}

/* The end of the lines from `at` on that may be written at once, at least of one. */
static size_t lines_end(const char *lines, size_t len, size_t at, uint64_t room_bytes) {
    if (len - at <= room_bytes) return len;
    const char *const first = (const char *)memchr(lines + at, '\n', len - at);
    size_t const first_end = first != NULL ? (size_t)(first - lines) + 1 : len;
    if (first_end - at >= room_bytes) return first_end; /* A long line is not looked through. */
    return line_start(lines, at + (size_t)room_bytes);
}

/* Opens what is not open, or not any more what the path means. `*out_bytes` is the file's size. */
static int look_at_path(scopeflow__file *self, uint64_t *out_bytes) {
    struct stat facts;
    *out_bytes = 0;
    if (self->descriptor >= 0 && !self->is_regular) return 0;
    if (self->descriptor < 0 || stat(self->path, &facts) != 0 || !is_same_file(self, &facts)) {
        int const reason = open_at_path(self, 0);
        if (reason != 0) return reason;
        if (fstat(self->descriptor, &facts) != 0) return errno;
    }
    *out_bytes = (uint64_t)facts.st_size;
    return 0;
}

/* Ends a half line that nobody will complete. One that has grown since is somebody's who is still
 * writing. */
static int end_half_line(scopeflow__file *self, uint64_t size_bytes) {
    bool const is_left = self->half_line_bytes != 0 && (off_t)size_bytes == self->half_line_bytes;
    if (is_left || self->needs_line_end) {
        ssize_t const written = write(self->descriptor, "\n", 1);
        if (written < 0) return errno;
    }
    self->half_line_bytes = 0;
    self->needs_line_end = false;
    return 0;
}

/* Says how many bytes may be written now. */
static int make_file_ready(scopeflow__file *self, const char *lines, size_t len, size_t *at,
                           uint64_t *out_room_bytes) {
    ino_t const inode = self->inode;
    uint64_t size_bytes;
    int reason = look_at_path(self, &size_bytes);
    if (reason != 0) return reason;
    *out_room_bytes = UINT64_MAX;
    bool const is_full = self->limit_bytes != 0 && size_bytes > 0 && self->is_regular &&
                         size_bytes + lines_end(lines, len, *at, 0) - *at > self->limit_bytes;
    if (is_full && !self->is_mid_line) {
        reason = rotate_file(self);
        if (reason == 0) reason = look_at_path(self, &size_bytes);
        if (reason != 0) return reason;
    }
    if (self->is_mid_line && self->inode != inode) *at = line_start(lines, *at);
    if (self->limit_bytes != 0) {
        uint64_t const left = size_bytes < self->limit_bytes ? self->limit_bytes - size_bytes : 0;
        if (left < *out_room_bytes) *out_room_bytes = left;
    }
    return end_half_line(self, size_bytes);
}

int scopeflow__file_write(scopeflow__file *self, const char *lines, size_t len, size_t *at) {
    while (*at < len) {
        uint64_t room_bytes;
        int const reason = make_file_ready(self, lines, len, at, &room_bytes);
        if (reason != 0) return reason;
        size_t const end = lines_end(lines, len, *at, room_bytes);
        ssize_t const written = write(self->descriptor, lines + *at, end - *at);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EBADF) { /* Somebody closed what is not theirs. */
            self->descriptor = -1;
            continue;
        }
        if (written <= 0) return written < 0 ? errno : ENOSPC;
        *at += (size_t)written;
        self->is_mid_line = lines[*at - 1] != '\n';
    }
    return 0;
}
#endif
