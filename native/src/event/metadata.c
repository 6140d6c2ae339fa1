#include "event/metadata.h"

#include "event/error_text.h"
#include "json/sets.h"

/* Members in the order in which they will be written, and an index of their keys, so that hostile
 * metadata with very many keys costs no more than its size. */
typedef struct composition {
    const scopeflow__memory *memory;
    scopeflow__member *members;
    size_t count;
    size_t capacity; /* A power of two, or 0. */
    uint32_t *index; /* 2 * capacity places: position + 1, or 0. */
    uint64_t seed;
    bool failed;
} composition;

void scopeflow__encode_ref(scopeflow_runtime *runtime, scopeflow_ref ref, scopeflow_tape *tape) {
    if (ref == 0 || runtime->host.encode == NULL) return;
    size_t const from = tape->bytes.len;
    runtime->host.encode(runtime->host.context, ref, tape);
    if (tape->has_set) scopeflow__tape_sort_sets(tape, from);
}

/* --- Members by key --- */

static size_t first_place(const composition *self, scopeflow_bytes key) {
    return (size_t)(scopeflow__hash(key, self->seed) & (2 * self->capacity - 1));
}

/* Where the key stands in the index, or the free place where it belongs. */
static uint32_t *find_place(const composition *self, scopeflow_bytes key) {
    size_t at = first_place(self, key);
    for (;; at = (at + 1) & (2 * self->capacity - 1)) {
        uint32_t const position = self->index[at];
        if (position == 0 || scopeflow__same_text(self->members[position - 1].key, key))
            return &self->index[at];
    }
}

static void free_members(composition *self) {
    scopeflow__deallocate(self->memory, self->members, self->capacity * sizeof *self->members);
    scopeflow__deallocate(self->memory, self->index, 2 * self->capacity * sizeof *self->index);
}

static bool grow(composition *self) {
    composition larger = *self;
    larger.capacity = self->capacity > 0 ? 2 * self->capacity : 16;
    larger.members = (scopeflow__member *)scopeflow__allocate(
        self->memory, larger.capacity * sizeof *larger.members);
    larger.index =
        (uint32_t *)scopeflow__allocate(self->memory, 2 * larger.capacity * sizeof *larger.index);
    if (larger.members == NULL || larger.index == NULL) {
        free_members(&larger);
        self->failed = true;
        return false;
    }
    scopeflow__copy(larger.members, self->members, self->count * sizeof *self->members);
    memset(larger.index, 0, 2 * larger.capacity * sizeof *larger.index);
    for (uint32_t i = 0; i < self->count; i++) *find_place(&larger, larger.members[i].key) = i + 1;
    free_members(self);
    *self = larger;
    return true;
}

/* The member of that key, made if it is new; null when memory ran out. */
static scopeflow__member *member_of(composition *self, scopeflow_bytes key, bool *out_is_new) {
    *out_is_new = false;
    if (self->failed || (self->count == self->capacity && !grow(self))) return NULL;
    uint32_t *const place = find_place(self, key);
    if (*place != 0) return &self->members[*place - 1];
    *place = (uint32_t)++self->count;
    *out_is_new = true;
    scopeflow__member *const added = &self->members[self->count - 1];
    added->key = key;
    added->is_free = false;
    return added;
}

static void set_member(composition *self, scopeflow_bytes key, scopeflow__cursor value) {
    bool is_new;
    scopeflow__member *const member = member_of(self, key, &is_new);
    if (member != NULL) member->value = value;
}

/* S2.5: an object's members are laid over what is there; anything else is kept under `value`. */
static void lay_over(composition *self, scopeflow__cursor value) {
    if (scopeflow__cursor_peek(&value) != SCOPEFLOW_TOKEN_OBJECT) {
        set_member(self, SCOPEFLOW__TEXT("value"), value);
        return;
    }
    (void)scopeflow__cursor_read(&value);
    while (scopeflow__cursor_peek(&value) != SCOPEFLOW_TOKEN_END) {
        scopeflow_bytes const key = scopeflow__cursor_read(&value).text;
        set_member(self, key, scopeflow__cursor_take(&value));
    }
}

