#include "call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Subscribers that answer by emitting would go on for ever if a fault kept them from stopping. */
enum { DEPTH_LIMIT = 60 };

static void report(runner *self, const char *format, va_list arguments) {
    fprintf(stderr, "%s: ", json_text(json_get(self->the_case, "id"), "?"));
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    self->failure_count++;
}

void fail(runner *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report(self, format, arguments);
    va_end(arguments);
}

/* Once an event was dropped for want of memory, ids, times and whatever a subscriber would have
 * done may differ too. A gate for which there was none leaves its registration on (S3.1), and a
 * native callable has failed. */
static bool may_differ(const runner *self) {
    scopeflow_runtime_stats stats;
    if (faults_disturb(&self->faults)) return true;
    if (self->faults.kind == FAULT_NONE) return false;
    if (scopeflow_runtime_read_stats(self->runtime, &stats, NULL) != SCOPEFLOW_STATUS_OK) abort();
    return stats.dropped_event_count > 0 || self->was_gated || self->host.ran_short;
}

void differ(runner *self, const char *format, ...) {
    if (may_differ(self)) return;
    va_list arguments;
    va_start(arguments, format);
    report(self, format, arguments);
    va_end(arguments);
}

/* --- Labels --- */

void label_set(runner *self, const char *name, scopeflow_scope *scope) {
    for (size_t i = 0; i < LABELS; i++) {
        label *const place = &self->labels[i];
        if (place->name != NULL && strcmp(place->name, name) != 0) continue;
        if (place->name != NULL) scopeflow_scope_release(place->scope);
        place->name = name;
        place->scope = scopeflow_scope_retain(scope);
        return;
    }
    abort();
}

static scopeflow_runtime *new_runtime(runner *self) {
    const json *const wanted = json_get(self->the_case, "runtime");
    const json *const headers = json_get(wanted, "credential_headers");
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC | SCOPEFLOW_RUNTIME_FLAG_CANONICAL;
    options.clock_start_ns =
        json_integer(json_get(wanted, "clock_start"), INT64_C(1767225600000000000));
    options.clock_step_ns = json_integer(json_get(wanted, "clock_step"), 1000000);
    options.payload_budget_bytes = (uint32_t)json_integer(json_get(wanted, "payload_budget"),
                                                          (long long)options.payload_budget_bytes);
    if (headers != NULL) {
        options.credential_headers.ptr = headers->text;
        options.credential_headers.len = headers->len;
    }
    scopeflow_runtime *runtime = NULL;
    scopeflow_status status;
    do status = scopeflow_runtime_new(&self->host.table, &options, &runtime, NULL);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    if (status != SCOPEFLOW_STATUS_OK) abort();
    return runtime;
}

static void label_root(runner *self, const char *name, scopeflow_runtime *runtime) {
    scopeflow_scope *root = NULL;
    if (scopeflow_runtime_root(runtime, &root, NULL) != SCOPEFLOW_STATUS_OK) abort();
    label_set(self, name, root);
    scopeflow_scope_release(root);
}

scopeflow_scope *label_find(runner *self, const char *name) {
    for (size_t i = 0; i < LABELS && self->labels[i].name != NULL; i++)
        if (strcmp(self->labels[i].name, name) == 0) return self->labels[i].scope;
    if (strcmp(name, "elsewhere") != 0) {
        differ(self, "nothing is labelled '%s'", name);
        return NULL;
    }
    self->elsewhere = new_runtime(self);
    label_root(self, "elsewhere", self->elsewhere);
    return label_find(self, name);
}

/* S1.12: every reference goes, the contexts' included. */
static void abandon(runner *self, const char *name) {
    scopeflow_scope *const scope = label_find(self, name);
    if (scope == NULL) return;
    contexts_forget(&self->contexts, scope);
    for (size_t i = 0; i < LABELS; i++)
        if (self->labels[i].scope == scope) {
            self->labels[i].name = "";
            self->labels[i].scope = NULL;
        }
    scopeflow_scope_release(scope);
}

/* --- Steps --- */

/* The error that the step lets through, held, or null. */
static object *propagated(const call *c) {
    return json_get(c->step_of_case, "propagate") == NULL ? NULL : call_error_object(c);
}

static object *run_operation(runner *self, context *where, const json *step) {
    const char *const name = json_get(step, "op")->text;
    const json *const on = json_get(step, "on");
    const operation *const op = operation_find(name);
    if (op == NULL) {
        fail(self, "there is no operation %s", name);
        return NULL;
    }
    scopeflow_scope *const scope = on == NULL ? NULL : label_find(self, on->text);
    if (on != NULL && scope == NULL) return NULL;
    call *const c = call_new(self, where, step, name);
    c->scope = scope;
    call_operation(c, op);
    return propagated(c);
}

