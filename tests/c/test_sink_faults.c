/* The file sink on a system that refuses: a disk that is full for a while, no memory, no thread.
 * The linker puts this program's functions in the place of the system's. */
#define _DEFAULT_SOURCE 1
#include "check.h"
#include "sink_files.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define PLENTY_NS 60000000000ull

/* --- The system --- */

static atomic_llong disk_bytes = -1;  /* What still fits on the disk; -1: everything. */
static atomic_llong memory_left = -1; /* How many allocations succeed; -1: all. */
static atomic_bool has_threads = true;

ssize_t __real_write(int descriptor, const void *bytes, size_t len);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t len);
void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);

ssize_t __wrap_write(int descriptor, const void *bytes, size_t len) {
    long long const left = atomic_load(&disk_bytes);
    if (left < 0) return __real_write(descriptor, bytes, len);
    if (left == 0) {
        errno = ENOSPC;
        return -1;
    }
    size_t const fitting = len < (size_t)left ? len : (size_t)left;
    atomic_store(&disk_bytes, left - (long long)fitting);
    return __real_write(descriptor, bytes, fitting);
}

static bool has_memory(void) {
    long long const left = atomic_load(&memory_left);
    if (left > 0) atomic_store(&memory_left, left - 1);
    return left != 0;
}

void *__wrap_malloc(size_t len) {
    return has_memory() ? __real_malloc(len) : NULL;
}

/* What a compiler makes of `malloc` and `memset`. */
void *__wrap_calloc(size_t count, size_t size) {
    return has_memory() ? __real_calloc(count, size) : NULL;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context) {
    return atomic_load(&has_threads) ? __real_pthread_create(thread, attributes, run, context)
                                     : EAGAIN;
}

static scopeflow_atof_sink_open_options queued(const char *path) {
    scopeflow_atof_sink_open_options options = sink_options(path);
    options.delivery = SCOPEFLOW_SINK_DELIVERY_QUEUED;
    return options;
}

static scopeflow_status flush(const sink_run *run, scopeflow_error *error) {
    return scopeflow_atof_sink_flush(run->sink, PLENTY_NS, error);
}

/* --- A full disk --- */