/* S2.4, S3.12: keys that are there already win. The runtime's own count against no budget. */
static void lay_under(composition *self, scopeflow__cursor own, bool is_free) {
    if (scopeflow__cursor_read(&own).kind != SCOPEFLOW_TOKEN_OBJECT) return;
    while (scopeflow__cursor_peek(&own) != SCOPEFLOW_TOKEN_END) {
        bool is_new;
        scopeflow__member *const member =
            member_of(self, scopeflow__cursor_read(&own).text, &is_new);
        scopeflow__cursor const value = scopeflow__cursor_take(&own);
        if (member == NULL || !is_new) continue;
        member->value = value;
        member->is_free = is_free;
    }
}

/* --- What the runtime says --- */

static void put_pair(scopeflow_tape *own, const char *key, scopeflow_bytes text) {
    scopeflow__tape_put_string(own, scopeflow__c_text(key));
    scopeflow__tape_put_string(own, text);
}

static void put_uuid_pair(scopeflow_tape *own, const char *key, const scopeflow_uuid *uuid) {
    char text[36];
    scopeflow__uuid_write(uuid, text);
    put_pair(own, key, scopeflow__text(text, sizeof text));
}

static scopeflow_bytes error_type(const scopeflow__outcome *outcome, scopeflow_bytes status) {
    if (outcome->is_abandoned) return SCOPEFLOW__TEXT("abandoned");
    if (outcome->status == SCOPEFLOW_END_STATUS_CANCELLED) return SCOPEFLOW__TEXT("cancelled");
    return status.len > 0 ? status : SCOPEFLOW__TEXT("exception");
}

/* S2.4. A manual end that says ERROR but gives no error has nothing more to say. */
static void put_error(const scopeflow_event *event, scopeflow_tape *own) {
    const scopeflow__outcome *const outcome = &event->outcome;
    scopeflow__error_view error;
    scopeflow__error_view_init(&error, event, outcome->error, false);
    /* An error without a text still has one, an empty one. What event sanitizers were to see and
     * did not is withheld (S3.12). */
    if (outcome->error != 0 && error.has_message && !event->is_stripped)
        put_pair(own, SCOPEFLOW__KEY_OTEL_STATUS_DESCRIPTION, error.message);
    if (outcome->error != 0 || outcome->status == SCOPEFLOW_END_STATUS_CANCELLED ||
        outcome->is_abandoned)
        put_pair(own, SCOPEFLOW__KEY_ERROR_TYPE, error_type(outcome, error.status));
    if (error.type.len > 0) put_pair(own, SCOPEFLOW__KEY_EXCEPTION_TYPE, error.type);
    scopeflow__error_view_deinit(&error, own);
}

static void put_outcome(const scopeflow_event *event, scopeflow_tape *own) {
    scopeflow_end_status const status = event->outcome.status;
    if (status == SCOPEFLOW_END_STATUS_UNSET) return;
    bool const is_ok = status == SCOPEFLOW_END_STATUS_OK;
    put_pair(own, SCOPEFLOW__KEY_OTEL_STATUS_CODE,
             is_ok ? SCOPEFLOW__TEXT("OK") : SCOPEFLOW__TEXT("ERROR"));
    if (!is_ok) put_error(event, own);
}

static void put_true(scopeflow_tape *own, bool condition, const char *key) {
    if (!condition) return;
    scopeflow__tape_put_string(own, scopeflow__c_text(key));
    scopeflow_tape_put_bool(own, 1);
}

static void put_integer_pair(scopeflow_tape *own, const char *key, int64_t value) {
    scopeflow__tape_put_string(own, scopeflow__c_text(key));
    scopeflow_tape_put_int(own, value);
}

