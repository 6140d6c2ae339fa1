/* The file sink (S5.6): a subscriber that appends each event as one line, at once or through a
 * queue and a worker. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/sink_state.h"

#include "base/checks.gen.h"
#include "base/sink.h"

#if SCOPEFLOW_HOSTED
#include <errno.h>
#include <stdlib.h>

/* One for each `register`: a sink may serve several runtimes. */
typedef struct sink_registration {
    scopeflow_atof_sink *sink;
    scopeflow_runtime *runtime; /* Not held: the runtime holds the registration. */
    scopeflow_uuid root;
} sink_registration;

/* --- Texts of errors --- */

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

/* The number's digits, at the end of `out`. */
static scopeflow_bytes count_text(uint64_t count, char out[20]) {
    size_t at = 20;
    do {
        out[--at] = (char)('0' + count % 10);
        count /= 10;
    } while (count > 0);
    return scopeflow__text(out + at, 20 - at);
}

/* --- Opening --- */

static void take_options(scopeflow_atof_sink *self,
                         const scopeflow_atof_sink_open_options *options) {
    memset(self, 0, sizeof *self);
    self->refs = 1;
    self->delivery = options->delivery;
    self->overflow = options->overflow;
    self->delay_ns = options->delay_ns;
    self->exit_timeout_ns = options->exit_timeout_ns;
    self->file.limit_bytes = options->file_limit_bytes;
    self->file.kept_count = options->kept_file_count;
    self->queue.limit_bytes = options->queue_limit_bytes;
    self->queue.limit_count = options->queue_event_limit;
}

static bool init_locks(scopeflow_atof_sink *self) {
    if (pthread_mutex_init(&self->lock, NULL) != 0) return false;
    if (pthread_mutex_init(&self->file_lock, NULL) != 0) return false;
    return scopeflow__condition_init(&self->work) && scopeflow__condition_init(&self->room) &&
           scopeflow__condition_init(&self->settled);
}

/* Returns 0 or an errno; a failure leaves nothing behind but the file. */
static int init_sink(scopeflow_atof_sink *self, const scopeflow_atof_sink_open_options *options) {
    take_options(self, options);
    int const reason = scopeflow__file_open(&self->file, options->path, options->mode);
    if (reason != 0) return reason;
    if (scopeflow__spill_init(&self->spill, self->file.path, options->spill_limit_bytes)) {
        if (init_locks(self)) return 0;
        scopeflow__spill_deinit(&self->spill);
    }
    scopeflow__file_close(&self->file);
    return ENOMEM;
}

