/* Opening, closing and marking: tasks only when somebody listens, else done at once. */
#include "pipeline/task.h"

#include "base/checks.gen.h"

/* --- push --- */

static scopeflow_status check_push(const scopeflow_scope_push_options *options,
                                   scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__name_check(options->name, "the name of a scope", out_error);
    if (status != SCOPEFLOW_STATUS_OK || options->subtype.len == 0) return status;
    SCOPEFLOW__REQUIRE(options->type == SCOPEFLOW_SCOPE_TYPE_CUSTOM, out_error,
                       "only a custom scope has a subtype");
    return scopeflow__name_check(options->subtype, "the subtype of a scope", out_error);
}

scopeflow_status scopeflow_scope_push(scopeflow_runtime *runtime,
                                      const scopeflow_scope_push_options *options,
                                      scopeflow_task *task, scopeflow_step *out_step,
                                      scopeflow_error *out_error) {
    scopeflow_status status =
        scopeflow__check_scope_push(runtime, options, task, out_step, out_error);
    if (status == SCOPEFLOW_STATUS_OK) status = check_push(options, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__place place;
    status = scopeflow__place_find(runtime, options->current, options->parent, &place, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    scopeflow_bytes detail = options->subtype;
    if (options->type == SCOPEFLOW_SCOPE_TYPE_CUSTOM && detail.len == 0) detail = options->name;
    scopeflow_scope *const scope = scopeflow__scope_new(runtime, &place, options->type,
                                                        options->attributes, options->name, detail);
    if (scope == NULL) return scopeflow__fail_memory(out_error);
    scope->metadata = options->metadata;
    scopeflow__scope_open(scope, options->timestamp_ns);

    scopeflow__set *const listeners = scopeflow__listeners_of(scope);
    if (!scopeflow__has_work(runtime, listeners)) {
        (void)scopeflow__scope_end_if_closed(scope);
        scopeflow__task_done(task, out_step, scope);
        return SCOPEFLOW_STATUS_OK;
    }
    scopeflow__task *const self = scopeflow__task_begin_emitting(task, runtime);
    self->scope = scope;
    self->hands_scope = true;
    if (listeners != NULL) {
        scopeflow_event *const start = scopeflow__event_new_start(scope);
        if (start != NULL) start->data = options->input;
        scopeflow__task_emit(self, start, listeners);
    }
    scopeflow__task_end_if_closed(self, scope);
    scopeflow__task_run(self, options->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

/* --- pop --- */

/* S1.6: whether some scope that is open below `scope` in the context's chain would be orphaned. */
static bool has_open_descendant(scopeflow_scope *scope, scopeflow_scope *current) {
    scopeflow_scope *const innermost = scopeflow__scope_nearest_open(current);
    if (innermost == scope) return false;
    for (scopeflow_scope *s = innermost; s != NULL; s = s->opener)
        if (s == scope) return true;
    return false;
}

static scopeflow_status check_pop(scopeflow_scope *scope,
                                  const scopeflow_scope_pop_options *options,
                                  scopeflow_error *out_error) {
    scopeflow_runtime *const runtime = scope->runtime;
    scopeflow_bytes const name = scopeflow__scope_name(scope);
    if (scopeflow__runtime_is_closed(runtime)) return scopeflow__fail_closed(out_error);
    SCOPEFLOW__REQUIRE(!scopeflow__scope_is_any_root(scope), out_error,
                       "the root scope cannot be ended");
    SCOPEFLOW__REQUIRE(options->current == NULL || options->current->runtime == runtime, out_error,
                       "the current scope belongs to another runtime");
    if (scope->fork_generation != runtime->fork_generation)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                               SCOPEFLOW__TEXT("scope '"), name,
                               SCOPEFLOW__TEXT("' was opened by the parent process"));
    if (!scopeflow__scope_is_open(scope))
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_NOT_FOUND, SCOPEFLOW__TEXT("scope '"),
                               name, SCOPEFLOW__TEXT("' has already ended"));
    if ((options->flags & SCOPEFLOW_POP_FLAG_CLOSE) == 0 &&
        has_open_descendant(scope, options->current != NULL ? options->current : runtime->root))
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                               SCOPEFLOW__TEXT("scope '"), name,
                               SCOPEFLOW__TEXT("' has an open descendant in this context"));
    if (options->timestamp_ns != SCOPEFLOW_TIMESTAMP_NONE &&
        options->timestamp_ns < scope->started_at_ns)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                               SCOPEFLOW__TEXT("the end of scope '"), name,
                               SCOPEFLOW__TEXT("' would be before its start"));
    return SCOPEFLOW_STATUS_OK;
}

static void fill_end(scopeflow_event *end, const scopeflow_scope_pop_options *options) {
    end->metadata = options->metadata;
    end->outcome.error = options->error;
    end->outcome.status = options->status;
    if (options->error != 0 && options->status == SCOPEFLOW_END_STATUS_UNSET)
        end->outcome.status = SCOPEFLOW_END_STATUS_ERROR;
    end->data = options->output;
}

/* `close` leaves alone what has ended and, in a child process, what the parent will end (S1.13). */
static bool is_left_alone(const scopeflow_scope *scope,
                          const scopeflow_scope_pop_options *options) {
    if ((options->flags & SCOPEFLOW_POP_FLAG_CLOSE) == 0 || scopeflow__scope_is_any_root(scope))
        return false;
    return !scopeflow__scope_is_open(scope) ||
           scope->fork_generation != scope->runtime->fork_generation;
}

