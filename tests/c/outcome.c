/* What came out of an operation and of a case, held against what is expected. */
#include "call.h"
#include "json_writer.h"
#include "reached.h"

#include <stdlib.h>
#include <string.h>

/* --- Results --- */

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

bool payload_is(const object *got, const json *expected) {
    const json *const text = json_get(expected, "json");
    if (got == NULL || text == NULL)
        return got != NULL && json_is(json_get(expected, "host"), got->text);
    const json *const a = json_read(got->text, got->len);
    const json *const b = json_read(text->text, text->len);
    bool const is_same = json_same(a, b);
    json_free(a);
    json_free(b);
    return is_same;
}

/* A helper that found nothing to rewrite hands nothing back: the request is as it was given. */
static void check_value(const call *c, const json *expected) {
    const object *const got = c->result != NULL ? c->result : c->request;
    if (!payload_is(got, expected))
        differ(c->runner, "%s: returned %s", c->name, got == NULL ? "nothing" : got->text);
}

static void check_chunks(const call *c, const json *expected) {
    size_t const count = json_count(expected);
    if (c->stream.taken_count != count)
        differ(c->runner, "the consumer got %zu chunks", c->stream.taken_count);
    for (size_t i = 0; i < count && i < c->stream.taken_count; i++)
        if (!payload_is(c->stream.taken[i], json_at(expected, i)))
            differ(c->runner, "chunk %zu is %s", i + 1, c->stream.taken[i]->text);
}

static void check_status(const call *c, const json *status, const json *message,
                         scopeflow_status ended) {
    const char *const came = scopeflow_status_name(ended);
    if (ended == SCOPEFLOW_STATUS_OK || !json_is(status, came))
        differ(c->runner, "%s: %s instead of %s", c->name, came, status->text);
    else if (message != NULL && !json_is(message, c->message))
        differ(c->runner, "%s: the message is '%s'", c->name, c->message);
    else if (c->message[0] == '\0')
        differ(c->runner, "%s: no message", c->name);
}

static void check_success(const call *c, const json *expected) {
    const json *const out = json_get(expected, "out");
    const json *const returned = json_get(expected, "value");
    if (out != NULL) check_out(c, out);
    if (returned != NULL && !c->was_left) check_value(c, returned); /* Its request has gone. */
}

void check_outcome(call *c) {
    const json *const expected = json_get(c->step_of_case, "expect");
    const json *const status = json_get(expected, "status");
    const json *const chunks = json_get(expected, "chunks");
    bool const cancelled = json_get(expected, "cancel") != NULL;
    const json *const raised = json_get(expected, cancelled ? "cancel" : "raise");
    scopeflow_status const ended = c->raised != NULL ? c->raised->status : c->raised_status;
    const char *const came = c->raised != NULL ? c->raised->text : scopeflow_status_name(ended);
    if (!c->is_native) reached_operation(c->name);
    if (!c->is_native && ended != SCOPEFLOW_STATUS_OK) reached_error(c->name, ended);
    if (chunks != NULL) check_chunks(c, chunks);
    if (status != NULL)
        check_status(c, status, json_get(expected, "message"), ended);
    else if (raised == NULL && (c->raised != NULL || ended != SCOPEFLOW_STATUS_OK))
        differ(c->runner, "%s: failed: %s", c->name, c->raised ? came : c->message);
    else if (raised == NULL)
        check_success(c, expected);
    else if (c->raised == NULL || c->raised->is_cancel != cancelled ||
             !same_error(c->raised, raised))
        differ(c->runner, "%s: %s came out", c->name, came);
}

/* --- The case --- */

const char *record_line(runner *self, const char *name, scopeflow_event *event) {
    scopeflow_bytes line;
    scopeflow_status status;
    do status = scopeflow_event_json(event, SCOPEFLOW_EVENT_PART_LINE, &line, NULL);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    if (status != SCOPEFLOW_STATUS_OK) {
        fail(self, "an event gave no line but %s", scopeflow_status_name(status));
        return NULL;
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
    return copy;
}

/* Events for which there was no memory: dropped and counted, the work goes on (S4.4). */
static size_t lost_count(const runner *self) {
    scopeflow_runtime_stats stats;
    if (self->faults.kind == FAULT_NONE) return 0;
    if (scopeflow_runtime_read_stats(self->runtime, &stats, NULL) != SCOPEFLOW_STATUS_OK) abort();
    return (size_t)stats.dropped_event_count;
}

static void check_lines(runner *self, const json *expected) {
    const record *seen = self->records;
    while (seen->label != NULL && strcmp(seen->label, expected->key) != 0) seen++;
    size_t const count = json_count(expected);
    size_t const lost = lost_count(self);
    if (seen->count != count) differ(self, "%s saw %zu events", expected->key, seen->count);
    if (seen->count + lost < count && !self->has_scripts && !faults_disturb(&self->faults))
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

void check_case(runner *self) {
    const json *const expected = json_get(self->the_case, "expect");
    const json *const events = json_get(expected, "events");
    const json *const calls = json_get(expected, "calls");
    const json *const stats = json_get(expected, "stats");
    const json *const given_back = json_get(expected, "given_back");
    if (events != NULL)
        for (const json *lines = events->first; lines != NULL; lines = lines->next)
            check_lines(self, lines);
    if (calls != NULL) check_calls(self, calls);
    if (stats != NULL) check_stats(self, stats);
    if (given_back != NULL) check_natives_given_back(self, given_back);
}
