/* The driver: what each language has once. It does what a step says and gives the answer. */
#include "call.h"
#include "open_line.h"
#include "reached.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

call *call_new(runner *self, context *where, const json *step, const char *name) {
    call *const made = calloc(1, sizeof *made);
    if (made == NULL) abort();
    made->runner = self;
    made->older = self->all;
    made->operation = made;
    made->name = name;
    made->step_of_case = step;
    made->arguments = json_get(step, "args");
    made->context = where;
    made->runtime = self->runtime;
    self->all = made;
    return made;
}

/* A failed operation takes nothing; one that went well keeps what it takes (S7.3). */
static void release_refs(call *c) {
    for (size_t i = 0; i < c->ref_count; i++)
        if (c->status != SCOPEFLOW_STATUS_OK || !c->refs[i].take) object_release(c->refs[i].object);
    c->ref_count = 0;
}

void calls_free(runner *self) {
    while (self->all != NULL) {
        call *const newest = self->all;
        self->all = newest->older;
        object_release(newest->result);
        object_release(newest->raised);
        stream_let_go(&newest->stream);
        for (size_t i = 0; i < newest->stream.taken_count; i++)
            object_release(newest->stream.taken[i]);
        free(newest->long_text);
        free(newest);
    }
}

object *own_error(runner *self, scopeflow_status status, const char *message) {
    return object_new_own_error(&self->host, status, message);
}

object *call_error_object(const call *self) {
    if (self->was_left)
        return object_new_error(&self->runner->host, "Left", "the task was let go of");
    if (self->raised != NULL) return object_retain(self->raised);
    if (self->raised_status == SCOPEFLOW_STATUS_OK) return NULL;
    return own_error(self->runner, self->raised_status, self->message);
}

/* --- Steps --- */

static void deliver(call *c, scopeflow_answer *answer) {
    object *const subscriber = object_of(c->step.callable);
    if (faults_saw(&c->runner->faults, subscriber, c->step.event)) return;
    const char *const name = json_get(subscriber->definition, "label")->text;
    char *const open = open_line_text(c->runtime, c->step.event);
    const char *const line = record_line(c->runner, name, c->step.event);
    if (open != NULL && (line == NULL || strcmp(open, line) != 0))
        differ(c->runner, "%s: what was open became %s", name, open);
    free(open);
    note_call(c->runner, name, NULL);
    const json *const script =
        next_answer(json_get(subscriber->definition, "answers"), &subscriber->call_counts[0]);
    if (act(c, script, answer)) (void)act_failure(c, script, answer);
}

/* A native guard's reason came as JSON. */
static void tell_refusal(call *c, const object *reason) {
    const bool is_json = reason != NULL && reason->kind == OBJECT_JSON;
    if (reason == NULL) c->runner->host.ran_short = true;
    const json *const text = is_json ? json_read(reason->text, reason->len) : NULL;
    const char *const plain = reason == NULL ? "" : reason->text;
    snprintf(c->message, sizeof c->message, "guardrail rejected: %s", json_text(text, plain));
    json_free(text);
}

static void finish_raise(call *c, object *ours) {
    c->raised_status = c->step.status;
    if (c->step.status == SCOPEFLOW_STATUS_OK) {
        c->raised = ours;
        return;
    }
    if (c->step.status == SCOPEFLOW_STATUS_INVALID_STATE)
        snprintf(c->message, sizeof c->message, "invalid state: the runtime is closed");
    else
        tell_refusal(c, ours);
    object_release(ours);
}

/* A manual call does not become current (S4.6). */
static void finish_done(call *c) {
    const json *const name = json_get(c->step_of_case, "as");
    scopeflow_scope *const made = c->step.scope;
    if (made == NULL) return;
    if (name != NULL) label_set(c->runner, name->text, made);
    if (strcmp(c->name, "scope_push") == 0)
        context_enter(c->context, made, c->before);
    else
        scopeflow_scope_release(made);
}

static void finish(call *c) {
    object *const ours = object_of(c->step.value);
    stream_let_go(&c->stream); /* Also of one that failed before its first chunk. */
    if (c->step.kind == SCOPEFLOW_STEP_KIND_RAISE && ours == NULL &&
        c->step.status == SCOPEFLOW_STATUS_OK)
        fail(c->runner, "nothing was raised");
    if (c->step.kind == SCOPEFLOW_STEP_KIND_DONE) {
        finish_done(c);
    } else if (c->step.kind == SCOPEFLOW_STEP_KIND_RAISE) {
        finish_raise(c, ours);
    } else {
        if (ours != c->returned && !object_is_decoded(ours))
            fail(c->runner, "the call returned another object");
        c->result = ours;
    }
}

void leave(call *self) {
    if (self->step.kind == SCOPEFLOW_STEP_KIND_STREAM)
        object_release(object_of(self->step.value)); /* It was handed over. */
    self->was_left = true;
    stream_let_go(&self->stream);
    scopeflow_task_abandon(&self->task);
}

