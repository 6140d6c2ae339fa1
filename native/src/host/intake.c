/* The way of a line into the queue, on the thread that emitted it (S5.6). */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/sink_state.h"

#if SCOPEFLOW_HOSTED
#include <errno.h>

/* Where a line goes. */
typedef enum intake_way {
    INTAKE_QUEUE,
    INTAKE_SPILL,
    INTAKE_NOWHERE,
    INTAKE_FILE /* There is no worker any more. */
} intake_way;

static intake_way spill_way(const scopeflow_atof_sink *self, uint64_t bytes) {
    return scopeflow__spill_has_room(&self->spill, bytes) ? INTAKE_SPILL : INTAKE_NOWHERE;
}

static void wait_for_room(scopeflow_atof_sink *self) {
    self->room_waiter_count++;
    scopeflow__worker_wake(self);
    (void)pthread_cond_wait(&self->room, &self->lock);
    self->room_waiter_count--;
}

/* What the line and a mark before it need. The lock is let go while it waits. */
static intake_way find_way(scopeflow_atof_sink *self, size_t line_bytes, size_t *out_bytes) {
    for (;;) {
        bool const has_mark = self->dropped.count > 0;
        if (self->worker == SCOPEFLOW__WORKER_ENDED) return INTAKE_FILE;
        *out_bytes = line_bytes + (has_mark ? (size_t)SCOPEFLOW__DROPPED_LINE_BYTES : 0);
        /* What has spilled is older. */
        if (scopeflow__spill_is_used(&self->spill)) return spill_way(self, *out_bytes);
        if (scopeflow__queue_has_room(&self->queue, *out_bytes, has_mark ? 2 : 1))
            return INTAKE_QUEUE;
        if (self->overflow == SCOPEFLOW_SINK_OVERFLOW_SPILL) return spill_way(self, *out_bytes);
        if (self->overflow == SCOPEFLOW_SINK_OVERFLOW_DROP) return INTAKE_NOWHERE;
        /* S4.4: a disk that is full holds up no call. */
        if (self->is_failing || self->is_closing) return INTAKE_NOWHERE;
        wait_for_room(self);
    }
}

/* Also sees to a batch for what goes to the queue; memory is allocated without the lock. */
static intake_way prepare_way(scopeflow_atof_sink *self, size_t line_bytes) {
    for (;;) {
        size_t bytes;
        intake_way const way = find_way(self, line_bytes, &bytes);
        if (way != INTAKE_QUEUE || scopeflow__queue_has_batch(&self->queue, bytes)) return way;
        (void)pthread_mutex_unlock(&self->lock);
        scopeflow__batch *const batch = scopeflow__batch_new(bytes);
        (void)pthread_mutex_lock(&self->lock);
        if (batch == NULL) {
            scopeflow__sink_note_error(self, ENOMEM);
            return INTAKE_NOWHERE;
        }
        scopeflow__queue_lend(&self->queue, batch);
    }
}

static bool put_line_by(scopeflow_atof_sink *self, intake_way way, scopeflow_bytes line) {
    if (way == INTAKE_SPILL) {
        int const reason = scopeflow__spill_put(&self->spill, line);
        if (reason != 0) {
            scopeflow__sink_note_error(self, reason);
            return false;
        }
    } else {
        scopeflow__queue_put(&self->queue, line);
    }
    self->accepted_count++;
    return true;
}

static bool put_mark_by(scopeflow_atof_sink *self, intake_way way) {
    char text[SCOPEFLOW__DROPPED_LINE_BYTES];
    size_t const len = scopeflow__dropped_line(&self->dropped, text);
    if (!put_line_by(self, way, scopeflow__text(text, len))) return false;
    self->dropped.count = 0;
    return true;
}

bool scopeflow__intake_put_mark(scopeflow_atof_sink *self) {
    if (self->dropped.count == 0) return false;
    if (!scopeflow__queue_has_batch(&self->queue, SCOPEFLOW__DROPPED_LINE_BYTES)) {
        (void)pthread_mutex_unlock(&self->lock);
        scopeflow__batch *const batch = scopeflow__batch_new(0);
        (void)pthread_mutex_lock(&self->lock);
        if (batch == NULL) return false;
        scopeflow__queue_lend(&self->queue, batch);
    }
    bool const has_room =
        scopeflow__queue_has_room(&self->queue, SCOPEFLOW__DROPPED_LINE_BYTES, 1) &&
        scopeflow__queue_has_batch(&self->queue, SCOPEFLOW__DROPPED_LINE_BYTES) &&
        !scopeflow__spill_is_used(&self->spill);
    bool const is_wanted = self->dropped.count > 0 && self->worker == SCOPEFLOW__WORKER_RUNNING;
    return is_wanted && has_room && put_mark_by(self, INTAKE_QUEUE);
}

/* Only a first line wakes the worker, and one that makes a full batch of what it gathers. */
static bool ends_doze(scopeflow_atof_sink *self) {
    bool const is_over =
        self->doze == SCOPEFLOW__DOZE_IDLE || (self->doze == SCOPEFLOW__DOZE_GATHERING &&
                                               self->queue.bytes >= SCOPEFLOW__FILE_BATCH_BYTES);
    if (is_over) self->doze = SCOPEFLOW__DOZE_AWAKE;
    return is_over;
}

static bool take_line(scopeflow_atof_sink *self, scopeflow_bytes line, const scopeflow_uuid *root) {
    intake_way const way = prepare_way(self, line.len);
    if (way == INTAKE_FILE) return false;
    bool is_taken = way != INTAKE_NOWHERE;
    if (is_taken && self->dropped.count > 0) is_taken = put_mark_by(self, way);
    is_taken = is_taken && put_line_by(self, way, line);
    if (is_taken && way == INTAKE_SPILL) self->stats.spilled_event_count++;
    if (!is_taken) {
        self->stats.dropped_event_count++;
        scopeflow__dropped_add(&self->dropped, root);
    }
    return true;
}

bool scopeflow__intake_put(scopeflow_atof_sink *self, scopeflow_bytes line,
                           const scopeflow_uuid *root) {
    if (self->delivery != SCOPEFLOW_SINK_DELIVERY_QUEUED) return false;
    (void)pthread_mutex_lock(&self->lock);
    scopeflow__batch *const inherited = self->inherited;
    self->inherited = NULL;
    bool const is_taken = take_line(self, line, root);
    bool const starts = is_taken && self->worker == SCOPEFLOW__WORKER_NONE;
    if (starts) self->worker = SCOPEFLOW__WORKER_RUNNING;
    bool const wakes = is_taken && ends_doze(self);
    (void)pthread_mutex_unlock(&self->lock);
    if (wakes) (void)pthread_cond_signal(&self->work); /* It would wait for the lock at once. */
    scopeflow__batch_free(inherited);
    if (starts) scopeflow__worker_start(self);
    return is_taken;
}
#endif
