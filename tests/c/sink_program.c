/* A process that emits to a file, for test_sink_processes.py:
 *
 *     sink_program PATH END [OPTION=NUMBER ...]
 *
 * END is what happens when every thread has emitted its events: `flush` flushes and returns,
 * `return` only returns from main, `_exit` leaves without a word, `wait` waits to be killed. With
 * `forks=N` the main thread forks N children while the others emit; each emits too and exits. With
 * `pauses=1` no thread is within an operation at that moment and the worker rests. */
#define _DEFAULT_SOURCE 1
#include "sink_files.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREAD_LIMIT = 8 };

typedef struct program {
    scopeflow_atof_sink_open_options options;
    sink_run run;
    int thread_count;
    int event_count;
    int fork_count;
    int first_thread; /* What the first thread's events are called. */
    bool pauses;
} program;

static program self;
static pthread_mutex_t emitting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t beginning = PTHREAD_COND_INITIALIZER;
static int begun_count; /* Threads that run. */

static void read_option(const char *text) {
    const char *const value = strchr(text, '=');
    size_t const len = value != NULL ? (size_t)(value - text) : 0;
    long long const number = value != NULL ? atoll(value + 1) : 0;
#define IS(name) (len == sizeof(name) - 1 && memcmp(text, name, len) == 0)
    if (IS("threads")) self.thread_count = (int)number;
    if (IS("events")) self.event_count = (int)number;
    if (IS("forks")) self.fork_count = (int)number;
    if (IS("first")) self.first_thread = (int)number;
    if (IS("pauses")) self.pauses = number != 0;
    if (IS("delivery")) self.options.delivery = (scopeflow_sink_delivery)number;
    if (IS("overflow")) self.options.overflow = (scopeflow_sink_overflow)number;
    if (IS("queue")) self.options.queue_limit_bytes = (uint64_t)number;
    if (IS("delay")) self.options.delay_ns = (uint32_t)number;
    if (IS("exit_timeout")) self.options.exit_timeout_ns = (uint64_t)number;
    if (IS("file_limit")) self.options.file_limit_bytes = (uint64_t)number;
    if (IS("kept")) self.options.kept_file_count = (uint32_t)number;
#undef IS
}

static void pause_others(void) {
    if (self.pauses) (void)pthread_mutex_lock(&emitting);
}

static void resume_others(void) {
    if (self.pauses) (void)pthread_mutex_unlock(&emitting);
}

static void *emit_events(void *context) {
    int const thread = *(const int *)context;
    (void)pthread_mutex_lock(&emitting);
    begun_count++;
    (void)pthread_cond_signal(&beginning);
    (void)pthread_mutex_unlock(&emitting);
    for (int i = 0; i < self.event_count; i++) {
        pause_others();
        sink_emit(&self.run, thread, i);
        resume_others();
    }
    return NULL;
}

/* The child's events are of a thread of their own. */
static void run_child(int number) {
    if (scopeflow_runtime_after_fork(self.run.runtime, NULL) != SCOPEFLOW_STATUS_OK) exit(5);
    for (int i = 0; i < 20; i++) sink_emit(&self.run, number, i);
    exit(0);
}

static void await_threads(void) {
    (void)pthread_mutex_lock(&emitting);
    while (begun_count < self.thread_count) (void)pthread_cond_wait(&beginning, &emitting);
    (void)pthread_mutex_unlock(&emitting);
}

/* The worker allocates and frees too. What it does after it has written one line, it has done when
 * it has written the next, whose batch it keeps, for the line took one that it had kept. */
static void rest_worker(void) {
    static int emitted_count = 0;
    for (int i = 0; i < 2; i++) {
        sink_emit(&self.run, THREAD_LIMIT - 1, emitted_count++);
        (void)!scopeflow_atof_sink_flush(self.run.sink, 60000000000ull, NULL);
    }
}

static int fork_children(void) {
    int failed = 0;
    if (self.pauses) await_threads();
    for (int i = 0; i < self.fork_count; i++) {
        pause_others();
        if (self.pauses) rest_worker();
        pid_t const child = fork();
        if (child == 0) run_child(THREAD_LIMIT + i % 8);
        resume_others();
        int status = 1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) failed = 1;
    }
    return failed;
}

int main(int count, char **arguments) {
    pthread_t threads[THREAD_LIMIT];
    int numbers[THREAD_LIMIT];
    if (count < 3) return 2;
    self.options = sink_options(arguments[1]);
    self.thread_count = 1;
    self.event_count = 100;
    for (int i = 3; i < count; i++) read_option(arguments[i]);
    self.run = sink_begin(&self.options);

    for (int i = 0; i < self.thread_count; i++) {
        numbers[i] = self.first_thread + i;
        if (pthread_create(&threads[i], NULL, emit_events, &numbers[i]) != 0) return 3;
    }
    int const failed = fork_children();
    for (int i = 0; i < self.thread_count; i++) (void)pthread_join(threads[i], NULL);

    const char *const end = arguments[2];
    puts("emitted");
    fflush(stdout);
    if (strcmp(end, "wait") == 0) pause();
    if (strcmp(end, "_exit") == 0) _exit(failed);
    if (strcmp(end, "flush") == 0 &&
        scopeflow_atof_sink_flush(self.run.sink, 60000000000ull, NULL) != SCOPEFLOW_STATUS_OK)
        return 4;
    return failed;
}
