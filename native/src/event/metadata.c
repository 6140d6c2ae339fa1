#include "event/metadata.h"

#include "base/names.gen.h"

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
    if (ref != 0 && runtime->host.encode != NULL)
        runtime->host.encode(runtime->host.context, ref, tape);
}

/* --- Members by key --- */

/* FNV-1a, started from the runtime's seed so that nobody can choose colliding keys. */
static size_t first_place(const composition *self, scopeflow_bytes key) {
    uint64_t hash = 0xCBF29CE484222325ull ^ self->seed;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001B3ull;
    return (size_t)((hash ^ (hash >> 32)) & (2 * self->capacity - 1));
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

/* S2.4: the user's own keys win over the runtime's. */
static void lay_under(composition *self, scopeflow__cursor own) {
    (void)scopeflow__cursor_read(&own);
    while (scopeflow__cursor_peek(&own) != SCOPEFLOW_TOKEN_END) {
        bool is_new;
        scopeflow__member *const member =
            member_of(self, scopeflow__cursor_read(&own).text, &is_new);
        scopeflow__cursor const value = scopeflow__cursor_take(&own);
        if (member == NULL || !is_new) continue;
        member->value = value;
        member->is_free = true;
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

/* The text member of that key in the host's description of an error; empty if there is none. */
static scopeflow_bytes described(scopeflow__cursor error, const char *key) {
    if (scopeflow__cursor_read(&error).kind != SCOPEFLOW_TOKEN_OBJECT) return SCOPEFLOW__TEXT("");
    while (scopeflow__cursor_peek(&error) != SCOPEFLOW_TOKEN_END) {
        bool const found =
            scopeflow__same_text(scopeflow__cursor_read(&error).text, scopeflow__c_text(key));
        scopeflow__cursor value = scopeflow__cursor_take(&error);
        if (found && scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_STRING)
            return scopeflow__cursor_read(&value).text;
    }
    return SCOPEFLOW__TEXT("");
}

static scopeflow_bytes error_type(const scopeflow__outcome *outcome) {
    if (outcome->is_abandoned) return SCOPEFLOW__TEXT("abandoned");
    if (outcome->status == SCOPEFLOW_END_STATUS_CANCELLED) return SCOPEFLOW__TEXT("cancelled");
    if (outcome->own_error != SCOPEFLOW_STATUS_OK)
        return scopeflow__c_text(scopeflow__status_name(outcome->own_error));
    return SCOPEFLOW__TEXT("exception");
}

/* S2.4. A manual end that says ERROR but gives no error has nothing more to say. */
static void put_outcome(const scopeflow_event *event, scopeflow_tape *own) {
    const scopeflow__outcome *const outcome = &event->outcome;
    scopeflow_runtime *const runtime = event->scope->runtime;
    if (outcome->status == SCOPEFLOW_END_STATUS_UNSET) return;
    bool const is_ok = outcome->status == SCOPEFLOW_END_STATUS_OK;
    put_pair(own, SCOPEFLOW__KEY_OTEL_STATUS_CODE,
             is_ok ? SCOPEFLOW__TEXT("OK") : SCOPEFLOW__TEXT("ERROR"));
    if (is_ok) return;

    scopeflow_tape description;
    scopeflow__tape_init(&description, &runtime->memory, scopeflow__payload_full_at(runtime));
    if (outcome->error != 0 && runtime->host.describe_error != NULL)
        runtime->host.describe_error(runtime->host.context, outcome->error, &description);
    scopeflow__cursor const error = scopeflow__tape_value(&description);
    scopeflow_bytes const message = described(error, "message");
    scopeflow_bytes const type = described(error, "type");
    /* An error without a text still has one, an empty one. */
    if (outcome->error != 0) put_pair(own, SCOPEFLOW__KEY_OTEL_STATUS_DESCRIPTION, message);
    if (outcome->error != 0 || outcome->status == SCOPEFLOW_END_STATUS_CANCELLED ||
        outcome->is_abandoned || outcome->own_error != SCOPEFLOW_STATUS_OK)
        put_pair(own, SCOPEFLOW__KEY_ERROR_TYPE, error_type(outcome));
    if (type.len > 0) put_pair(own, SCOPEFLOW__KEY_EXCEPTION_TYPE, type);
    if (description.bytes.failed) own->bytes.failed = true;
    scopeflow__tape_deinit(&description);
}

static void put_own(const scopeflow_event *event, scopeflow_tape *own, bool output_is_null) {
    scopeflow_tape_put_mark(own, SCOPEFLOW_TOKEN_OBJECT);
    /* S2.5: what the start's metadata says stands in the end's too. */
    if (event->kind == SCOPEFLOW_EVENT_KIND_SCOPE && event->scope->is_detached)
        put_uuid_pair(own, SCOPEFLOW__KEY_DETACHED_FROM, &event->scope->detached_from);
    put_outcome(event, own);
    if (output_is_null) {
        scopeflow__tape_put_string(own, scopeflow__c_text(SCOPEFLOW__KEY_DATA_NULL));
        scopeflow_tape_put_bool(own, 1);
    }
    scopeflow_tape_put_mark(own, SCOPEFLOW_TOKEN_END);
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

static void write_composed(composition *self, scopeflow__json_writer *writer,
                           scopeflow__cursor start, scopeflow__cursor end, scopeflow__cursor own) {
    if (is_given(start)) lay_over(self, start);
    if (is_given(end)) lay_over(self, end);
    lay_under(self, own);
    if (self->failed)
        writer->out->failed = true;
    else
        scopeflow__json_write_members(writer, self->members, self->count);
    free_members(self);
}

static void write_tapes(scopeflow_event *event, scopeflow__buffer *out,
                        const scopeflow_tape tapes[3]) {
    scopeflow_runtime *const runtime = event->scope->runtime;
    scopeflow__cursor const start = scopeflow__tape_value(&tapes[0]);
    scopeflow__cursor const end = scopeflow__tape_value(&tapes[1]);
    scopeflow__cursor const own = scopeflow__tape_value(&tapes[2]);

    scopeflow__json_writer writer;
    scopeflow__json_writer_init(&writer, out, runtime->payload_budget_bytes,
                                (runtime->flags & SCOPEFLOW_RUNTIME_FLAG_CANONICAL) != 0);
    bool const is_end = event->scope_category == SCOPEFLOW_SCOPE_CATEGORY_END;
    bool const is_merge = has_members(own) || (is_given(start) && is_given(end)) ||
                          (is_end && (is_other_than_object(start) || is_other_than_object(end)));
    if (!is_merge) {
        scopeflow__json_write(&writer, is_given(start) ? start : end);
        return;
    }
    composition parts;
    memset(&parts, 0, sizeof parts);
    parts.memory = &runtime->memory;
    parts.seed = runtime->seed[0];
    write_composed(&parts, &writer, start, end, own);
}

void scopeflow__metadata_write(scopeflow_event *event, scopeflow__buffer *out,
                               bool output_is_null) {
    scopeflow_runtime *const runtime = event->scope->runtime;
    scopeflow_tape tapes[3];
    for (int i = 0; i < 3; i++)
        scopeflow__tape_init(&tapes[i], &runtime->memory, scopeflow__payload_full_at(runtime));
    scopeflow__encode_ref(runtime, event->start_metadata, &tapes[0]);
    scopeflow__encode_ref(runtime, event->metadata, &tapes[1]);
    put_own(event, &tapes[2], output_is_null);

    /* What memory was missing for would read as absent. */
    if (tapes[0].bytes.failed || tapes[1].bytes.failed || tapes[2].bytes.failed)
        out->failed = true;
    else
        write_tapes(event, out, tapes);
    for (int i = 0; i < 3; i++) scopeflow__tape_deinit(&tapes[i]);
}
