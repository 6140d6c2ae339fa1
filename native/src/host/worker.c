/* The thread that writes what is queued. It starts with the first line, ends when the sink is given
 * back or the process exits, and sleeps while there is nothing to do. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/sink_state.h"

#if SCOPEFLOW_HOSTED
#include <signal.h>

/* How long a disk that failed is left alone. */
#define WORKER_REST_NS 100000000
/* Where lines come fast it waits for this part of the delay only, to find most of a batch by
 * itself: to be woken would cost those who emit. */
#define WORKER_BUSY_PART 32
/* So many bytes of a batch in one wait are fast. */
#define WORKER_BUSY_BYTES (SCOPEFLOW__FILE_BATCH_BYTES / 8)
/* It calls little; the sanitizers need most of it. */
#define WORKER_STACK_BYTES 262144

/* --- Waiting --- */

void scopeflow__worker_wake(scopeflow_atof_sink *self) {
    if (self->doze == SCOPEFLOW__DOZE_AWAKE) return;
    self->doze = SCOPEFLOW__DOZE_AWAKE;
    (void)pthread_cond_signal(&self->work);
}

static void doze_until(scopeflow_atof_sink *self, scopeflow__doze doze, int64_t deadline_ns) {
    self->doze = doze;
    while (self->doze == doze && scopeflow__wait_until(&self->work, &self->lock, deadline_ns)) {
    }
    self->doze = SCOPEFLOW__DOZE_AWAKE;
}

static bool is_urgent(const scopeflow_atof_sink *self) {
    return self->is_closing || self->flush_waiter_count > 0 || self->room_waiter_count > 0;
}

static bool has_lines_to_write(const scopeflow_atof_sink *self) {
    return self->accepted_count != self->settled_count;
}

/* Waits for more to write together. */
static void gather(scopeflow_atof_sink *self) {
    if (self->delay_ns == 0 || is_urgent(self) || scopeflow__spill_is_used(&self->spill) ||
        self->writing != NULL || self->queue.bytes >= SCOPEFLOW__FILE_BATCH_BYTES)
        return;
    doze_until(self, SCOPEFLOW__DOZE_GATHERING,
               scopeflow__deadline_after(self->is_busy ? self->delay_ns / WORKER_BUSY_PART
                                                       : self->delay_ns));
    self->is_busy = self->queue.bytes >= WORKER_BUSY_BYTES;
}

/* False when it is time to end. */
static bool await_lines(scopeflow_atof_sink *self) {
    if (self->is_failing && !self->is_closing)
        doze_until(self, SCOPEFLOW__DOZE_RESTING, scopeflow__deadline_after(WORKER_REST_NS));
    while (!has_lines_to_write(self)) {
        if (scopeflow__intake_put_mark(self)) break;
        if (has_lines_to_write(self)) break; /* The mark let go of the lock. */
        if (self->is_closing) return false;
        self->doze = SCOPEFLOW__DOZE_IDLE;
        while (self->doze == SCOPEFLOW__DOZE_IDLE)
            (void)pthread_cond_wait(&self->work, &self->lock);
    }
    gather(self);
    return true;
}

/* --- Writing --- */

/* Tells those who wait, once there is something to be told. */
static void announce_progress(scopeflow_atof_sink *self) {
    const scopeflow__queue *const queue = &self->queue;
    bool const is_half_empty =
        queue->bytes <= queue->limit_bytes / 2 && queue->line_count <= queue->limit_count / 2;
    if (self->room_waiter_count > 0 && (is_half_empty || self->is_failing || self->is_closing))
        (void)pthread_cond_broadcast(&self->room);
    if (self->flush_waiter_count > 0) (void)pthread_cond_broadcast(&self->settled);
}

