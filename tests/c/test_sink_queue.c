/* The file sink's queue: nothing is lost, reordered or cut, whatever the policy; what is dropped is
 * counted and told. A disk that does not answer is a pipe that nobody reads. */
#define _DEFAULT_SOURCE 1
#include "check.h"
#include "sink_files.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 8, EVENTS = 1500 };
#define SECOND_NS 1000000000ull

static scopeflow_atof_sink_open_options queued(const char *path) {
    scopeflow_atof_sink_open_options options = sink_options(path);
    options.delivery = SCOPEFLOW_SINK_DELIVERY_QUEUED;
    return options;
}

static scopeflow_status flush(const sink_run *run, uint64_t timeout_ns, scopeflow_error *error) {
    return scopeflow_atof_sink_flush(run->sink, timeout_ns, error);
}

/* --- A pipe in the file's place --- */

typedef struct stuck_pipe {
    const char *path;
    int reader;
    size_t filling_bytes; /* What it was filled with, so that the first write waits. */
    sink_lines lines;
} stuck_pipe;

static stuck_pipe pipe_make(const char *name) {
    stuck_pipe self;
    memset(&self, 0, sizeof self);
    self.path = sink_path(name);
    CHECK(mkfifo(self.path, 0600) == 0);
    self.reader = open(self.path, O_RDWR | O_NONBLOCK);
    CHECK(self.reader >= 0);
    while (write(self.reader, "\n", 1) == 1) self.filling_bytes++;
    return self;
}

static void pipe_open(stuck_pipe *self) {
    char byte;
    while (self->filling_bytes > 0 && read(self->reader, &byte, 1) == 1) self->filling_bytes--;
}

/* All that is written until the sink has nothing left. */
static void pipe_read(stuck_pipe *self, const sink_run *run, char *text, size_t *len, size_t size) {
    pipe_open(self);
    for (;;) {
        bool const is_last = run == NULL || sink_stats(run).queued_event_count == 0;
        ssize_t const count = read(self->reader, text + *len, size - *len);
        if (count > 0) *len += (size_t)count;
        if (count <= 0 && is_last) return;
        if (count <= 0) usleep(1000);
    }
}

enum { PIPE_TEXT_BYTES = 8000000 };

/* --- Tests --- */

static void queued_lines_are_written_in_their_order(void) {
    scopeflow_atof_sink_open_options const options = queued(sink_path("order"));
    sink_run run = sink_begin(&options);
    for (int i = 0; i < EVENTS; i++) sink_emit(&run, 0, i);
    CHECK(flush(&run, 60 * SECOND_NS, NULL) == SCOPEFLOW_STATUS_OK);
    sink_lines const lines = sink_lines_of(options.path.ptr);
    CHECK(lines.is_whole && lines.is_in_order && lines.count == EVENTS && lines.mark_count == 0);
    scopeflow_sink_stats const stats = sink_stats(&run);
    CHECK(stats.written_event_count == EVENTS && stats.queued_event_count == 0);
    CHECK(stats.written_bytes == sink_file_size(options.path.ptr));
    CHECK(stats.dropped_event_count == 0 && stats.lost_event_count == 0);
    CHECK(stats.write_error_count == 0 && stats.spilled_event_count == 0);
    sink_end(&run);
}

/* Bounded, so that a test fails in place of hanging. */
static bool is_written_in_time(const sink_run *run, uint64_t count) {
    for (int i = 0; i < 20000 && sink_stats(run).written_event_count < count; i++) usleep(1000);
    return sink_stats(run).written_event_count == count;
}

/* Who follows the file sees what happens, though nobody flushes: one line after a pause, and the
 * last ones of a burst. */
static void lines_get_into_the_file_by_themselves(void) {
    scopeflow_atof_sink_open_options const options = queued(sink_path("alone"));
    sink_run run = sink_begin(&options);
    int emitted = 0;
    for (int i = 0; i < 3; i++) {
        sink_emit(&run, 0, emitted++);
        CHECK(is_written_in_time(&run, (uint64_t)emitted));
        usleep(20000); /* Longer than the worker waits for more: it sleeps again. */
    }
    for (int i = 0; i < EVENTS; i++) sink_emit(&run, 0, emitted++);
    CHECK(is_written_in_time(&run, (uint64_t)emitted));
    usleep(20000);
    sink_emit(&run, 0, emitted++);
    CHECK(is_written_in_time(&run, (uint64_t)emitted));
    sink_lines const lines = sink_lines_of(options.path.ptr);
    CHECK(lines.is_whole && lines.is_in_order && lines.count == (size_t)emitted);
    sink_end(&run);
}

static size_t thread_count(void) {
    struct stat facts;
    return stat("/proc/self/task", &facts) == 0 ? (size_t)facts.st_nlink - 2 : 0;
}

