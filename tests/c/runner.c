#include "runner.h"

#include "call.h"
#include "reached.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static object *run_steps(runner *self, context *where, const json *steps);

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

/* Events for which there was no memory: dropped and counted, the work goes on (S4.4). */
static uint64_t dropped_count(const runner *self) {
    scopeflow_runtime_stats stats;
    if (scopeflow_runtime_read_stats(self->runtime, &stats, NULL) != SCOPEFLOW_STATUS_OK) abort();
    return stats.dropped_event_count;
}

/* What differs from the case. Once an event was dropped for want of memory, ids, times and whatever
 * a subscriber would have done may differ too. */
static void differ(runner *self, const char *format, ...) {
    if (self->host.failing_allocation != 0 && dropped_count(self) > 0) return;
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
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC | SCOPEFLOW_RUNTIME_FLAG_CANONICAL;
    options.clock_start_ns =
        json_integer(json_get(wanted, "clock_start"), INT64_C(1767225600000000000));
    options.clock_step_ns = json_integer(json_get(wanted, "clock_step"), 1000000);
    options.payload_budget_bytes = (uint32_t)json_integer(json_get(wanted, "payload_budget"),
                                                          (long long)options.payload_budget_bytes);
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
        fail(self, "nothing is labelled '%s'", name);
        abort();
    }
    self->elsewhere = new_runtime(self);
    label_root(self, "elsewhere", self->elsewhere);
    return label_find(self, name);
}

/* S1.12: every reference goes, the contexts' included. */
static void abandon(runner *self, const char *name) {
    scopeflow_scope *const scope = label_find(self, name);
    contexts_forget(&self->contexts, scope);
    for (size_t i = 0; i < LABELS; i++)
        if (self->labels[i].scope == scope) {
            self->labels[i].name = "";
            self->labels[i].scope = NULL;
        }
    scopeflow_scope_release(scope);
}

/* --- Callables and targets --- */

static void note_call(runner *self, const json *definition) {
    const json *const name = json_get(definition, "label");
    if (name == NULL) return;
    if (self->call_count == CALLS) abort();
    self->calls[self->call_count++] = name->text;
}

static object *own_error(runner *self, scopeflow_status status, const char *message) {
    char type[48];
    char *to = type;
    bool capital = true;
    for (const char *at = scopeflow_status_name(status); *at != '\0'; at++) {
        if (*at != '_') *to++ = (char)(capital && *at >= 'a' ? *at - 'a' + 'A' : *at);
        capital = *at == '_';
    }
    *to = '\0';
    object *const error = object_new_error(&self->host, type, message);
    error->status = status;
    return error;
}

static void answer_error(scopeflow_answer *answer, object *error) {
    answer->kind = error->is_cancel ? SCOPEFLOW_ANSWER_KIND_CANCEL : SCOPEFLOW_ANSWER_KIND_ERROR;
    answer->status = error->status;
    answer->value = object_ref(error);
}

/* Does the steps of a target or of one answer of a callable, then fills the answer. */
static void act(runner *self, context *where, const json *script, scopeflow_answer *answer) {
    object *const propagated = run_steps(self, where, json_get(script, "steps"));
    if (propagated != NULL) {
        answer_error(answer, propagated);
        return;
    }
    const json *const returned = json_get(script, "return");
    const json *const refusal = json_get(script, "refuse");
    const json *const raised = json_get(script, "raise");
    const json *const cancelled = json_get(script, "cancel");
    if (returned != NULL) {
        answer->value = object_ref(new_payload(self, returned));
    } else if (refusal != NULL) {
        answer->kind = SCOPEFLOW_ANSWER_KIND_REFUSE;
        answer->value = object_ref(object_new_error(&self->host, "reason", json_text(refusal, "")));
    } else if (raised != NULL || cancelled != NULL) {
        object *const error = new_error(self, raised != NULL ? raised : cancelled);
        error->is_cancel = cancelled != NULL;
        answer_error(answer, error);
    } else if (json_get(script, "propagate") != NULL) {
        fail(self, "nothing was let through");
    }
}

static void call_callable_object(runner *self, context *where, object *callable,
                                 scopeflow_answer *answer) {
    const json *const answers = json_get(callable->definition, "answers");
    size_t const count = json_count(answers);
    size_t const index = callable->call_count < count ? callable->call_count : count - 1;
    callable->call_count++;
    note_call(self, callable->definition);
    if (count > 0) act(self, where, json_at(answers, index), answer);
}