/* S3.7: `next` once more, or too late. */
static object *run_next(runner *self, context *where, const json *step) {
    const json *const given = json_get(step, "request");
    const kept_next *kept = self->nexts;
    while (kept->name != NULL && !json_is(json_get(step, "next"), kept->name)) kept++;
    if (kept->name == NULL) {
        differ(self, "no next was kept as '%s'", json_get(step, "next")->text);
        return NULL;
    }
    object *const request = given != NULL ? new_payload(self, given) : object_retain(kept->request);
    call *const link = call_next(kept, where, step, request);
    check_outcome(link);
    object_release(request);
    return propagated(link);
}

static object *run_step(runner *self, context *where, const json *step) {
    const json *const name = json_get(step, "context");
    const json *const from = json_get(step, "fork");
    const json *const abandoned = json_get(step, "abandon");
    if (from != NULL) {
        context_fork(&self->contexts, name->text, context_find(&self->contexts, from->text));
        return NULL;
    }
    if (abandoned != NULL) {
        abandon(self, abandoned->text);
        return NULL;
    }
    context *const there = name == NULL ? where : context_find(&self->contexts, name->text);
    if (there == NULL) {
        differ(self, "there is no context '%s'", name->text);
        return NULL;
    }
    if (json_get(step, "next") != NULL) return run_next(self, there, step);
    return run_operation(self, there, step);
}

object *run_steps(runner *self, context *where, const json *steps) {
    object *error = NULL;
    if (steps == NULL || self->depth == DEPTH_LIMIT) return NULL;
    self->depth++;
    for (const json *step = steps->first; step != NULL && error == NULL; step = step->next)
        error = run_step(self, where, step);
    self->depth--;
    return error;
}

/* --- One case --- */

static void let_scopes_go(runner *self) {
    contexts_forget(&self->contexts, NULL);
    for (size_t i = 0; i < LABELS; i++)
        if (self->labels[i].scope != NULL) scopeflow_scope_release(self->labels[i].scope);
    for (size_t i = 0; i < NEXTS; i++) object_release(self->nexts[i].request);
    calls_free(self);
}

static void perform(runner *self, const char *name, const char *text) {
    const json *const step = json_read(text, strlen(text));
    call *const c = call_new(self, &self->contexts.all[0], step, name);
    if (strcmp(name, "scope_pop") == 0) c->scope = c->context->current->scope;
    call_operation(c, operation_find(name));
    if (c->raised_status != SCOPEFLOW_STATUS_OK &&
        c->raised_status != SCOPEFLOW_STATUS_INVALID_STATE)
        fail(self, "%s after the fault: %s", name, c->message);
    json_free(step);
    c->step_of_case = NULL;
    c->arguments = NULL;
}

/* What is owed comes with the next operation (S1.12), and the runtime still does its work. */
static void check_after_fault(runner *self) {
    let_scopes_go(self);
    self->contexts.all[0].current = NULL;
    memset(self->labels, 0, sizeof self->labels);
    memset(self->nexts, 0, sizeof self->nexts);
    self->faults.at = SIZE_MAX;
    self->is_over = true;
    perform(self, "scope_push", "{\"args\":{\"name\":\"after\",\"type\":\"function\"}}");
    if (self->contexts.all[0].current != NULL) perform(self, "scope_pop", "{\"args\":{}}");
    perform(self, "runtime_flush", "{\"args\":{}}");
    const char *const finding = faults_find(&self->faults, self->runtime);
    if (finding != NULL) fail(self, "%s", finding);
}

static void free_all(runner *self) {
    let_scopes_go(self);
    scopeflow_runtime_free(self->elsewhere);
    scopeflow_runtime_free(self->runtime);
    natives_free(self);
    for (size_t i = 0; i < RECORDS; i++)
        for (size_t k = 0; k < self->records[i].count; k++) free(self->records[i].lines[k]);
    faults_deinit(&self->faults);
    if (self->host.object_count != 0) fail(self, "%zu objects leaked", self->host.object_count);
    if (self->host.block_count != 0) fail(self, "%zu blocks leaked", self->host.block_count);
}

case_result run_case(const json *the_case, fault_kind fault, size_t at) {
    runner *const self = calloc(1, sizeof *self);
    if (self == NULL) abort();
    self->the_case = the_case;
    self->faults.kind = fault;
    self->faults.at = at;
    host_init(&self->host);
    if (fault == FAULT_ALLOCATION) self->host.failing_allocation = at;
    self->runtime = new_runtime(self);
    if (faults_disturb(&self->faults)) faults_observe(&self->faults, &self->host, self->runtime);
    label_root(self, "root", self->runtime);
    self->contexts.all[0].name = "main";
    object *const error = run_steps(self, &self->contexts.all[0], json_get(the_case, "steps"));
    if (error != NULL) differ(self, "an error was let through at the top");
    object_release(error);
    check_case(self);
    case_result result;
    result.place_count =
        fault == FAULT_ALLOCATION ? self->host.allocation_count : self->faults.count;
    if (faults_disturb(&self->faults)) check_after_fault(self);
    free_all(self);
    result.failure_count = self->failure_count;
    free(self);
    return result;
}