static void there_is_no_thread_before_the_first_event(void) {
    if (thread_count() == 0) return; /* No /proc here. */
    size_t const before = thread_count();
    scopeflow_atof_sink_open_options const options = queued(sink_path("threads"));
    sink_run run = sink_begin(&options);
    CHECK(flush(&run, SECOND_NS, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(thread_count() == before);
    sink_emit(&run, 0, 0);
    CHECK(thread_count() == before + 1);
    sink_emit(&run, 0, 1);
    CHECK(thread_count() == before + 1);
    sink_end(&run);
    while (thread_count() != before) usleep(1000); /* The system may still list one that ended. */
}

typedef struct emitter_thread {
    const sink_run *run;
    int number;
} emitter_thread;

static void *emit_many(void *context) {
    const emitter_thread *const self = (const emitter_thread *)context;
    for (int i = 0; i < EVENTS; i++) sink_emit(self->run, self->number, i);
    return NULL;
}

static void emit_on_threads(const sink_run *run) {
    pthread_t threads[THREADS];
    emitter_thread contexts[THREADS];
    for (int i = 0; i < THREADS; i++) {
        contexts[i].run = run;
        contexts[i].number = i;
        if (pthread_create(&threads[i], NULL, emit_many, &contexts[i]) != 0) abort();
    }
    for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
}

static void check_threads(const char *path, const sink_run *run) {
    sink_lines const lines = sink_lines_of(path);
    CHECK(lines.is_whole && lines.is_in_order);
    CHECK(lines.count + lines.dropped_count == THREADS * EVENTS);
    scopeflow_sink_stats const stats = sink_stats(run);
    CHECK(stats.dropped_event_count == lines.dropped_count);
    CHECK(stats.written_event_count == lines.count + lines.mark_count);
}

static void eight_threads_emit(void) {
    static const struct {
        const char *name;
        scopeflow_sink_delivery delivery;
        scopeflow_sink_overflow overflow;
        uint64_t file_limit_bytes;
    } rows[] = {
        {"at once", SCOPEFLOW_SINK_DELIVERY_WRITTEN, SCOPEFLOW_SINK_OVERFLOW_BLOCK, 0},
        {"block", SCOPEFLOW_SINK_DELIVERY_QUEUED, SCOPEFLOW_SINK_OVERFLOW_BLOCK, 0},
        {"drop", SCOPEFLOW_SINK_DELIVERY_QUEUED, SCOPEFLOW_SINK_OVERFLOW_DROP, 0},
        {"spill", SCOPEFLOW_SINK_DELIVERY_QUEUED, SCOPEFLOW_SINK_OVERFLOW_SPILL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scopeflow_atof_sink_open_options options = queued(sink_path(rows[i].name));
        options.delivery = rows[i].delivery;
        options.overflow = rows[i].overflow;
        options.queue_limit_bytes = 4096;
        sink_run run = sink_begin(&options);
        emit_on_threads(&run);
        CHECK(flush(&run, 60 * SECOND_NS, NULL) == SCOPEFLOW_STATUS_OK);
        check_threads(options.path.ptr, &run);
        bool const may_drop = rows[i].overflow == SCOPEFLOW_SINK_OVERFLOW_DROP;
        CHECK(may_drop || sink_stats(&run).dropped_event_count == 0);
        sink_end(&run);
        CHECK(!sink_file_exists(sink_path("spill.spill")));
    }
}

static void a_queue_of_few_events_blocks(void) {
    scopeflow_atof_sink_open_options options = queued(sink_path("few"));
    options.queue_event_limit = 1;
    sink_run run = sink_begin(&options);
    emit_on_threads(&run);
    CHECK(flush(&run, 60 * SECOND_NS, NULL) == SCOPEFLOW_STATUS_OK);
    check_threads(options.path.ptr, &run);
    sink_end(&run);
}

static void what_is_dropped_is_told_in_its_place(void) {
    stuck_pipe stuck = pipe_make("drop pipe");
    scopeflow_atof_sink_open_options options = queued(stuck.path);
    options.overflow = SCOPEFLOW_SINK_OVERFLOW_DROP;
    options.queue_limit_bytes = 4096;
    sink_run run = sink_begin(&options);
    int emitted = 0;
    while (sink_stats(&run).dropped_event_count < 10) sink_emit(&run, 0, emitted++);
    unsigned long long const dropped = sink_stats(&run).dropped_event_count;

    static char text[PIPE_TEXT_BYTES];
    size_t len = 0;
    pipe_read(&stuck, &run, text, &len, sizeof text);
    sink_emit(&run, 0, emitted++);
    CHECK(flush(&run, 60 * SECOND_NS, NULL) == SCOPEFLOW_STATUS_OK);
    sink_end(&run);
    pipe_read(&stuck, NULL, text, &len, sizeof text);
    sink_lines_add(&stuck.lines, text, len);
    CHECK(stuck.lines.is_whole && stuck.lines.is_in_order);
    CHECK(stuck.lines.dropped_count == dropped && stuck.lines.mark_count >= 1);
    CHECK(stuck.lines.count + dropped == (size_t)emitted);
    CHECK(stuck.lines.next[0] == emitted);
    close(stuck.reader);
}

/* Emits until the policy has to do something, and some more. */
static int overflow_by(const sink_run *run, int count) {
    int emitted = 0;
    scopeflow_sink_stats stats = sink_stats(run);
    while (stats.spilled_event_count + stats.dropped_event_count < (uint64_t)count) {
        sink_emit(run, 0, emitted++);
        stats = sink_stats(run);
    }
    return emitted;
}

static void what_spills_comes_back_in_its_order(void) {
    stuck_pipe stuck = pipe_make("spill pipe");
    scopeflow_atof_sink_open_options options = queued(stuck.path);
    options.overflow = SCOPEFLOW_SINK_OVERFLOW_SPILL;
    options.queue_limit_bytes = 4096;
    sink_run run = sink_begin(&options);
    int emitted = overflow_by(&run, 1000);
    CHECK(sink_file_exists(sink_path("spill pipe.spill")));
    struct stat facts;
    CHECK(stat(sink_path("spill pipe.spill"), &facts) == 0 && (facts.st_mode & 0777) == 0600);

    static char text[PIPE_TEXT_BYTES];
    size_t len = 0;
    pipe_read(&stuck, &run, text, &len, sizeof text);
    for (int i = 0; i < 10; i++) sink_emit(&run, 0, emitted++); /* Through the queue again. */
    CHECK(sink_stats(&run).spilled_event_count == 1000);
    sink_end(&run);
    pipe_read(&stuck, NULL, text, &len, sizeof text);
    sink_lines_add(&stuck.lines, text, len);
    CHECK(stuck.lines.is_whole && stuck.lines.is_in_order && stuck.lines.mark_count == 0);
    CHECK(stuck.lines.count == (size_t)emitted);
    CHECK(!sink_file_exists(sink_path("spill pipe.spill")));
    close(stuck.reader);
}

static void a_spill_file_has_a_limit_and_a_name_of_its_own(void) {
    stuck_pipe stuck = pipe_make("limit pipe");
    scopeflow_atof_sink_open_options options = queued(stuck.path);
    options.overflow = SCOPEFLOW_SINK_OVERFLOW_SPILL;
    options.queue_limit_bytes = 4096;
    options.spill_limit_bytes = 8192;
    int const others = open(sink_path("limit pipe.spill"), O_CREAT | O_WRONLY, 0600);
    CHECK(others >= 0 && write(others, "other\n", 6) == 6 && close(others) == 0);
    sink_run run = sink_begin(&options);
    int emitted = overflow_by(&run, 100);
    scopeflow_sink_stats const stats = sink_stats(&run);
    CHECK(stats.spilled_event_count > 0 && stats.dropped_event_count > 0);
    CHECK(sink_file_size(sink_path("limit pipe.spill.1")) <= 8192);
    static char text[PIPE_TEXT_BYTES];
    size_t len = 0;
    pipe_read(&stuck, &run, text, &len, sizeof text);
    sink_emit(&run, 0, emitted++);
    sink_end(&run);
    pipe_read(&stuck, NULL, text, &len, sizeof text);
    sink_lines_add(&stuck.lines, text, len);
    CHECK(stuck.lines.is_whole && stuck.lines.is_in_order);
    CHECK(stuck.lines.count + stuck.lines.dropped_count == (size_t)emitted);
    CHECK(stuck.lines.dropped_count == stats.dropped_event_count);
    CHECK(sink_file_size(sink_path("limit pipe.spill")) == 6);
    CHECK(!sink_file_exists(sink_path("limit pipe.spill.1")));
    close(stuck.reader);
}

static void a_flush_that_takes_too_long_says_what_is_left(void) {
    stuck_pipe stuck = pipe_make("flush pipe");
    scopeflow_atof_sink_open_options options = queued(stuck.path);
    scopeflow_error error;
    options.overflow = SCOPEFLOW_SINK_OVERFLOW_DROP;
    options.queue_limit_bytes = 4096;
    sink_run run = sink_begin(&options);
    int const emitted = overflow_by(&run, 1);
    CHECK(flush(&run, 1000000, &error) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(strstr(error.message, "events that still wait") != NULL);
    CHECK(flush(&run, 0, &error) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    static char text[PIPE_TEXT_BYTES];
    size_t len = 0;
    pipe_read(&stuck, &run, text, &len, sizeof text);
    CHECK(flush(&run, 60 * SECOND_NS, &error) == SCOPEFLOW_STATUS_OK);
    sink_end(&run);
    pipe_read(&stuck, NULL, text, &len, sizeof text);
    sink_lines_add(&stuck.lines, text, len);
    CHECK(stuck.lines.is_whole && stuck.lines.mark_count == 1); /* Without a later line too. */
    CHECK(stuck.lines.count + stuck.lines.dropped_count == (size_t)emitted);
    close(stuck.reader);
}

static void a_deregistration_writes_what_is_queued(void) {
    scopeflow_atof_sink_open_options options = queued(sink_path("deregistered"));
    uint32_t removed;
    scopeflow_bytes const name = {"file", 4};
    options.delay_ns = 100000000;
    sink_run run = sink_begin(&options);
    emit_on_threads(&run);
    CHECK(scopeflow_deregister_subscriber(run.runtime, name, &removed, NULL) ==
          SCOPEFLOW_STATUS_OK);
    check_threads(options.path.ptr, &run);
    CHECK(scopeflow_atof_sink_register(run.sink, run.runtime, name, NULL) == SCOPEFLOW_STATUS_OK);
    sink_emit(&run, 8, 0);
    scopeflow_atof_sink_free(run.sink); /* The registration is the last that holds it. */
    CHECK(scopeflow_deregister_subscriber(run.runtime, name, &removed, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(sink_lines_of(options.path.ptr).count == THREADS * EVENTS + 1);
    scopeflow_runtime_free(run.runtime);
}

/* S5.6: what cannot be written in time is left to the worker; nobody hangs, nothing leaks. */
static void a_worker_that_is_stuck_is_left_behind(void) {
    stuck_pipe stuck = pipe_make("stuck pipe");
    scopeflow_atof_sink_open_options options = queued(stuck.path);
    options.overflow = SCOPEFLOW_SINK_OVERFLOW_DROP;
    options.queue_limit_bytes = 4096;
    options.exit_timeout_ns = 1000000;
    sink_run run = sink_begin(&options);
    (void)overflow_by(&run, 1);
    size_t const before = thread_count();
    sink_end(&run);
    static char text[PIPE_TEXT_BYTES];
    size_t len = 0;
    while (thread_count() != 0 && thread_count() == before) { /* Until the worker has ended. */
        pipe_read(&stuck, NULL, text, &len, sizeof text);
        usleep(1000);
    }
    pipe_read(&stuck, NULL, text, &len, sizeof text);
    sink_lines_add(&stuck.lines, text, len);
    CHECK(stuck.lines.is_whole && stuck.lines.mark_count == 1);
    close(stuck.reader);
}

static void a_line_longer_than_the_queue_is_taken_alone(void) {
    scopeflow_atof_sink_open_options options = queued(sink_path("long"));
    char name[65536];
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_scope_event_options event = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    options.queue_limit_bytes = 4096;
    options.overflow = SCOPEFLOW_SINK_OVERFLOW_DROP;
    sink_run run = sink_begin(&options);
    memset(name, 'x', sizeof name);
    event.name.ptr = name;
    event.name.len = sizeof name - 1;
    CHECK(scopeflow_scope_event(run.runtime, &event, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(flush(&run, 60 * SECOND_NS, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(sink_file_size(options.path.ptr) > sizeof name);
    CHECK(sink_stats(&run).written_event_count == 1);
    sink_end(&run);
}

int main(void) {
    static const test tests[] = {
        {"queued lines are written in their order", queued_lines_are_written_in_their_order},
        {"lines get into the file by themselves", lines_get_into_the_file_by_themselves},
        {"there is no thread before the first event", there_is_no_thread_before_the_first_event},
        {"eight threads emit", eight_threads_emit},
        {"a queue of few events blocks", a_queue_of_few_events_blocks},
        {"what is dropped is told in its place", what_is_dropped_is_told_in_its_place},
        {"what spills comes back in its order", what_spills_comes_back_in_its_order},
        {"a spill file has a limit and a name of its own",
         a_spill_file_has_a_limit_and_a_name_of_its_own},
        {"a flush that takes too long says what is left",
         a_flush_that_takes_too_long_says_what_is_left},
        {"a deregistration writes what is queued", a_deregistration_writes_what_is_queued},
        {"a worker that is stuck is left behind", a_worker_that_is_stuck_is_left_behind},
        {"a line longer than the queue is taken alone",
         a_line_longer_than_the_queue_is_taken_alone},
    };
    sink_folder_make();
    int const failed = RUN_TESTS(tests);
    sink_folder_remove();
    return failed;
}
