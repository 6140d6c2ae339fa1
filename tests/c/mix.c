#include "mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mix_must(bool holds, const char *condition, const char *file, int line) {
    if (holds) return;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

/* --- What the bytes say --- */

uint8_t mix_byte(mix *self) {
    return self->at < self->end ? *self->at++ : 0;
}

uint32_t mix_choice(mix *self, uint32_t count) {
    return mix_byte(self) % count;
}

static object *text_payload(mix *self, const char *text) {
    return object_new_json(&self->host, text, strlen(text));
}

/* As many of the program's own bytes as the next one says. */
static object *raw_payload(mix *self) {
    size_t const wanted = mix_choice(self, 48);
    size_t const left = (size_t)(self->end - self->at);
    size_t const len = wanted < left ? wanted : left;
    object *const made = object_new_json(&self->host, (const char *)self->at, len);
    self->at += len;
    return made;
}

object *mix_payload(mix *self) {
    static const char *const texts[] = {
        "{}",
        "[1,2.5,\"\\u20ac\",null]",
        "null",
        "{\"headers\":{\"Authorization\":\"x\",\"a\":\"b\"},\"content\":{\"model\":\"m\"}}",
        "{\"headers\":{},\"content\":null}",
        "{\"error\":{\"type\":\"E\",\"message\":\"m\"}}",
        "{\"data\":1,\"metadata\":{\"k\":[]},\"category_profile\":null}",
        "\"text\"",
    };
    static const char *const fixtures[] = {
        "cycle",  "shared",   "integers", "not_finite", "bytes",       "set",
        "opaque", "too_deep", "foreign",  "surrogate",  "integer_key",
    };
    uint32_t const kind = mix_choice(self, 16);
    if (kind == 0) return NULL;
    if (kind == 1) return raw_payload(self);
    if (kind == 2)
        return object_new_fixture(&self->host,
                                  fixtures[mix_choice(self, sizeof fixtures / sizeof *fixtures)]);
    if (kind == 3) { /* A row of tokens. */
        object *const made = raw_payload(self);
        made->kind = OBJECT_STREAM;
        return made;
    }
    return text_payload(self, texts[kind % (sizeof texts / sizeof *texts)]);
}

static void (*encode_usually)(void *context, scopeflow_ref ref, scopeflow_tape *tape);

/* What stands for a stream elsewhere is a row of tokens here. */
static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    const object *const self = object_of(ref);
    scopeflow_bytes const row = {self->text, self->len};
    if (self->kind == OBJECT_STREAM)
        scopeflow_tape_put_tokens(tape, row);
    else
        encode_usually(context, ref, tape);
}

scopeflow_ref mix_lend(mix *self, mix_work *work) {
    object *const made = mix_payload(self);
    if (made == NULL) return 0;
    MIX_MUST(work->given_count < MIX_GIVEN);
    work->given[work->given_count++] = made;
    return object_ref(made);
}

scopeflow_ref mix_give(mix *self, mix_work *work) {
    object *const made = mix_payload(self);
    if (made == NULL) return 0;
    MIX_MUST(work->taken_count < MIX_GIVEN);
    work->taken[work->taken_count++] = made;
    return object_ref(made);
}

scopeflow_bytes mix_name_at(uint32_t index) {
    static const char *const names[MIX_NAMES] = {"a", "b",    "\xC3\xA9", "d",
                                                 "",  "\xFF", "a\"\\\n",  "g"};
    scopeflow_bytes const bytes = {names[index], strlen(names[index])};
    return bytes;
}

scopeflow_bytes mix_name(mix *self) {
    return mix_name_at(mix_choice(self, MIX_NAMES));
}

scopeflow_scope *mix_scope(mix *self) {
    uint32_t const index = mix_choice(self, MIX_SCOPES + 2);
    return index < MIX_SCOPES ? self->scopes[index] : NULL;
}

scopeflow_emitter *mix_emitter(mix *self) {
    if (self->is_orderly) return &self->emitters[0];
    uint32_t const index = mix_choice(self, MIX_EMITTERS + 1);
    return index < MIX_EMITTERS ? &self->emitters[index] : NULL;
}

int64_t mix_time(mix *self) {
    static const int64_t times[] = {0, -1, 1, INT64_MAX, INT64_MIN + 1, 4000000};
    uint32_t const index = mix_choice(self, 24);
    return index < sizeof times / sizeof *times ? times[index] : SCOPEFLOW_TIMESTAMP_NONE;
}

/* --- Works --- */

