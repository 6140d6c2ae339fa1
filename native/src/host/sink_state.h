/* A file sink, and what its parts ask of each other: intake.c takes lines on the emitting threads,
 * worker.c writes them, atof_sink.c has the public operations, process.c knows all sinks of the
 * process.
 *
 * `lock` is held for a few instructions and, where lines spill, for the write to the spill file;
 * never while the event file is written or memory allocated. Whoever needs both takes `file_lock`
 * first. */
#ifndef SCOPEFLOW__SINK_STATE_H
#define SCOPEFLOW__SINK_STATE_H

#include "host/dropped.h"
#include "host/file.h"
#include "host/queue.h"
#include "host/spill.h"
#include "host/waiting.h"

#if SCOPEFLOW_HOSTED

typedef enum scopeflow__worker_state {
    SCOPEFLOW__WORKER_NONE, /* Nothing was queued yet. */
    SCOPEFLOW__WORKER_RUNNING,
    SCOPEFLOW__WORKER_ENDED /* From now on lines are written at once. */
} scopeflow__worker_state;

/* What the worker waits for, when it waits. */
typedef enum scopeflow__doze {
    SCOPEFLOW__DOZE_AWAKE,
    SCOPEFLOW__DOZE_IDLE,      /* For a first line. */
    SCOPEFLOW__DOZE_GATHERING, /* For more lines to write together. */
    SCOPEFLOW__DOZE_RESTING    /* For the disk to recover. */
} scopeflow__doze;

struct scopeflow_atof_sink {
    uint32_t refs;
    scopeflow_sink_delivery delivery;
    scopeflow_sink_overflow overflow;
    uint32_t delay_ns;
    uint64_t exit_timeout_ns;

    pthread_mutex_t file_lock;
    scopeflow__file file;
    scopeflow__batch *cut_line; /* A line written at once of which a full disk took the start. */

    pthread_mutex_t lock; /* Guards all below. */
    pthread_cond_t work;
    pthread_cond_t room;
    pthread_cond_t settled;
    scopeflow__queue queue;
    scopeflow__spill spill;
    scopeflow__dropped dropped;
    scopeflow__batch *writing;   /* What the worker has taken out of the queue. */
    scopeflow__batch *inherited; /* A parent's batches, to be freed outside the fork handler. */
    uint64_t accepted_count;     /* Lines that were queued ... */
    uint64_t settled_count;      /* ... and those of them that were written or given up. */
    uint64_t failure_count;      /* Attempts to write that failed. */
    uint32_t room_waiter_count;
    uint32_t flush_waiter_count;
    int first_error;       /* An errno since the last flush, or 0. */
    uint32_t untold_error; /* An errno for the log; read without the lock. */
    bool is_in_trouble;    /* It failed, and has not written since. */

    scopeflow__worker_state worker;
    scopeflow__doze doze;
    pthread_t thread;
    bool has_thread;
    bool is_busy;     /* The last wait for more to write together has brought much. */
    bool is_closing;  /* The worker ends when nothing waits any more, or cannot be written. */
    bool is_failing;  /* The last attempt failed. */
    bool is_orphaned; /* Its owner has stopped waiting for the worker, which cleans up. */
    scopeflow_sink_stats stats;

    /* Guarded by the lock of process.c. */
    scopeflow_atof_sink *next;
    scopeflow_atof_sink *previous;
    bool is_seen_at_exit;
};

/* --- intake.c --- */

/* Queues a line or does what the overflow policy says. False when it is to be written at once. */
bool scopeflow__intake_put(scopeflow_atof_sink *self, scopeflow_bytes line,
                           const scopeflow_uuid *root);
/* Queues the mark that tells of dropped events, if there are any and there is room. Needs `lock`,
 * and lets it go for a moment. */
bool scopeflow__intake_put_mark(scopeflow_atof_sink *self);

/* --- worker.c --- */

/* Starts the worker, or where the system gives no thread does its work. Called once, unlocked. */
void scopeflow__worker_start(scopeflow_atof_sink *self);
/* Wakes it from any wait. Needs `lock`. */
void scopeflow__worker_wake(scopeflow_atof_sink *self);
/* Waits until what was queued before is settled, an attempt fails, or the deadline has passed.
 * Returns how many lines are left. */
uint64_t scopeflow__worker_drain(scopeflow_atof_sink *self, int64_t deadline_ns);
void scopeflow__worker_ask_to_end(scopeflow_atof_sink *self);
/* False when the deadline has passed. */
bool scopeflow__worker_await_end(scopeflow_atof_sink *self, int64_t deadline_ns);

/* These need `lock`. A trouble is for the log once, however many attempts fail. */
static inline void scopeflow__sink_note_error(scopeflow_atof_sink *self, int reason) {
    self->stats.write_error_count++;
    if (self->first_error == 0) self->first_error = reason;
    if (!self->is_in_trouble) scopeflow__store_u32(&self->untold_error, (uint32_t)reason);
    self->is_in_trouble = true;
}
static inline void scopeflow__sink_note_attempt(scopeflow_atof_sink *self, int reason,
                                                int rotation_reason) {
    if (reason == 0 && rotation_reason == 0) self->is_in_trouble = false;
    if (reason != 0) scopeflow__sink_note_error(self, reason);
    if (rotation_reason != 0) scopeflow__sink_note_error(self, rotation_reason);
}

/* --- atof_sink.c --- */

bool scopeflow__sink_hold(scopeflow_atof_sink *self); /* False when it is just being freed. */
void scopeflow__sink_release(scopeflow_atof_sink *self);
void scopeflow__sink_destroy(scopeflow_atof_sink *self);

/* --- process.c --- */

void scopeflow__process_add(scopeflow_atof_sink *sink);
void scopeflow__process_remove(scopeflow_atof_sink *sink);

#endif
#endif