static void record_line(runner *self, const char *name, scopeflow_event *event) {
    scopeflow_bytes line;
    scopeflow_status status;
    do status = scopeflow_event_json(event, SCOPEFLOW_EVENT_PART_LINE, &line, NULL);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    if (status != SCOPEFLOW_STATUS_OK) {
        fail(self, "an event gave no line but %s", scopeflow_status_name(status));
        return;
    }
    record *to = self->records;
    while (to->label != NULL && strcmp(to->label, name) != 0) to++;
    if (to == &self->records[RECORDS - 1] || to->count == LINES) abort();
    char *const copy = malloc(line.len + 1);
    if (copy == NULL) abort();
    memcpy(copy, line.ptr, line.len);
    copy[line.len] = '\0';
    to->label = name;
    to->lines[to->count++] = copy;
}

/* --- The driver: what each language has once --- */

static void invoke(call *c, scopeflow_answer *answer) {
    const json *const name = json_get(c->arguments, "name");
    scopeflow_bytes const target = c->step.target;
    if (target.len != name->len || memcmp(target.ptr, name->text, target.len) != 0)
        fail(c->runner, "a guard was given the name %.*s", (int)target.len, target.ptr);
    if (object_of(c->step.input) != c->request)
        fail(c->runner, "a guard was given another request");
    call_callable_object(c->runner, c->context, object_of(c->step.callable), answer);
}

static void deliver(call *c, scopeflow_answer *answer) {
    object *const subscriber = object_of(c->step.callable);
    record_line(c->runner, json_get(subscriber->definition, "label")->text, c->step.event);
    call_callable_object(c->runner, c->context, subscriber, answer);
}

static void execute(call *c, scopeflow_answer *answer) {
    const json *const target = json_get(c->step_of_case, "target");
    const json *const name = json_get(target, "as");
    if (target == NULL) differ(c->runner, "the target was called");
    if (object_of(c->step.input) != c->request)
        fail(c->runner, "the target was given another request");
    if (name != NULL) label_set(c->runner, name->text, c->step.scope);
    note_call(c->runner, target);
    context_enter(c->context, scopeflow_scope_retain(c->step.scope), c->before);
    act(c->runner, c->context, target, answer);
    c->returned = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE ? object_of(answer->value) : NULL;
}

static void finish(call *c) {
    const json *const name = json_get(c->step_of_case, "as");
    object *const ours = object_of(c->step.value);
    if (c->step.kind == SCOPEFLOW_STEP_KIND_DONE) {
        if (c->step.scope == NULL) return;
        if (name != NULL) label_set(c->runner, name->text, c->step.scope);
        context_enter(c->context, c->step.scope, c->before);
        return;
    }
    if (c->step.kind == SCOPEFLOW_STEP_KIND_RETURN) {
        if (ours != c->returned) fail(c->runner, "the call returned another object");
        object_release(ours);
        return;
    }
    c->raised_status = c->step.status;
    if (c->step.status == SCOPEFLOW_STATUS_OK) {
        c->raised = ours;
        return;
    }
    snprintf(c->message, sizeof c->message, "guardrail rejected: %s",
             ours == NULL ? "" : ours->text);
    object_release(ours);
}

static void drive(call *c) {
    for (;;) {
        scopeflow_step_kind const kind = c->step.kind;
        scopeflow_scope *const span = c->step.scope;
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        answer.emitter = &c->runner->emitter;
        reached_step(&c->step);
        switch (kind) {
        case SCOPEFLOW_STEP_KIND_INVOKE: invoke(c, &answer); break;
        case SCOPEFLOW_STEP_KIND_DELIVER: deliver(c, &answer); break;
        case SCOPEFLOW_STEP_KIND_EXECUTE: execute(c, &answer); break;
        default: finish(c); return;
        }
        reached_answer(answer.kind, kind);
        scopeflow_status const status =
            scopeflow_task_resume(&c->task, &answer, &c->step, &c->error);
        if (status != SCOPEFLOW_STATUS_OK) {
            fail(c->runner, "an answer was refused: %s", c->error.message);
            abort();
        }
        if (kind == SCOPEFLOW_STEP_KIND_EXECUTE) context_restore(c->context, span);
    }
}

/* --- One operation --- */

/* A failed operation takes nothing; one that went well keeps what it takes (S7.3). */
static void release_refs(call *c) {
    for (size_t i = 0; i < c->ref_count; i++)
        if (c->status != SCOPEFLOW_STATUS_OK || !c->refs[i].take) object_release(c->refs[i].object);
    c->ref_count = 0;
}

static bool same_error(const object *error, const json *expected) {
    return json_is(json_get(expected, "type"), error->type) &&
           json_is(json_get(expected, "message"), error->text);
}

