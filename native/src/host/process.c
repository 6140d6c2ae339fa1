/* All file sinks of the process. It has to know them when it forks and when it exits; nothing else
 * in the library outlives its runtime. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/sink_state.h"

#if SCOPEFLOW_HOSTED
#include <stdlib.h>

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static scopeflow_atof_sink *process_sinks;
static bool process_is_watched;

/* --- Fork (S1.13); Windows has none --- */

#if !defined(_WIN32)

/* A thread that the child will not have may hold no lock at the moment of the fork. The file's is
 * not waited for, since a disk may hold it long; the child makes it new instead. */
static void before_fork(void) {
    (void)pthread_mutex_lock(&process_lock);
    for (scopeflow_atof_sink *sink = process_sinks; sink != NULL; sink = sink->next)
        (void)pthread_mutex_lock(&sink->lock);
}

static void after_fork_in_parent(void) {
    for (scopeflow_atof_sink *sink = process_sinks; sink != NULL; sink = sink->next)
        (void)pthread_mutex_unlock(&sink->lock);
    (void)pthread_mutex_unlock(&process_lock);
}

/* What waits is the parent's to write. Its batches are only put aside: no memory is freed here,
 * where another thread may have been in the allocator. */
static void inherit_nothing(scopeflow_atof_sink *self) {
    scopeflow__batch *const writing = self->writing;
    self->inherited = scopeflow__queue_clear(&self->queue);
    if (writing != NULL) {
        writing->next = self->inherited;
        self->inherited = writing;
    }
    self->writing = NULL;
    self->cut_line = NULL;
    scopeflow__spill_leave(&self->spill);
    scopeflow__file_leave(&self->file);
    memset(&self->dropped, 0, sizeof self->dropped);
    memset(&self->stats, 0, sizeof self->stats);
    self->accepted_count = 0;
    self->settled_count = 0;
    self->room_waiter_count = 0;
    self->flush_waiter_count = 0;
    self->first_error = 0;
    self->untold_error = 0;
    self->is_in_trouble = false;
    self->is_failing = false;
    self->is_closing = false;
    self->worker = SCOPEFLOW__WORKER_NONE;
    self->doze = SCOPEFLOW__DOZE_AWAKE;
    self->has_thread = false;
}

/* What a thread that is gone may hold or wait for. */
static void renew_locks(scopeflow_atof_sink *self) {
    (void)pthread_mutex_init(&self->file_lock, NULL);
    (void)scopeflow__condition_init(&self->work);
    (void)scopeflow__condition_init(&self->room);
    (void)scopeflow__condition_init(&self->settled);
}

static void after_fork_in_child(void) {
    for (scopeflow_atof_sink *sink = process_sinks; sink != NULL; sink = sink->next) {
        renew_locks(sink);
        inherit_nothing(sink);
        (void)pthread_mutex_unlock(&sink->lock);
    }
    (void)pthread_mutex_unlock(&process_lock);
}
#endif

static void watch_forks(void) {
#if !defined(_WIN32)
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
#endif
}

/* --- Exit --- */

/* The next sink that was not waited for, held. Needs the lock. */
static scopeflow_atof_sink *next_unseen(void) {
    scopeflow_atof_sink *sink = process_sinks;
    while (sink != NULL && (sink->is_seen_at_exit || !scopeflow__sink_hold(sink)))
        sink = sink->next;
    if (sink != NULL) sink->is_seen_at_exit = true;
    return sink;
}

/* Runs at `exit`, and where the library is unloaded before. All workers are asked first, so that
 * the longest deadline is what it takes at most; they are joined, so that none runs in code that
 * is gone. */
static void drain_all(void) {
    scopeflow_atof_sink *sink;
    int64_t const began_at_ns = scopeflow__monotonic_ns();
    (void)pthread_mutex_lock(&process_lock);
    for (sink = process_sinks; sink != NULL; sink = sink->next) scopeflow__worker_ask_to_end(sink);
    while ((sink = next_unseen()) != NULL) {
        (void)pthread_mutex_unlock(&process_lock);
        int64_t const late_ns = scopeflow__monotonic_ns() - began_at_ns;
        int64_t const deadline_ns = scopeflow__deadline_after(sink->exit_timeout_ns) - late_ns;
        (void)scopeflow__worker_await_end(sink, deadline_ns);
        scopeflow__sink_release(sink);
        (void)pthread_mutex_lock(&process_lock);
    }
    (void)pthread_mutex_unlock(&process_lock);
}

/* --- The list --- */

void scopeflow__process_add(scopeflow_atof_sink *sink) {
    (void)pthread_mutex_lock(&process_lock);
    bool const is_first = !process_is_watched;
    process_is_watched = true;
    sink->next = process_sinks;
    sink->previous = NULL;
    if (process_sinks != NULL) process_sinks->previous = sink;
    process_sinks = sink;
    (void)pthread_mutex_unlock(&process_lock);
    if (!is_first) return;
    watch_forks();
    (void)atexit(drain_all);
}

void scopeflow__process_remove(scopeflow_atof_sink *sink) {
    (void)pthread_mutex_lock(&process_lock);
    if (sink->previous != NULL)
        sink->previous->next = sink->next;
    else
        process_sinks = sink->next;
    if (sink->next != NULL) sink->next->previous = sink->previous;
    (void)pthread_mutex_unlock(&process_lock);
}
#endif