/* A DONE step has no more than its scope. */
static bool is_last(scopeflow_step_kind kind) {
    return kind == SCOPEFLOW_STEP_KIND_DONE || kind == SCOPEFLOW_STEP_KIND_RETURN ||
           kind == SCOPEFLOW_STEP_KIND_RAISE;
}

static void release_all(object **objects, size_t *count) {
    for (size_t i = 0; i < *count; i++) object_release(objects[i]);
    *count = 0;
}

static void end_work(mix_work *work) {
    work->is_waiting = false;
    release_all(work->given, &work->given_count);
}

static void keep_scope(mix *self, scopeflow_scope *made) {
    uint32_t const index = mix_choice(self, MIX_SCOPES);
    scopeflow_scope_release(self->scopes[index]); /* May be forgotten while it is open. */
    self->scopes[index] = made;
}

static void keep_event(mix *self, scopeflow_event *event) {
    uint32_t const choice = mix_choice(self, 4 * MIX_EVENTS);
    if (choice >= MIX_EVENTS) return;
    if (mix_choice(self, 2) == 0) (void)!scopeflow_event_seal(event, NULL);
    scopeflow_event_release(self->events[choice]);
    self->events[choice] = scopeflow_event_retain(event);
}

static void look_at_event(mix *self, scopeflow_event *event) {
    scopeflow_bytes text;
    scopeflow_event_part const part = (scopeflow_event_part)mix_choice(self, 6);
    if (scopeflow_event_json(event, part, &text, NULL) == SCOPEFLOW_STATUS_OK)
        MIX_MUST(text.ptr != NULL || text.len == 0);
    keep_event(self, event);
}

/* What the step hands over is the host's again. */
static void arrive(mix *self, mix_work *work) {
    const scopeflow_step *const step = &work->step;
    if (step->kind == SCOPEFLOW_STEP_KIND_DELIVER && object_of(step->callable) == self->observer)
        spans_see(&self->spans, step->event);
    if (step->kind == SCOPEFLOW_STEP_KIND_STREAM) object_release(object_of(step->value));
    if (!is_last(step->kind)) {
        if (step->event != NULL) look_at_event(self, step->event);
        if (self->is_orderly && step->kind == SCOPEFLOW_STEP_KIND_DELIVER)
            mix_answer(self, work, true);
        return;
    }
    if (step->kind != SCOPEFLOW_STEP_KIND_DONE)
        object_release(object_of(step->value));
    else if (step->scope != NULL)
        keep_scope(self, step->scope);
    end_work(work);
}

static void check_failure(scopeflow_status status, const scopeflow_error *error) {
    MIX_MUST(strcmp(scopeflow_status_name(status), "unknown") != 0);
    MIX_MUST(error->status == status && error->message_len_bytes > 10);
    MIX_MUST(strlen(error->message) == error->message_len_bytes);
}

void mix_began(mix *self, mix_work *work, scopeflow_status status, const scopeflow_error *error) {
    self->operation_count++;
    if (status != SCOPEFLOW_STATUS_OK) {
        check_failure(status, error);
        release_all(work->taken, &work->taken_count); /* S7.3: nothing was taken. */
        release_all(work->given, &work->given_count);
        return;
    }
    work->taken_count = 0;
    work->is_waiting = true;
    arrive(self, work);
}

static void fill_answer(mix *self, const scopeflow_step *step, scopeflow_answer *answer) {
    static const scopeflow_answer_kind kinds[] = {0, 0, 0, 0, 0, 0, 1, 2, 3, 4, -1, 5};
    static const scopeflow_status statuses[] = {0, 0, 1005, 1006, 3002, 77};
    answer->kind = kinds[mix_choice(self, sizeof kinds / sizeof *kinds)];
    if (step->kind == SCOPEFLOW_STEP_KIND_STREAM && mix_choice(self, 2) == 0)
        answer->kind = SCOPEFLOW_ANSWER_KIND_CHUNK;
    answer->status = statuses[mix_choice(self, sizeof statuses / sizeof *statuses)];
    answer->flags = mix_choice(self, 64) < 60 ? mix_choice(self, 2) << 1 : mix_choice(self, 8);
    answer->value = object_ref(mix_payload(self));
    if (mix_choice(self, 4) == 0) answer->annotated = object_ref(mix_payload(self));
}

/* Whatever is asked for gets a right answer, which no step refuses. */
static void fill_plain_answer(mix *self, const scopeflow_step *step, scopeflow_answer *answer) {
    bool const is_rewritten =
        step->kind == SCOPEFLOW_STEP_KIND_INVOKE || step->kind == SCOPEFLOW_STEP_KIND_CODEC;
    if (is_rewritten)
        answer->value = object_ref(text_payload(self, "{\"headers\":{},\"content\":{}}"));
}