scopeflow_status scopeflow_atof_sink_open(const scopeflow_atof_sink_open_options *options,
                                          scopeflow_atof_sink **out_sink,
                                          scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_atof_sink_open(options, out_sink, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    SCOPEFLOW__REQUIRE(options->path.len <= SCOPEFLOW_NAME_SIZE_LIMIT_BYTES, out_error,
                       "path has more than 65535 bytes");
    SCOPEFLOW__REQUIRE(options->path.len > 0 &&
                           memchr(options->path.ptr, '\0', options->path.len) == NULL,
                       out_error, "path is empty or has a null byte");

    scopeflow_atof_sink *const self = (scopeflow_atof_sink *)malloc(sizeof *self);
    int const reason = self != NULL ? init_sink(self, options) : ENOMEM;
    if (reason != 0) {
        free(self);
        if (reason == ENOMEM) return scopeflow__fail_memory(out_error);
        return fail_system(out_error, "cannot open", options->path, reason);
    }
    scopeflow__process_add(self);
    *out_sink = self;
    return SCOPEFLOW_STATUS_OK;
}

/* --- Writing at once --- */

/* These need `file_lock`. */

static void account_for(scopeflow_atof_sink *self, uint64_t line_count, size_t bytes, int reason) {
    (void)pthread_mutex_lock(&self->lock);
    self->stats.written_event_count += line_count;
    self->stats.written_bytes += bytes;
    self->stats.rotation_count = self->file.rotation_count;
    scopeflow__sink_note_attempt(self, reason, self->file.rotation_error);
    self->file.rotation_error = 0;
    (void)pthread_mutex_unlock(&self->lock);
}

/* Completes a line of which a full disk took only the start. */
static bool complete_cut_line(scopeflow_atof_sink *self) {
    scopeflow__batch *const cut = self->cut_line;
    if (cut == NULL) return true;
    size_t const began_at = cut->at;
    int const reason =
        scopeflow__file_write(&self->file, scopeflow__batch_bytes(cut), cut->len, &cut->at);
    account_for(self, reason == 0 ? 1 : 0, cut->at > began_at ? cut->at - began_at : 0, reason);
    if (reason != 0) return false;
    self->cut_line = NULL;
    scopeflow__batch_free(cut);
    return true;
}

/* A line of which some is in the file is kept, to be completed before the next. */
static bool keep_cut_line(scopeflow_atof_sink *self, scopeflow_bytes line, size_t at) {
    self->cut_line = scopeflow__batch_new(line.len);
    if (self->cut_line == NULL) {
        self->file.needs_line_end = true;
        self->file.is_mid_line = false;
        return false;
    }
    scopeflow__batch_put(self->cut_line, line);
    self->cut_line->at = at;
    return true;
}

/* False when the line is lost. */
static bool write_line(scopeflow_atof_sink *self, scopeflow_bytes line) {
    size_t at = 0;
    int const reason = scopeflow__file_write(&self->file, line.ptr, line.len, &at);
    account_for(self, reason == 0 ? 1 : 0, at, reason);
    return reason == 0 || (at > 0 && keep_cut_line(self, line, at));
}

/* Writes the mark that tells of lost events, if there are any. */
static bool write_mark(scopeflow_atof_sink *self) {
    char text[SCOPEFLOW__DROPPED_LINE_BYTES];
    (void)pthread_mutex_lock(&self->lock);
    scopeflow__dropped const dropped = self->dropped;
    (void)pthread_mutex_unlock(&self->lock);
    if (dropped.count == 0) return true;
    size_t const len = scopeflow__dropped_line(&dropped, text);
    if (!write_line(self, scopeflow__text(text, len))) return false;
    (void)pthread_mutex_lock(&self->lock);
    self->dropped.count -= dropped.count; /* Others may have been lost meanwhile. */
    (void)pthread_mutex_unlock(&self->lock);
    return self->cut_line == NULL;
}

/* --- Delivery --- */

static void lose_event(scopeflow_atof_sink *self, const scopeflow_uuid *root, int reason) {
    (void)pthread_mutex_lock(&self->lock);
    self->stats.lost_event_count++;
    if (reason != 0) scopeflow__sink_note_error(self, reason);
    scopeflow__dropped_add(&self->dropped, root);
    (void)pthread_mutex_unlock(&self->lock);
}

static void write_at_once(scopeflow_atof_sink *self, scopeflow_bytes line,
                          const scopeflow_uuid *root) {
    (void)pthread_mutex_lock(&self->file_lock);
    bool const is_written = complete_cut_line(self) && write_mark(self) && write_line(self, line);
    (void)pthread_mutex_unlock(&self->file_lock);
    if (!is_written) lose_event(self, root, 0);
}

/* S5.7: the worker has no runtime and runs no host code: the next event tells what went wrong. */
static void tell_failure(const sink_registration *registration) {
    scopeflow_atof_sink *const self = registration->sink;
    uint32_t const reason = scopeflow__load_u32(&self->untold_error);
    if (reason == 0 || !scopeflow__swap_u32(&self->untold_error, reason, 0)) return;
    scopeflow__sink_log_failure(registration->runtime,
                                scopeflow__text(self->file.path, self->file.path_len),
                                scopeflow__c_text(strerror((int)reason)));
}

static void deliver_to_file(void *context, scopeflow_event *event) {
    const sink_registration *const registration = (const sink_registration *)context;
    scopeflow_atof_sink *const self = registration->sink;
    scopeflow_bytes line;
    if (!scopeflow__event_line_with_end(event, &line))
        lose_event(self, &registration->root, ENOMEM);
    else if (!scopeflow__intake_put(self, line, &registration->root))
        write_at_once(self, line, &registration->root);
    tell_failure(registration);
}

/* --- Life --- */

bool scopeflow__sink_hold(scopeflow_atof_sink *self) {
    uint32_t refs = scopeflow__load_u32(&self->refs);
    while (refs > 0) {
        if (scopeflow__swap_u32(&self->refs, refs, refs + 1)) return true;
        refs = scopeflow__load_u32(&self->refs);
    }
    return false;
}

void scopeflow__sink_destroy(scopeflow_atof_sink *self) {
    scopeflow__process_remove(self);
    (void)pthread_mutex_lock(&self->file_lock);
    if (complete_cut_line(self)) (void)write_mark(self);
    scopeflow__file_close(&self->file);
    (void)pthread_mutex_unlock(&self->file_lock);
    scopeflow__spill_deinit(&self->spill);
    scopeflow__batch_free(scopeflow__queue_clear(&self->queue));
    scopeflow__batch_free(self->inherited);
    scopeflow__batch_free(self->cut_line);
    (void)pthread_cond_destroy(&self->work);
    (void)pthread_cond_destroy(&self->room);
    (void)pthread_cond_destroy(&self->settled);
    (void)pthread_mutex_destroy(&self->file_lock);
    (void)pthread_mutex_destroy(&self->lock);
    free(self);
}

/* Leaves the rest to a worker that is stuck in a write. False when it has ended after all. */
static bool orphan_worker(scopeflow_atof_sink *self) {
    (void)pthread_mutex_lock(&self->lock);
    bool const is_running = self->worker == SCOPEFLOW__WORKER_RUNNING;
    if (is_running) {
        self->is_orphaned = true;
        if (self->has_thread) (void)pthread_detach(self->thread);
        self->has_thread = false;
    }
    (void)pthread_mutex_unlock(&self->lock);
    return is_running;
}

void scopeflow__sink_release(scopeflow_atof_sink *self) {
    if (!scopeflow__ref_down(&self->refs)) return;
    int64_t const deadline_ns = scopeflow__deadline_after(self->exit_timeout_ns);
    scopeflow__worker_ask_to_end(self);
    if (!scopeflow__worker_await_end(self, deadline_ns) && orphan_worker(self)) return;
    (void)scopeflow__worker_await_end(self, deadline_ns); /* It may have ended in between. */
    scopeflow__sink_destroy(self);
}

/* A deregistration: what it has queued is written before it returns. */
static void end_registration(void *context) {
    sink_registration *const registration = (sink_registration *)context;
    scopeflow_atof_sink *const sink = registration->sink;
    free(registration);
    (void)scopeflow__worker_drain(sink, scopeflow__deadline_after(sink->exit_timeout_ns));
    scopeflow__sink_release(sink);
}

static scopeflow_status root_of(scopeflow_runtime *runtime, scopeflow_uuid *out_uuid,
                                scopeflow_error *out_error) {
    scopeflow_scope *root = NULL;
    scopeflow_scope_info info;
    scopeflow_status status = scopeflow_runtime_root(runtime, &root, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    status = scopeflow_scope_describe(root, &info, out_error);
    *out_uuid = info.uuid;
    scopeflow_scope_release(root);
    return status;
}

scopeflow_status scopeflow_atof_sink_register(scopeflow_atof_sink *self, scopeflow_runtime *runtime,
                                              scopeflow_bytes name, scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__check_atof_sink_register(self, runtime, name, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    sink_registration *const made = (sink_registration *)malloc(sizeof *made);
    if (made == NULL) return scopeflow__fail_memory(out_error);
    made->sink = self;
    made->runtime = runtime;
    scopeflow__ref_up(&self->refs);
    status = root_of(runtime, &made->root, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__sink_register(runtime, name, deliver_to_file, end_registration, made,
                                          out_error);
    if (status == SCOPEFLOW_STATUS_OK) return status;
    free(made);
    (void)scopeflow__ref_down(&self->refs); /* The caller has another. */
    return status;
}

void scopeflow_atof_sink_free(scopeflow_atof_sink *self) {
    if (self != NULL) scopeflow__sink_release(self);
}

/* --- What is asked of it --- */

static int take_first_error(scopeflow_atof_sink *self) {
    (void)pthread_mutex_lock(&self->lock);
    int const reason = self->first_error;
    self->first_error = 0;
    if (reason != 0) scopeflow__store_u32(&self->untold_error, 0);
    (void)pthread_mutex_unlock(&self->lock);
    return reason;
}

scopeflow_status scopeflow_atof_sink_flush(scopeflow_atof_sink *self, uint64_t timeout_ns,
                                           scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_atof_sink_flush(self, timeout_ns, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    uint64_t const left_count =
        scopeflow__worker_drain(self, scopeflow__deadline_after(timeout_ns));
    int const reason = take_first_error(self);
    char digits[20];
    if (reason != 0 && left_count == 0)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                               SCOPEFLOW__TEXT("an event was not written: "),
                               scopeflow__c_text(strerror(reason)), SCOPEFLOW__TEXT(""));
    if (reason != 0)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                               scopeflow__c_text(strerror(reason)),
                               SCOPEFLOW__TEXT("; events that still wait to be written: "),
                               count_text(left_count, digits));
    if (left_count > 0)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_LIMIT_EXCEEDED,
                               SCOPEFLOW__TEXT("the timeout of the flush has passed; events that "
                                               "still wait to be written: "),
                               count_text(left_count, digits), SCOPEFLOW__TEXT(""));
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_atof_sink_read_stats(scopeflow_atof_sink *self,
                                                scopeflow_sink_stats *out_stats,
                                                scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_atof_sink_read_stats(self, out_stats, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    (void)pthread_mutex_lock(&self->lock);
    *out_stats = self->stats;
    out_stats->queued_event_count = self->accepted_count - self->settled_count;
    (void)pthread_mutex_unlock(&self->lock);
    return SCOPEFLOW_STATUS_OK;
}
#endif