static void put_stream(const scopeflow_event *event, scopeflow_tape *own) {
    const scopeflow__stream_facts *const stream = &event->stream;
    if (!event->is_stream) return;
    put_integer_pair(own, SCOPEFLOW__KEY_STREAM_CHUNK_COUNT, (int64_t)stream->chunk_count);
    if (stream->chunk_count > 0)
        put_integer_pair(own, SCOPEFLOW__KEY_STREAM_FIRST_CHUNK_NS,
                         (int64_t)stream->first_chunk_ns);
    if (stream->chunk_count > 1)
        put_integer_pair(own, SCOPEFLOW__KEY_STREAM_LONGEST_GAP_NS,
                         (int64_t)stream->longest_gap_ns);
}

static void put_own(const scopeflow_event *event, scopeflow_tape *own, bool output_is_null) {
    scopeflow_tape_put_mark(own, SCOPEFLOW_TOKEN_OBJECT);
    /* S2.5: what the start's metadata says stands in the end's too. */
    if (event->kind == SCOPEFLOW_EVENT_KIND_SCOPE && event->scope->is_detached)
        put_uuid_pair(own, SCOPEFLOW__KEY_DETACHED_FROM, &event->scope->detached_from);
    put_outcome(event, own);
    put_true(own, output_is_null, SCOPEFLOW__KEY_DATA_NULL);
    if (event->failed_sanitizer != NULL)
        put_pair(own, SCOPEFLOW__KEY_SANITIZE_FAILED,
                 scopeflow__entry_name(event->failed_sanitizer));
    put_true(own, event->codec_failed, SCOPEFLOW__KEY_CODEC_FAILED);
    put_true(own, event->finalizer_failed, SCOPEFLOW__KEY_FINALIZER_FAILED);
    put_stream(event, own);
    scopeflow_tape_put_mark(own, SCOPEFLOW_TOKEN_END);
}

/* Nothing is given, and `put_own` would put no more than how the work ended. */
bool scopeflow__metadata_is_plain(const scopeflow_event *event, bool output_is_null) {
    scopeflow_end_status const status = event->outcome.status;
    bool const has_error =
        status != SCOPEFLOW_END_STATUS_UNSET && status != SCOPEFLOW_END_STATUS_OK;
    bool const is_given =
        event->start_metadata != 0 || event->metadata != 0 || event->injected != NULL;
    bool const is_detached = event->kind == SCOPEFLOW_EVENT_KIND_SCOPE && event->scope->is_detached;
    bool const has_failed =
        event->failed_sanitizer != NULL || event->codec_failed || event->finalizer_failed;
    return !has_error && !is_given && !is_detached && !has_failed && !output_is_null &&
           !event->is_stream;
}

/* --- Putting it together --- */

static bool is_given(scopeflow__cursor value) {
    return scopeflow__cursor_peek(&value) != SCOPEFLOW_TOKEN_NULL;
}

/* S2.5: in an end's metadata whatever is no object is kept under `value`. */
static bool is_other_than_object(scopeflow__cursor value) {
    return is_given(value) && scopeflow__cursor_peek(&value) != SCOPEFLOW_TOKEN_OBJECT;
}

static bool has_members(scopeflow__cursor object) {
    return object.end - object.at > 2; /* More than the opening and the closing token. */
}

typedef struct sources {
    scopeflow_tape start;
    scopeflow_tape end;
    scopeflow_tape own;
    scopeflow_tape injected; /* One object after the other. */
} sources;

/* Lays the injected objects under the rest, in the order of the injectors. */
static void lay_injected(composition *self, const scopeflow_tape *injected) {
    scopeflow__cursor rest;
    if (injected->bytes.len == 0) return; /* Its bytes are null then. */
    rest.at = (const unsigned char *)injected->bytes.ptr;
    rest.end = rest.at + injected->bytes.len;
    while (rest.at < rest.end) lay_under(self, scopeflow__cursor_take(&rest), false);
}