void mix_answer(mix *self, mix_work *work, bool plainly) {
    scopeflow_answer answer;
    scopeflow_error error;
    memset(&answer, 0, sizeof answer);
    if (plainly)
        fill_plain_answer(self, &work->step, &answer);
    else
        fill_answer(self, &work->step, &answer);
    answer.emitter = mix_emitter(self);
    self->operation_count++;
    scopeflow_status const status =
        scopeflow_task_resume(&work->task, &answer, &work->step, &error);
    if (status == SCOPEFLOW_STATUS_OK) {
        arrive(self, work);
        return;
    }
    check_failure(status, &error);
    object_release(object_of(answer.value));
    object_release(object_of(answer.annotated));
    if (plainly) mix_abandon(self, work);
}

void mix_abandon(mix *self, mix_work *work) {
    self->operation_count++;
    scopeflow_task_abandon(&work->task);
    end_work(work);
}

/* --- A whole mixture --- */

static void observe(mix *self) {
    static scopeflow_bytes const name = {"the observer", 12};
    object *const observer = object_new_callable(&self->host, NULL);
    self->observer = observer;
    MIX_MUST(scopeflow_register_subscriber(self->runtime, name, object_ref(observer), 0, NULL) ==
             SCOPEFLOW_STATUS_OK);
}

void mix_init(mix *self, bool is_orderly) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    memset(self, 0, sizeof *self);
    self->is_orderly = is_orderly;
    host_init(&self->host);
    encode_usually = self->host.table.encode;
    self->host.table.encode = encode;
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC;
    options.payload_budget_bytes = 1024;
    MIX_MUST(scopeflow_runtime_new(&self->host.table, &options, &self->runtime, NULL) ==
             SCOPEFLOW_STATUS_OK);
    observe(self);
}

void mix_run(mix *self, const uint8_t *program, size_t size) {
    self->at = program;
    self->end = program + size;
    while (self->at < self->end) mix_operate(self);
    self->host.failing_allocation = 0;
}

static uint64_t dropped_count(const mix *self) {
    scopeflow_runtime_stats stats;
    MIX_MUST(scopeflow_runtime_read_stats(self->runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    return stats.dropped_event_count;
}

static void finish_works(mix *self) {
    for (size_t i = 0; i < MIX_WORKS; i++) {
        mix_work *const work = &self->works[i];
        for (int steps = 0; work->is_waiting && steps < 10000; steps++)
            mix_answer(self, work, true);
        if (work->is_waiting) mix_abandon(self, work);
    }
}

/* Whatever is owed for what was forgotten is delivered by it. */
static void flush(mix *self, bool closes) {
    scopeflow_runtime_flush_options flush = SCOPEFLOW_RUNTIME_FLUSH_OPTIONS_INIT;
    scopeflow_runtime_close_options close = SCOPEFLOW_RUNTIME_CLOSE_OPTIONS_INIT;
    mix_work *const work = &self->works[0];
    scopeflow_error error;
    flush.emitter = close.emitter = &self->emitters[0];
    scopeflow_status const status =
        closes ? scopeflow_runtime_close(self->runtime, &close, &work->task, &work->step, &error)
               : scopeflow_runtime_flush(self->runtime, &flush, &work->task, &work->step, &error);
    mix_began(self, work, status, &error);
    finish_works(self);
}

static void let_go(mix *self) {
    for (size_t i = 0; i < MIX_EVENTS; i++) {
        scopeflow_event_release(self->events[i]);
        self->events[i] = NULL;
    }
    for (size_t i = 0; i < MIX_SCOPES; i++) {
        scopeflow_scope_release(self->scopes[i]);
        self->scopes[i] = NULL;
    }
}

void mix_settle(mix *self) {
    self->host.failing_allocation = 0;
    self->at = self->end;
    finish_works(self);
    mix_deregister_all(self);
    let_go(self);
    flush(self, false);
    let_go(self);
    uint64_t const dropped = dropped_count(self);
    uint64_t const excused = self->is_orderly ? 0 : dropped - self->dropped_before;
    MIX_MUST(spans_missing(&self->spans) <= excused);
    MIX_MUST(self->spans.late_count == 0);
    self->dropped_before = dropped;
    spans_reset(&self->spans);
}

void mix_deinit(mix *self) {
    mix_settle(self);
    flush(self, true);
    let_go(self);
    scopeflow_runtime_free(self->runtime);
    MIX_MUST(self->host.object_count == 0);
    MIX_MUST(self->host.block_count == 0);
}