static bool same_out(const out_member *member, const json *expected) {
    if (expected->kind == JSON_STRING) return strcmp(member->text, expected->text) == 0;
    if (expected->kind == JSON_NUMBER) return member->number == json_integer(expected, 0);
    if (expected->kind != JSON_ARRAY) return (member->number != 0) == (expected->kind == JSON_TRUE);
    int64_t bits = 0;
    for (const json *flag = expected->first; flag != NULL; flag = flag->next)
        bits |= wire_flag(flag->text);
    return bits == member->number;
}

static void check_out(const call *c, const json *expected) {
    if (expected->kind != JSON_OBJECT) {
        if (c->out_count != 1 || !same_out(&c->outs[0], expected))
            differ(c->runner, "the operation returned %s",
                   c->out_count ? c->outs[0].text : "nothing");
        return;
    }
    for (const json *wanted = expected->first; wanted != NULL; wanted = wanted->next) {
        const out_member *member = NULL;
        for (size_t i = 0; i < c->out_count; i++)
            if (strcmp(c->outs[i].name, wanted->key) == 0) member = &c->outs[i];
        if (member == NULL || !same_out(member, wanted))
            differ(c->runner, "%s is %s", wanted->key, member == NULL ? "missing" : member->text);
    }
}

/* Compares how the operation ended with what the step expects. */
static void check_outcome(call *c, const char *name) {
    const json *const expected = json_get(c->step_of_case, "expect");
    const json *const status = json_get(expected, "status");
    const json *const out = json_get(expected, "out");
    bool const cancelled = json_get(expected, "cancel") != NULL;
    const json *const raised = json_get(expected, cancelled ? "cancel" : "raise");
    scopeflow_status const ended = c->raised != NULL ? c->raised->status : c->raised_status;
    const char *const came = scopeflow_status_name(ended);
    bool const own = ended != SCOPEFLOW_STATUS_OK || c->raised_status != SCOPEFLOW_STATUS_OK;
    reached_operation(name);
    if (c->raised == NULL && own) reached_error(name, ended);
    if (status != NULL) {
        const json *const message = json_get(expected, "message");
        if (!own || !json_is(status, came))
            differ(c->runner, "%s: %s instead of %s", name, came, status->text);
        else if (message != NULL && !json_is(message, c->message))
            differ(c->runner, "%s: the message is '%s'", name, c->message);
        else if (c->message[0] == '\0')
            differ(c->runner, "%s: no message", name);
    } else if (raised != NULL) {
        if (c->raised == NULL || c->raised->is_cancel != cancelled ||
            !same_error(c->raised, raised))
            differ(c->runner, "%s: %s came out", name, c->raised ? c->raised->text : came);
    } else if (own || c->raised != NULL) {
        differ(c->runner, "%s: failed: %s", name, c->raised ? c->raised->text : c->message);
    } else if (out != NULL) {
        check_out(c, out);
    }
}

static void begin(call *c, const operation *op) {
    for (;;) {
        c->status = SCOPEFLOW_STATUS_OK;
        c->out_count = 0;
        op->function(c);
        if (c->status != SCOPEFLOW_STATUS_NO_MEMORY) return;
        release_refs(c); /* Everything is as it was (S7.3): simply do it again. */
    }
}

/* Returns the error that the step lets through, or null. */
static object *run_operation(runner *self, context *where, const json *step) {
    const char *const name = json_get(step, "op")->text;
    const json *const on = json_get(step, "on");
    const operation *const op = operation_find(name);
    if (op == NULL) {
        fail(self, "there is no operation %s", name);
        return NULL;
    }
    call c;
    memset(&c, 0, sizeof c);
    c.runner = self;
    c.step_of_case = step;
    c.arguments = json_get(step, "args");
    c.context = where;
    c.runtime = self->runtime;
    c.scope = on == NULL ? NULL : label_find(self, on->text);
    c.before = value_retain(where->current);
    begin(&c, op);
    if (c.status != SCOPEFLOW_STATUS_OK) {
        c.raised_status = c.status;
        snprintf(c.message, sizeof c.message, "%s", c.error.message);
    } else {
        /* Only an end restores what was current, before anybody hears of it, and not an operation
         * that was refused (S1.5, S7.3, ADR 0011). */
        if (strcmp(name, "scope_pop") == 0 && !scopeflow_scope_is_open(c.scope))
            context_restore(where, c.scope);
        if (op->is_task) drive(&c);
    }
    value_release(c.before);
    if (c.raised != NULL && c.raised->status != SCOPEFLOW_STATUS_OK)
        snprintf(c.message, sizeof c.message, "%s", c.raised->text);
    check_outcome(&c, name);
    release_refs(&c);
    free(c.long_text);
    if (json_get(step, "propagate") == NULL) {
        object_release(c.raised);
        return NULL;
    }
    return c.raised != NULL ? c.raised : own_error(self, c.raised_status, c.message);
}