static void write_composed(composition *self, scopeflow__json_writer *writer,
                           const sources *given) {
    scopeflow__cursor const start = scopeflow__tape_value(&given->start);
    scopeflow__cursor const end = scopeflow__tape_value(&given->end);
    if (is_given(start)) lay_over(self, start);
    if (is_given(end)) lay_over(self, end);
    lay_under(self, scopeflow__tape_value(&given->own), true);
    lay_injected(self, &given->injected);
    if (self->failed)
        writer->out->failed = true;
    else
        scopeflow__json_write_members(writer, self->members, self->count);
    free_members(self);
}

static void write_sources(scopeflow_event *event, scopeflow__buffer *out, const sources *given) {
    scopeflow_runtime *const runtime = event->scope->runtime;
    scopeflow__cursor const start = scopeflow__tape_value(&given->start);
    scopeflow__cursor const end = scopeflow__tape_value(&given->end);

    scopeflow__json_writer writer;
    scopeflow__json_writer_init(&writer, out, runtime->payload_budget_bytes,
                                (runtime->flags & SCOPEFLOW_RUNTIME_FLAG_CANONICAL) != 0);
    bool const is_end = event->scope_category == SCOPEFLOW_SCOPE_CATEGORY_END;
    bool const is_merge = has_members(scopeflow__tape_value(&given->own)) ||
                          given->injected.bytes.len > 0 || (is_given(start) && is_given(end)) ||
                          (is_end && (is_other_than_object(start) || is_other_than_object(end)));
    if (!is_merge) {
        scopeflow__json_write(&writer, is_given(start) ? start : end);
        return;
    }
    composition parts;
    memset(&parts, 0, sizeof parts);
    parts.memory = &runtime->memory;
    parts.seed = runtime->seed[0];
    write_composed(&parts, &writer, given);
}

static void put_injected(scopeflow_event *event, scopeflow_tape *out) {
    scopeflow_runtime *const runtime = event->scope->runtime;
    for (const scopeflow__owned_ref *i = event->injected; i != NULL; i = i->next) {
        scopeflow_tape one;
        scopeflow__tape_init(&one, &runtime->memory, out->full_at);
        scopeflow__encode_ref(runtime, i->ref, &one);
        if (has_members(scopeflow__tape_value(&one)))
            scopeflow__tape_put_value(out, scopeflow__tape_value(&one));
        if (one.bytes.failed) out->bytes.failed = true;
        scopeflow__tape_deinit(&one);
    }
}

void scopeflow__metadata_write(scopeflow_event *event, scopeflow__buffer *out,
                               bool output_is_null) {
    if (scopeflow__metadata_is_plain(event, output_is_null)) {
        bool const is_ok = event->outcome.status == SCOPEFLOW_END_STATUS_OK;
        scopeflow__buffer_put_text(out, is_ok ? SCOPEFLOW__TEXT(SCOPEFLOW__METADATA_OK)
                                              : SCOPEFLOW__TEXT("null"));
        return;
    }
    scopeflow_runtime *const runtime = event->scope->runtime;
    size_t const full_at = scopeflow__payload_full_at(runtime);
    sources given;
    scopeflow_tape *const tapes[] = {&given.start, &given.end, &given.own, &given.injected};
    for (int i = 0; i < 4; i++) scopeflow__tape_init(tapes[i], &runtime->memory, full_at);
    if (!event->is_stripped) {
        scopeflow__encode_ref(runtime, event->start_metadata, &given.start);
        scopeflow__encode_ref(runtime, event->metadata, &given.end);
        put_injected(event, &given.injected);
    }
    put_own(event, &given.own, output_is_null);

    /* What memory was missing for would read as absent. */
    bool failed = false;
    for (int i = 0; i < 4; i++) failed = failed || tapes[i]->bytes.failed;
    if (failed)
        out->failed = true;
    else
        write_sources(event, out, &given);
    for (int i = 0; i < 4; i++) scopeflow__tape_deinit(tapes[i]);
}