/* The next batch in the order of emission: the queue is older than what has spilled. */
static int take_batch(scopeflow_atof_sink *self) {
    if (self->writing == NULL) self->writing = scopeflow__queue_take(&self->queue);
    if (self->writing != NULL) return 0;
    scopeflow__batch *batch = NULL;
    scopeflow__spill const as_of_now = self->spill; /* Others go on putting. */
    (void)pthread_mutex_unlock(&self->lock);
    int const reason = scopeflow__spill_read(&as_of_now, &batch);
    (void)pthread_mutex_lock(&self->lock);
    if (reason != 0) return reason;
    self->writing = batch;
    scopeflow__queue_count(&self->queue, batch);
    scopeflow__spill_taken(&self->spill, batch);
    return 0;
}

static uint64_t count_lines(scopeflow__batch *batch) {
    if (batch->at == batch->len) return batch->line_count;
    uint64_t count = 0;
    for (size_t i = 0; i < batch->at; i++) count += scopeflow__batch_bytes(batch)[i] == '\n';
    return count;
}

/* Accounts for what was written; returns the batch if it is to be freed. */
static scopeflow__batch *settle_batch(scopeflow_atof_sink *self, size_t written_bytes, int reason) {
    scopeflow__batch *const batch = self->writing;
    uint64_t const line_count = count_lines(batch);
    uint64_t const more = line_count > batch->settled_count ? line_count - batch->settled_count : 0;
    batch->settled_count += more;
    self->settled_count += more;
    self->stats.written_event_count += more;
    self->stats.written_bytes += written_bytes;
    self->is_failing = reason != 0;
    if (reason != 0) {
        self->failure_count++;
        return NULL;
    }
    self->writing = NULL;
    return scopeflow__queue_return(&self->queue, batch);
}

static void fail_to_take(scopeflow_atof_sink *self, int reason) {
    self->is_failing = true;
    self->failure_count++;
    scopeflow__sink_note_error(self, reason);
}

static void write_batch(scopeflow_atof_sink *self) {
    int reason = take_batch(self);
    if (reason != 0) {
        fail_to_take(self, reason);
        announce_progress(self);
        return;
    }
    scopeflow__batch *const batch = self->writing;
    size_t const began_at = batch->at;
    (void)pthread_mutex_unlock(&self->lock);
    (void)pthread_mutex_lock(&self->file_lock);
    reason =
        scopeflow__file_write(&self->file, scopeflow__batch_bytes(batch), batch->len, &batch->at);
    int const rotation_error = self->file.rotation_error;
    self->file.rotation_error = 0;
    uint64_t const rotation_count = self->file.rotation_count;
    (void)pthread_mutex_unlock(&self->file_lock);
    (void)pthread_mutex_lock(&self->lock);
    self->stats.rotation_count = rotation_count;
    scopeflow__sink_note_attempt(self, reason, rotation_error);
    scopeflow__batch *const done =
        settle_batch(self, batch->at > began_at ? batch->at - began_at : 0, reason);
    announce_progress(self);
    if (done == NULL) return;
    (void)pthread_mutex_unlock(&self->lock);
    scopeflow__batch_free(done);
    (void)pthread_mutex_lock(&self->lock);
}

/* --- Life --- */

/* What cannot be written when the sink ends is lost; what has spilled stays in its file. */
static void give_up_lines(scopeflow_atof_sink *self) {
    self->stats.lost_event_count += self->accepted_count - self->settled_count;
    self->settled_count = self->accepted_count;
}

static void *run_worker(void *context) {
    scopeflow_atof_sink *const self = (scopeflow_atof_sink *)context;
    (void)pthread_mutex_lock(&self->lock);
    while (await_lines(self)) {
        write_batch(self);
        if (self->is_closing && self->is_failing) break;
    }
    give_up_lines(self);
    scopeflow__batch *const left = scopeflow__queue_clear(&self->queue);
    scopeflow__batch *const writing = self->writing;
    self->writing = NULL;
    self->worker = SCOPEFLOW__WORKER_ENDED;
    bool const is_orphaned = self->is_orphaned;
    (void)pthread_cond_broadcast(&self->room);
    (void)pthread_cond_broadcast(&self->settled);
    (void)pthread_mutex_unlock(&self->lock);
    scopeflow__batch_free(left);
    scopeflow__batch_free(writing);
    scopeflow__spill_remove(&self->spill); /* At exit nobody else does. */
    if (is_orphaned) scopeflow__sink_destroy(self);
    return NULL;
}

