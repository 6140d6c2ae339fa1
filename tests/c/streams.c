/* Streams of chunks: the producer makes one when the consumer asks, the collector sees it first
 * (S4.7). */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stream_let_go(streaming *self) {
    object_release(self->producer);
    object_release(self->passing);
    value_release(self->inside);
    self->producer = NULL;
    self->passing = NULL;
    self->inside = NULL;
}

/* Steps under a number, such as those before the n-th chunk. */
static const json *numbered(const json *steps, size_t number) {
    char key[24];
    snprintf(key, sizeof key, "%zu", number);
    return json_get(steps, key);
}

/* --- The consumer --- */

/* It gets the chunk that the collector took, and does what it does between two chunks. Returns the
 * error that this lets through, held, or null. */
static object *consume(call *c) {
    streaming *const stream = &c->stream;
    const json *const consumption = json_get(c->step_of_case, "consume");
    if (stream->passing != NULL) {
        if (stream->taken_count == CHUNKS) abort();
        stream->taken[stream->taken_count++] = stream->passing;
        stream->passing = NULL;
    }
    return run_steps(c->runner, c->context,
                     numbered(json_get(consumption, "between"), stream->taken_count));
}

typedef enum consumption { TAKE_MORE, CLOSE, DROP } consumption;

static consumption consumer_wants(call *c) {
    const json *const plan = json_get(c->step_of_case, "consume");
    const json *const take = json_get(plan, "take");
    if (faults_strike(&c->runner->faults, PLACE_CHUNK))
        return c->runner->faults.kind == FAULT_DROP ? DROP : CLOSE;
    if (take == NULL || json_integer(take, 0) != (long long)c->stream.taken_count) return TAKE_MORE;
    return json_is(json_get(plan, "then"), "drop") ? DROP : CLOSE;
}

/* --- The producer --- */

/* S1.11: its context is entered for each step, and left before a chunk is handed over. */
static void swap_contexts(call *c) {
    value *const outside = c->context->current;
    c->context->current = c->stream.inside;
    c->stream.inside = outside;
}

/* The next chunk, held; null at the end, which the answer then tells. */
static object *produce(call *c, scopeflow_answer *answer) {
    const json *const script = c->stream.producer->definition;
    const json *const chunks = json_get(script, "chunks");
    size_t const number = c->stream.taken_count + 1;
    swap_contexts(c);
    object *const propagated =
        run_steps(c->runner, c->context, numbered(json_get(script, "before"), number));
    swap_contexts(c);
    if (propagated != NULL) {
        answer_error(answer, propagated);
        return NULL;
    }
    if (number <= json_count(chunks)) return new_payload(c->runner, json_at(chunks, number - 1));
    (void)act_failure(c, script, answer);
    return NULL;
}

/* False if it ends the stream with an error. */
static bool collect(call *c, scopeflow_answer *answer) {
    const json *const collector = json_get(c->step_of_case, "collector");
    if (collector == NULL) return true;
    note_call(c->runner, json_text(json_get(collector, "label"), NULL), NULL);
    const json *const script =
        next_answer(json_get(collector, "answers"), &c->stream.collector_count);
    return act(c, script, answer) && !act_failure(c, script, answer);
}

static void step_producer(call *c, scopeflow_answer *answer) {
    if (c->stream.producer == NULL) {
        answer_error(answer, object_new_error(&c->runner->host, "ValueError", "this is no stream"));
        return;
    }
    if (!act(c, NULL, answer)) return;
    object *const chunk = produce(c, answer);
    if (chunk == NULL) return;
    if (!collect(c, answer)) {
        object_release(chunk);
        return;
    }
    c->stream.passing = chunk;
    answer->kind = SCOPEFLOW_ANSWER_KIND_CHUNK;
}

/* --- The step --- */

static void begin(call *c) {
    object *const came = object_of(c->step.value);
    if (c->stream.has_begun) {
        if (came != NULL) fail(c->runner, "a stream was handed over twice");
        return;
    }
    if (came != c->returned) fail(c->runner, "another stream came back");
    c->stream.has_begun = true;
    c->step.value = 0;
    c->returned = NULL;
    if (came != NULL && came->kind == OBJECT_STREAM)
        c->stream.producer = came;
    else
        object_release(came);
}

bool stream_go_on(call *c, scopeflow_answer *answer) {
    begin(c);
    object *const error = consume(c);
    if (error != NULL) {
        c->raised = error;
        return false;
    }
    switch (consumer_wants(c)) {
    case DROP: return false;
    case CLOSE: answer->kind = SCOPEFLOW_ANSWER_KIND_CANCEL; break;
    case TAKE_MORE: step_producer(c, answer); break;
    }
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_CHUNK) stream_let_go(&c->stream);
    return true;
}

void finalize(call *c, scopeflow_answer *answer) {
    const json *const finalizer = json_get(c->step_of_case, "finalizer");
    if (finalizer == NULL) return;
    note_call(c->runner, json_text(json_get(finalizer, "label"), NULL), NULL);
    const json *const script =
        next_answer(json_get(finalizer, "answers"), &c->stream.finalizer_count);
    if (!act(c, script, answer) || act_failure(c, script, answer)) return;
    const json *const returned = json_get(script, "return");
    if (returned != NULL) answer->value = object_ref(new_payload(c->runner, returned));
}