static object *run_steps(runner *self, context *where, const json *steps) {
    if (steps == NULL) return NULL;
    for (const json *step = steps->first; step != NULL; step = step->next) {
        const json *const name = json_get(step, "context");
        const json *const from = json_get(step, "fork");
        if (from != NULL) {
            context_fork(&self->contexts, name->text, context_find(&self->contexts, from->text));
            continue;
        }
        if (json_get(step, "abandon") != NULL) {
            abandon(self, json_get(step, "abandon")->text);
            continue;
        }
        context *const there = name == NULL ? where : context_find(&self->contexts, name->text);
        object *const propagated = run_operation(self, there, step);
        if (propagated != NULL) return propagated;
    }
    return NULL;
}

/* --- One case --- */

static void check_lines(runner *self, const json *expected) {
    const record *seen = self->records;
    while (seen->label != NULL && strcmp(seen->label, expected->key) != 0) seen++;
    size_t const count = json_count(expected);
    size_t const lost = self->host.failing_allocation == 0 ? 0 : (size_t)dropped_count(self);
    if (seen->count != count) differ(self, "%s saw %zu events", expected->key, seen->count);
    if (seen->count + lost < count && !self->has_scripts)
        fail(self, "%s saw %zu events, but only %zu were dropped", expected->key, seen->count,
             lost);
    const json *line = expected->first;
    for (size_t i = 0; i < count && i < seen->count; i++, line = line->next)
        if (!json_is(line, seen->lines[i]))
            differ(self, "event %zu of %s\n  expected %s\n  but was  %s", i, expected->key,
                   line->text, seen->lines[i]);
}

static void check_calls(runner *self, const json *expected) {
    size_t i = 0;
    for (const json *name = expected->first; name != NULL; name = name->next, i++)
        if (i >= self->call_count || !json_is(name, self->calls[i])) {
            differ(self, "call %zu was of %s, not of %s", i,
                   i < self->call_count ? self->calls[i] : "nothing", name->text);
            return;
        }
    if (i != self->call_count)
        differ(self, "call %zu was of %s, not of nothing", i, self->calls[i]);
}

static void check_stats(runner *self, const json *expected) {
    call c;
    memset(&c, 0, sizeof c);
    c.runner = self;
    c.runtime = self->runtime;
    operation_find("runtime_read_stats")->function(&c);
    check_out(&c, expected);
}

static void check_case(runner *self) {
    const json *const expected = json_get(self->the_case, "expect");
    const json *const events = json_get(expected, "events");
    const json *const calls = json_get(expected, "calls");
    const json *const stats = json_get(expected, "stats");
    if (events != NULL)
        for (const json *lines = events->first; lines != NULL; lines = lines->next)
            check_lines(self, lines);
    if (calls != NULL) check_calls(self, calls);
    if (stats != NULL) check_stats(self, stats);
}

static void let_go(runner *self) {
    contexts_forget(&self->contexts, NULL);
    for (size_t i = 0; i < LABELS; i++)
        if (self->labels[i].scope != NULL) scopeflow_scope_release(self->labels[i].scope);
    scopeflow_runtime_free(self->elsewhere);
    scopeflow_runtime_free(self->runtime);
    for (size_t i = 0; i < RECORDS; i++)
        for (size_t k = 0; k < self->records[i].count; k++) free(self->records[i].lines[k]);
}

case_result run_case(const json *the_case, size_t failing_allocation) {
    runner *const self = calloc(1, sizeof *self);
    if (self == NULL) abort();
    self->the_case = the_case;
    host_init(&self->host);
    self->host.failing_allocation = failing_allocation;
    self->runtime = new_runtime(self);
    label_root(self, "root", self->runtime);
    self->contexts.all[0].name = "main";
    object *const propagated = run_steps(self, &self->contexts.all[0], json_get(the_case, "steps"));
    if (propagated != NULL) fail(self, "an error was let through at the top");
    check_case(self);
    let_go(self);
    if (self->host.object_count != 0) fail(self, "%zu objects leaked", self->host.object_count);
    if (self->host.block_count != 0) fail(self, "%zu blocks leaked", self->host.block_count);

    case_result result;
    result.failure_count = self->failure_count;
    result.allocation_count = self->host.allocation_count;
    result.ran_out = self->host.allocation_count >= failing_allocation;
    free(self);
    return result;
}