/* No signal handler of the application runs on this thread. */
static bool create_thread(scopeflow_atof_sink *self, pthread_t *out_thread) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    (void)pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
#if !defined(_WIN32)
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
    bool const is_made = pthread_create(out_thread, &attributes, run_worker, self) == 0;
#if !defined(_WIN32)
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
#endif
    (void)pthread_attr_destroy(&attributes);
    return is_made;
}

void scopeflow__worker_start(scopeflow_atof_sink *self) {
    pthread_t thread;
    if (create_thread(self, &thread)) {
        (void)pthread_mutex_lock(&self->lock);
        self->thread = thread;
        self->has_thread = true;
        (void)pthread_mutex_unlock(&self->lock);
        return;
    }
    (void)pthread_mutex_lock(&self->lock);
    self->is_closing = true;
    (void)pthread_mutex_unlock(&self->lock);
    (void)run_worker(self);
}

/* Waits for what is queued now. Needs `lock`; returns how many lines are left. */
static uint64_t await_settled(scopeflow_atof_sink *self, int64_t deadline_ns) {
    uint64_t const wanted_count = self->accepted_count;
    uint64_t const failure_count = self->failure_count;
    scopeflow__worker_wake(self);
    while (self->settled_count < wanted_count && self->failure_count == failure_count &&
           scopeflow__wait_until(&self->settled, &self->lock, deadline_ns)) {
    }
    return self->settled_count < wanted_count ? wanted_count - self->settled_count : 0;
}

uint64_t scopeflow__worker_drain(scopeflow_atof_sink *self, int64_t deadline_ns) {
    (void)pthread_mutex_lock(&self->lock);
    bool const is_running = self->worker == SCOPEFLOW__WORKER_RUNNING;
    if (is_running) (void)scopeflow__intake_put_mark(self);
    bool const has_untold = is_running && self->dropped.count > 0; /* No room for the mark yet. */
    self->flush_waiter_count++;
    uint64_t left_count = await_settled(self, deadline_ns);
    if (left_count == 0 && has_untold) {
        (void)scopeflow__intake_put_mark(self);
        left_count = await_settled(self, deadline_ns);
    }
    self->flush_waiter_count--;
    (void)pthread_mutex_unlock(&self->lock);
    return left_count;
}

void scopeflow__worker_ask_to_end(scopeflow_atof_sink *self) {
    (void)pthread_mutex_lock(&self->lock);
    if (self->worker == SCOPEFLOW__WORKER_NONE) self->worker = SCOPEFLOW__WORKER_ENDED;
    self->is_closing = true;
    scopeflow__worker_wake(self);
    (void)pthread_mutex_unlock(&self->lock);
}

bool scopeflow__worker_await_end(scopeflow_atof_sink *self, int64_t deadline_ns) {
    (void)pthread_mutex_lock(&self->lock);
    self->flush_waiter_count++;
    while (self->worker == SCOPEFLOW__WORKER_RUNNING &&
           scopeflow__wait_until(&self->settled, &self->lock, deadline_ns)) {
    }
    self->flush_waiter_count--;
    bool const is_ended = self->worker != SCOPEFLOW__WORKER_RUNNING;
    bool const joins = is_ended && self->has_thread;
    pthread_t const thread = self->thread;
    if (joins) self->has_thread = false;
    (void)pthread_mutex_unlock(&self->lock);
    if (joins) (void)pthread_join(thread, NULL);
    return is_ended;
}
#endif