static void a_line_that_was_cut_is_completed(void) {
    for (long long cut = 1; cut < 200; cut += 37) {
        scopeflow_atof_sink_open_options const options = sink_options(sink_path("cut"));
        scopeflow_error error;
        sink_run run = sink_begin(&options);
        sink_emit(&run, 0, 0);
        atomic_store(&disk_bytes, cut);
        for (int i = 1; i < 4; i++) sink_emit(&run, 0, i);
        CHECK(flush(&run, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
        CHECK(strstr(error.message, "No space left") != NULL);
        CHECK(sink_stats(&run).lost_event_count == 2);
        CHECK(flush(&run, NULL) == SCOPEFLOW_STATUS_OK); /* Told once. */
        atomic_store(&disk_bytes, -1);
        for (int i = 4; i < 6; i++) sink_emit(&run, 0, i);
        sink_end(&run);
        sink_lines const lines = sink_lines_of(options.path.ptr);
        CHECK(lines.is_whole && lines.is_in_order && lines.next[0] == 6);
        CHECK(lines.count + lines.dropped_count == 6 && lines.mark_count == 1);
        CHECK(remove(options.path.ptr) == 0);
    }
}

static void a_disk_that_stays_full_for_a_byte_at_a_time(void) {
    scopeflow_atof_sink_open_options const options = sink_options(sink_path("bytes"));
    sink_run run = sink_begin(&options);
    for (int i = 0; i < 2000; i++) {
        atomic_store(&disk_bytes, i % 50);
        sink_emit(&run, 0, i);
    }
    atomic_store(&disk_bytes, -1);
    sink_emit(&run, 0, 2000);
    scopeflow_sink_stats const stats = sink_stats(&run);
    sink_end(&run);
    sink_lines const lines = sink_lines_of(options.path.ptr);
    CHECK(lines.is_whole && lines.is_in_order && lines.next[0] == 2001);
    CHECK(lines.count + lines.dropped_count == 2001);
    CHECK(stats.written_event_count == lines.count + lines.mark_count);
    CHECK(stats.written_bytes == sink_file_size(options.path.ptr));
}

static void what_is_queued_waits_for_room_on_the_disk(void) {
    scopeflow_atof_sink_open_options const options = queued(sink_path("patient"));
    scopeflow_error error;
    sink_run run = sink_begin(&options);
    atomic_store(&disk_bytes, 1000);
    for (int i = 0; i < 100; i++) sink_emit(&run, 0, i);
    CHECK(flush(&run, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "No space left") != NULL);
    CHECK(strstr(error.message, "still wait") != NULL);
    CHECK(sink_stats(&run).queued_event_count > 90);
    atomic_store(&disk_bytes, -1);
    while (sink_stats(&run).queued_event_count > 0) usleep(1000); /* Without being asked. */
    sink_end(&run);
    sink_lines const lines = sink_lines_of(options.path.ptr);
    CHECK(lines.is_whole && lines.is_in_order && lines.count == 100 && lines.mark_count == 0);
}

/* S4.4: whatever the policy, no call waits for a disk that is full. */
static void a_full_queue_on_a_full_disk_drops(void) {
    for (scopeflow_sink_overflow overflow = 0; overflow < 3; overflow++) {
        scopeflow_atof_sink_open_options options = queued(sink_path("full"));
        options.overflow = overflow;
        options.queue_limit_bytes = 4096;
        options.spill_limit_bytes = 4096;
        sink_run run = sink_begin(&options);
        atomic_store(&disk_bytes, 100);
        for (int i = 0; i < 200; i++) sink_emit(&run, 0, i);
        CHECK(sink_stats(&run).dropped_event_count > 0);
        atomic_store(&disk_bytes, -1);
        while (sink_stats(&run).queued_event_count > 0) usleep(1000);
        sink_emit(&run, 0, 200);
        sink_end(&run);
        sink_lines const lines = sink_lines_of(options.path.ptr);
        CHECK(lines.is_whole && lines.is_in_order && lines.next[0] == 201);
        CHECK(lines.count + lines.dropped_count == 201);
        CHECK(remove(options.path.ptr) == 0);
    }
}

static void a_sink_that_ends_on_a_full_disk_gives_up(void) {
    scopeflow_atof_sink_open_options const options = queued(sink_path("hopeless"));
    sink_run run = sink_begin(&options);
    atomic_store(&disk_bytes, 500);
    for (int i = 0; i < 100; i++) sink_emit(&run, 0, i);
    sink_end(&run);
    atomic_store(&disk_bytes, -1);
    CHECK(sink_file_size(options.path.ptr) == 500);
    sink_run again = sink_begin(&options); /* Ends the half line. */
    sink_emit(&again, 1, 0);
    sink_end(&again);
    CHECK(sink_lines_of(options.path.ptr).next[1] == 1);
}

static void a_line_that_was_cut_begins_anew_in_a_new_file(void) {
    for (int i = 0; i < 2; i++) {
        scopeflow_atof_sink_open_options options = sink_options(sink_path("moved"));
        scopeflow_error error;
        options.delivery =
            i == 0 ? SCOPEFLOW_SINK_DELIVERY_WRITTEN : SCOPEFLOW_SINK_DELIVERY_QUEUED;
        sink_run run = sink_begin(&options);
        atomic_store(&disk_bytes, 100);
        sink_emit(&run, 0, 0);
        CHECK(flush(&run, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
        CHECK(remove(options.path.ptr) == 0);
        atomic_store(&disk_bytes, -1);
        sink_emit(&run, 0, 1);
        sink_end(&run);
        sink_lines const lines = sink_lines_of(options.path.ptr);
        CHECK(lines.is_whole && lines.is_in_order && lines.count == 2);
        CHECK(remove(options.path.ptr) == 0);
    }
}

/* --- No memory, no thread --- */

static void an_opening_without_memory_fails_cleanly(void) {
    scopeflow_status status = SCOPEFLOW_STATUS_NO_MEMORY;
    for (long long i = 0; status != SCOPEFLOW_STATUS_OK; i++) {
        scopeflow_atof_sink_open_options const options = queued(sink_path("memory"));
        scopeflow_atof_sink *sink = NULL;
        atomic_store(&memory_left, i);
        status = scopeflow_atof_sink_open(&options, &sink, NULL);
        atomic_store(&memory_left, -1);
        CHECK((status == SCOPEFLOW_STATUS_OK) == (sink != NULL));
        CHECK(status == SCOPEFLOW_STATUS_OK || status == SCOPEFLOW_STATUS_NO_MEMORY);
        scopeflow_atof_sink_free(sink);
        CHECK(i < 20);
    }
}

static void a_registration_without_memory_changes_nothing(void) {
    scopeflow_atof_sink_open_options const options = queued(sink_path("registered"));
    scopeflow_bytes const name = {"again", 5};
    sink_run run = sink_begin(&options);
    scopeflow_status status = SCOPEFLOW_STATUS_NO_MEMORY;
    for (long long i = 0; status != SCOPEFLOW_STATUS_OK; i++) {
        atomic_store(&memory_left, i);
        status = scopeflow_atof_sink_register(run.sink, run.runtime, name, NULL);
        atomic_store(&memory_left, -1);
        CHECK(status == SCOPEFLOW_STATUS_OK || status == SCOPEFLOW_STATUS_NO_MEMORY);
    }
    uint32_t removed = 0;
    CHECK(scopeflow_deregister_subscriber(run.runtime, name, &removed, NULL) == 0 && removed == 1);
    sink_emit(&run, 0, 0);
    sink_end(&run);
    CHECK(sink_lines_of(options.path.ptr).count == 1);
}

static void an_event_without_memory_is_told(void) {
    enum { EVENTS = 2000 }; /* More than the spare blocks take. */
    scopeflow_atof_sink_open_options const options = queued(sink_path("blocks"));
    sink_run run = sink_begin(&options);
    sink_emit(&run, 0, 0);
    CHECK(flush(&run, NULL) == SCOPEFLOW_STATUS_OK);
    atomic_store(&disk_bytes, 0);
    atomic_store(&memory_left, 0);
    for (int i = 1; i < EVENTS; i++) sink_emit(&run, 0, i);
    atomic_store(&memory_left, -1);
    scopeflow_sink_stats const stats = sink_stats(&run);
    CHECK(stats.dropped_event_count > 0 && stats.queued_event_count > 0);
    CHECK(stats.write_error_count >= stats.dropped_event_count);
    atomic_store(&disk_bytes, -1);
    sink_emit(&run, 0, EVENTS);
    sink_end(&run);
    sink_lines const lines = sink_lines_of(options.path.ptr);
    CHECK(lines.is_whole && lines.is_in_order && lines.mark_count == 1);
    CHECK(lines.count + lines.dropped_count == EVENTS + 1);
    CHECK(lines.dropped_count == stats.dropped_event_count);
}

static void a_cut_line_without_memory_is_ended(void) {
    scopeflow_atof_sink_open_options const options = sink_options(sink_path("lost"));
    sink_run run = sink_begin(&options);
    sink_emit(&run, 0, 0);
    size_t const size = sink_file_size(options.path.ptr);
    size_t failed_count = 0;
    for (long long i = 0; i < 12; i++) { /* One of them is the copy of the rest. */
        atomic_store(&disk_bytes, 10);
        atomic_store(&memory_left, i);
        scopeflow_scope_event_options event = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
        scopeflow_task task;
        scopeflow_step step;
        event.name.ptr = "1.0";
        event.name.len = 3;
        failed_count += scopeflow_scope_event(run.runtime, &event, &task, &step, NULL) != 0;
        atomic_store(&memory_left, -1);
        atomic_store(&disk_bytes, -1);
        sink_emit(&run, 0, 1 + (int)i);
    }
    sink_end(&run);
    CHECK(failed_count < 12 && sink_file_size(options.path.ptr) > 12 * size);
    /* Whatever was broken stands in a line of its own. */
    CHECK(sink_lines_of(options.path.ptr).next[0] == 13);
}

static void without_a_thread_lines_are_written_at_once(void) {
    scopeflow_atof_sink_open_options const options = queued(sink_path("threadless"));
    sink_run run = sink_begin(&options);
    atomic_store(&has_threads, false);
    for (int i = 0; i < 3; i++) {
        sink_emit(&run, 0, i);
        CHECK(sink_lines_of(options.path.ptr).count == (size_t)i + 1);
    }
    atomic_store(&has_threads, true);
    CHECK(flush(&run, NULL) == SCOPEFLOW_STATUS_OK);
    sink_end(&run);
    sink_lines const lines = sink_lines_of(options.path.ptr);
    CHECK(lines.is_whole && lines.is_in_order && lines.count == 3 && lines.mark_count == 0);
}

int main(void) {
    static const test tests[] = {
        {"a line that was cut is completed", a_line_that_was_cut_is_completed},
        {"a disk that stays full for a byte at a time",
         a_disk_that_stays_full_for_a_byte_at_a_time},
        {"what is queued waits for room on the disk", what_is_queued_waits_for_room_on_the_disk},
        {"a full queue on a full disk drops", a_full_queue_on_a_full_disk_drops},
        {"a sink that ends on a full disk gives up", a_sink_that_ends_on_a_full_disk_gives_up},
        {"a line that was cut begins anew in a new file",
         a_line_that_was_cut_begins_anew_in_a_new_file},
        {"an opening without memory fails cleanly", an_opening_without_memory_fails_cleanly},
        {"a registration without memory changes nothing",
         a_registration_without_memory_changes_nothing},
        {"an event without memory is told", an_event_without_memory_is_told},
        {"a cut line without memory is ended", a_cut_line_without_memory_is_ended},
        {"without a thread lines are written at once", without_a_thread_lines_are_written_at_once},
    };
    sink_folder_make();
    int const failed = RUN_TESTS(tests);
    sink_folder_remove();
    return failed;
}