/* S3.11: the core finds out that what was returned is no request, and says so. */
static scopeflow_status resume(call *c, scopeflow_answer *answer) {
    scopeflow_status const status = scopeflow_task_resume(&c->task, answer, &c->step, &c->error);
    if (status != SCOPEFLOW_STATUS_INVALID_ARGUMENT || answer->kind != SCOPEFLOW_ANSWER_KIND_VALUE)
        return status;
    object_release(object_of(answer->value));
    object_release(object_of(answer->annotated));
    answer->annotated = 0;
    answer_error(answer, own_error(c->runner, status, c->error.message));
    return scopeflow_task_resume(&c->task, answer, &c->step, &c->error);
}

static bool is_last(scopeflow_step_kind kind) {
    return kind == SCOPEFLOW_STEP_KIND_DONE || kind == SCOPEFLOW_STEP_KIND_RETURN ||
           kind == SCOPEFLOW_STEP_KIND_RAISE;
}

/* False when the task was let go of. */
static bool do_step(call *c, scopeflow_answer *answer) {
    switch (c->step.kind) {
    case SCOPEFLOW_STEP_KIND_INVOKE: invoke(c, answer); return true;
    case SCOPEFLOW_STEP_KIND_DELIVER: deliver(c, answer); return true;
    case SCOPEFLOW_STEP_KIND_EXECUTE: execute(c, answer); return true;
    case SCOPEFLOW_STEP_KIND_CODEC: run_codec(c, answer); return true;
    case SCOPEFLOW_STEP_KIND_FINALIZE: finalize(c, answer); return true;
    default: return stream_go_on(c, answer);
    }
}

static bool is_abandoned_here(call *c) {
    if (!faults_strike(&c->runner->faults, PLACE_STEP)) return false;
    if (c->step.kind == SCOPEFLOW_STEP_KIND_DELIVER)
        (void)faults_saw(&c->runner->faults, object_of(c->step.callable), c->step.event);
    return true;
}

static void drive(call *c) {
    while (!is_last(c->step.kind)) {
        scopeflow_step_kind const kind = c->step.kind;
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        answer.emitter = &c->runner->emitter;
        reached_step(&c->step);
        if (is_abandoned_here(c) || !do_step(c, &answer)) {
            leave(c);
            return;
        }
        reached_answer(answer.kind, kind);
        if (resume(c, &answer) != SCOPEFLOW_STATUS_OK) {
            fail(c->runner, "an answer was refused: %s", c->error.message);
            abort();
        }
    }
    reached_step(&c->step);
    finish(c);
}

/* --- A whole operation --- */

static void note_failure(call *c) {
    c->raised_status = c->status;
    snprintf(c->message, sizeof c->message, "%s", c->error.message);
}

/* One of the runtime's own, made somewhere below. */
static void note_own_error(call *c) {
    if (c->raised != NULL && c->raised->status != SCOPEFLOW_STATUS_OK)
        snprintf(c->message, sizeof c->message, "%s", c->raised->text);
}

void call_operation(call *c, const operation *op) {
    context *const around = c->runner->operating;
    c->runner->operating = c->context;
    c->before = value_retain(c->context->current);
    for (;;) {
        c->status = SCOPEFLOW_STATUS_OK;
        c->out_count = 0;
        if (!register_natively(c) && !deregister_natively(c)) op->function(c);
        if (c->status != SCOPEFLOW_STATUS_NO_MEMORY) break;
        release_refs(c); /* Everything is as it was (S7.3): simply do it again. */
    }
    if (c->status != SCOPEFLOW_STATUS_OK) {
        note_failure(c);
    } else {
        /* Only an end restores what was current, before anybody hears of it, and not an operation
         * that was refused (S1.5, S7.3, ADR 0011). */
        if (strcmp(c->name, "scope_pop") == 0 && !scopeflow_scope_is_open(c->scope))
            context_restore(c->context, c->scope);
        if (op->is_task) drive(c);
    }
    note_own_error(c);
    value_release(c->before);
    c->before = NULL;
    check_outcome(c);
    release_refs(c);
    c->runner->operating = around;
}

/* Which intercept it was only the host can tell, when its task has ended (S7.2). */
static void note_late(call *link, const char *registration) {
    link->raised_status = link->status;
    snprintf(link->message, sizeof link->message,
             "invalid argument: the execution continuation of '%s' is no longer active",
             registration);
    if (strstr(link->error.message, "no longer active") == NULL) note_failure(link);
}

call *call_next(const kept_next *next, context *where, const json *step, object *request) {
    call *const of = next->call;
    call *const link = call_new(of->runner, where, step, "task_link");
    scopeflow_task_link_options options = SCOPEFLOW_TASK_LINK_OPTIONS_INIT;
    context *const around = of->runner->operating;
    of->runner->operating = where;
    link->operation = of->operation;
    link->before = value_retain(where->current);
    link->request = request != NULL ? request : next->request;
    options.call = &of->task;
    options.position = next->position;
    options.emitter = &of->runner->emitter;
    options.request = object_ref(link->request);
    do
        link->status =
            scopeflow_task_link(link->runtime, &options, &link->task, &link->step, &link->error);
    while (link->status == SCOPEFLOW_STATUS_NO_MEMORY);
    reached_operation(link->name);
    if (link->status == SCOPEFLOW_STATUS_OK)
        drive(link);
    else
        note_late(link, next->registration);
    note_own_error(link);
    value_release(link->before);
    link->before = NULL;
    of->runner->operating = around;
    return link;
}