/* S3.11: the marks that were left with a call belong right after its end, which nobody hears. */
static void drop_left(scopeflow_scope *scope) {
    if (__atomic_load_n(&scope->pending_marks, __ATOMIC_RELAXED) == NULL) return;
    scopeflow__pending_marks_free(scope->runtime, scopeflow__pending_marks_take(scope));
}

scopeflow_status scopeflow_scope_pop(scopeflow_scope *scope,
                                     const scopeflow_scope_pop_options *options,
                                     scopeflow_task *task, scopeflow_step *out_step,
                                     scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__check_scope_pop(scope, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (is_left_alone(scope, options)) {
        scopeflow__task_done(task, out_step, NULL);
        return SCOPEFLOW_STATUS_OK;
    }
    status = check_pop(scope, options, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    scopeflow_runtime *const runtime = scope->runtime;
    int64_t const ended_at_ns = options->timestamp_ns != SCOPEFLOW_TIMESTAMP_NONE
                                    ? options->timestamp_ns
                                    : scopeflow__runtime_clock(runtime);
    bool const is_mine = scopeflow__scope_end(scope); /* Another thread may have been faster. */
    scopeflow__set *const listeners = is_mine ? scopeflow__listeners_of(scope) : NULL;
    if (is_mine && listeners == NULL) drop_left(scope);
    if (!scopeflow__has_work(runtime, listeners)) {
        scopeflow__task_done(task, out_step, NULL);
        return SCOPEFLOW_STATUS_OK;
    }
    scopeflow__task *const self = scopeflow__task_begin_emitting(task, runtime);
    if (listeners != NULL) {
        scopeflow_event *const end =
            scopeflow__event_new_end(scope, scopeflow__scope_end_time(scope, ended_at_ns));
        if (end != NULL) fill_end(end, options);
        scopeflow__task_emit(self, end, listeners);
        if (scope->is_call) { /* S3.11: what intercepts left with it follows. */
            self->scope = scopeflow_scope_retain(scope);
            self->phase = SCOPEFLOW__PHASE_MARKS;
        }
    }
    scopeflow__task_run(self, options->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

/* --- event --- */

scopeflow_status scopeflow_scope_event(scopeflow_runtime *runtime,
                                       const scopeflow_scope_event_options *options,
                                       scopeflow_task *task, scopeflow_step *out_step,
                                       scopeflow_error *out_error) {
    scopeflow_status status =
        scopeflow__check_scope_event(runtime, options, task, out_step, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(options->name, "the name of a mark", out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(options->category, "the category of a mark", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__place place;
    status = scopeflow__place_find(runtime, options->current, options->parent, &place, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__mark_check(runtime, options->category_profile, options->data_schema,
                                       out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    scopeflow__set *const listeners = scopeflow__listeners_of(place.inherit);
    if (!scopeflow__has_work(runtime, listeners)) {
        scopeflow__task_done(task, out_step, NULL);
        return SCOPEFLOW_STATUS_OK;
    }
    scopeflow__task *const self = scopeflow__task_begin_emitting(task, runtime);
    if (listeners != NULL) {
        scopeflow_event *const mark = scopeflow__event_new_mark(
            place.parent, options->name, options->category, options->timestamp_ns);
        if (mark != NULL) {
            mark->data = options->data;
            mark->metadata = options->metadata;
            mark->profile = options->category_profile;
            mark->data_schema = options->data_schema;
        }
        scopeflow__task_emit(self, mark, listeners);
    }
    scopeflow__task_run(self, options->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

/* --- flush --- */

scopeflow_status scopeflow_runtime_flush(scopeflow_runtime *runtime,
                                         const scopeflow_runtime_flush_options *options,
                                         scopeflow_task *task, scopeflow_step *out_step,
                                         scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_runtime_flush(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (!scopeflow__has_abandoned(runtime)) {
        scopeflow__task_done(task, out_step, NULL);
        return SCOPEFLOW_STATUS_OK;
    }
    scopeflow__task_run(scopeflow__task_begin_emitting(task, runtime), options->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

/* --- close --- */

/* S6.1: the latest opened first, each as abandoned. */
static void end_open_scopes(scopeflow__task *self) {
    scopeflow_scope *scope = scopeflow__open_scopes_take(self->runtime);
    while (scope != NULL) {
        scopeflow_scope *const next = scope->next;
        scope->next = NULL;
        if (scopeflow__scope_end(scope)) {
            scope->ended_at_ns = scopeflow__runtime_clock(self->runtime);
            scopeflow__task_emit_abandoned_end(self, scope);
        }
        scopeflow_scope_release(scope);
        scope = next;
    }
}

scopeflow_status scopeflow_runtime_close(scopeflow_runtime *runtime,
                                         const scopeflow_runtime_close_options *options,
                                         scopeflow_task *task, scopeflow_step *out_step,
                                         scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_runtime_close(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    bool const is_first = scopeflow__swap_u32(&runtime->is_closed, 0, 1);
    scopeflow__task *const self = scopeflow__task_begin_emitting(task, runtime);
    if (is_first) end_open_scopes(self);
    scopeflow__task_run(self, options->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}
