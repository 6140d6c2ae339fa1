/* One event as one line of ATOF 0.1 (S2.1). The keys stand in the order of spec/api/event.yaml,
 * from which the macros SCOPEFLOW__KEY_... are generated. */
#include "event/metadata.h"

#include "base/names.gen.h"
#include "base/sink.h"

#define KEY(name) SCOPEFLOW__TEXT(",\"" name "\":")
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- Pieces --- */

static void put_uuid(scopeflow__buffer *out, const scopeflow_uuid *uuid) {
    char text[SCOPEFLOW__UUID_TEXT_BYTES + 2];
    text[0] = '"';
    scopeflow__uuid_write(uuid, text + 1);
    text[sizeof text - 1] = '"';
    scopeflow__buffer_put(out, text, sizeof text);
}

static void put_timestamp(scopeflow__buffer *out, int64_t timestamp_ns) {
    char text[SCOPEFLOW__TIMESTAMP_TEXT_BYTES];
    size_t const len = scopeflow__timestamp_write(timestamp_ns, text);
    scopeflow__buffer_put_byte(out, '"');
    scopeflow__buffer_put(out, text, len);
    scopeflow__buffer_put_byte(out, '"');
}

static void put_quoted(scopeflow__buffer *out, const char *plain) {
    scopeflow__buffer_put_byte(out, '"');
    scopeflow__buffer_put_text(out, scopeflow__c_text(plain));
    scopeflow__buffer_put_byte(out, '"');
}

/* --- Data --- */

static void put_refusal(const scopeflow_event *event, scopeflow_tape *tape) {
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("rejected"));
    scopeflow_tape_put_bool(tape, 1);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("rejection_reason"));
    if (event->data == 0)
        scopeflow_tape_put_null(tape);
    else
        scopeflow__encode_ref(event->scope->runtime, event->data, tape);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("guardrail"));
    scopeflow__tape_put_string(tape, scopeflow__entry_name(event->entry));
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

static void put_failure(const scopeflow_event *event, scopeflow_tape *tape) {
    const scopeflow_runtime *const runtime = event->scope->runtime;
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("failed"));
    scopeflow_tape_put_bool(tape, 1);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("step"));
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("guard"));
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("registration"));
    scopeflow__tape_put_string(tape, scopeflow__entry_name(event->entry));
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("error"));
    if (event->data == 0 || runtime->host.describe_error == NULL)
        scopeflow_tape_put_null(tape);
    else
        runtime->host.describe_error(runtime->host.context, event->data, tape);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

/* Writes the data; returns whether a payload was given that is JSON null (S2.5). */
static bool write_data(scopeflow_event *self) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &runtime->memory, scopeflow__payload_full_at(runtime));
    if (self->data_source == SCOPEFLOW__DATA_REFUSAL)
        put_refusal(self, &tape);
    else if (self->data_source == SCOPEFLOW__DATA_FAILURE)
        put_failure(self, &tape);
    else
        scopeflow__encode_ref(runtime, self->data, &tape);
    if (tape.bytes.failed) self->line.failed = true;

    scopeflow__cursor const value = scopeflow__tape_value(&tape);
    scopeflow__json_writer writer;
    scopeflow__json_writer_init(&writer, &self->line, runtime->payload_budget_bytes,
                                (runtime->flags & SCOPEFLOW_RUNTIME_FLAG_CANONICAL) != 0);
    scopeflow__json_write(&writer, value);
    bool const is_null = scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_NULL;
    scopeflow__tape_deinit(&tape);
    return is_null && self->data != 0;
}

/* --- What only scopes have --- */

static void put_names(scopeflow__buffer *out, uint32_t bits, const char *const *names,
                      size_t count) {
    bool comma = false;
    scopeflow__buffer_put_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if ((bits & (1u << i)) == 0) continue;
        if (comma) scopeflow__buffer_put_byte(out, ',');
        put_quoted(out, names[i]);
        comma = true;
    }
    scopeflow__buffer_put_byte(out, ']');
}

static void put_attributes(scopeflow__buffer *out, const scopeflow_scope *scope) {
    if (scope->is_call)
        put_names(out, scope->attributes, scopeflow__tool_attribute_names,
                  COUNT(scopeflow__tool_attribute_names));
    else
        put_names(out, scope->attributes, scopeflow__scope_attribute_names,
                  COUNT(scopeflow__scope_attribute_names));
}

/* Tool and LLM events always carry an object, custom scopes their subtype, others null (S2.1). */
static void put_profile(scopeflow__buffer *out, const scopeflow_event *self) {
    bool const has_object =
        self->type == SCOPEFLOW_SCOPE_TYPE_TOOL || self->type == SCOPEFLOW_SCOPE_TYPE_LLM;
    bool const is_custom = self->type == SCOPEFLOW_SCOPE_TYPE_CUSTOM;
    if (!has_object && !is_custom) {
        scopeflow__buffer_put(out, "null", 4);
        return;
    }
    scopeflow_bytes detail = SCOPEFLOW__TEXT("");
    if (self->kind == SCOPEFLOW_EVENT_KIND_SCOPE) detail = scopeflow__scope_detail(self->scope);
    scopeflow__buffer_put_byte(out, '{');
    if (detail.len > 0) {
        put_quoted(out, is_custom ? SCOPEFLOW__KEY_SUBTYPE : SCOPEFLOW__KEY_TOOL_CALL_ID);
        scopeflow__buffer_put_byte(out, ':');
        scopeflow__json_write_string(out, detail);
    }
    scopeflow__buffer_put_byte(out, '}');
}

/* --- The line --- */

static void begin_part(scopeflow_event *self, scopeflow_event_part part) {
    self->parts[part].start = self->line.len;
}
static void end_part(scopeflow_event *self, scopeflow_event_part part) {
    self->parts[part].len = self->line.len - self->parts[part].start;
}

static void write_common(scopeflow_event *self) {
    scopeflow__buffer *const out = &self->line;
    bool const is_scope = self->kind == SCOPEFLOW_EVENT_KIND_SCOPE;
    scopeflow__buffer_put_text(out, is_scope ? SCOPEFLOW__TEXT("{\"kind\":\"scope\"")
                                             : SCOPEFLOW__TEXT("{\"kind\":\"mark\""));
    scopeflow__buffer_put_text(
        out, SCOPEFLOW__TEXT(",\"atof_version\":\"" SCOPEFLOW__ATOF_VERSION "\""));
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_PARENT_UUID));
    put_uuid(out, &self->parent_uuid);
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_UUID));
    put_uuid(out, &self->uuid);
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_TIMESTAMP));
    put_timestamp(out, self->timestamp_ns);
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_NAME));
    scopeflow__json_write_string(out, scopeflow__event_name(self));

    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_DATA));
    begin_part(self, SCOPEFLOW_EVENT_PART_DATA);
    bool const is_null = write_data(self);
    end_part(self, SCOPEFLOW_EVENT_PART_DATA);
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_DATA_SCHEMA));
    scopeflow__buffer_put(out, "null", 4);

    bool const is_end = self->scope_category == SCOPEFLOW_SCOPE_CATEGORY_END;
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_METADATA));
    begin_part(self, SCOPEFLOW_EVENT_PART_METADATA);
    scopeflow__metadata_write(self, out, is_end && is_null);
    end_part(self, SCOPEFLOW_EVENT_PART_METADATA);
}

static void write_scope_fields(scopeflow_event *self) {
    scopeflow__buffer *const out = &self->line;
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_SCOPE_CATEGORY));
    put_quoted(out, self->scope_category == SCOPEFLOW_SCOPE_CATEGORY_START ? "start" : "end");
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_ATTRIBUTES));
    begin_part(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES);
    put_attributes(out, self->scope);
    end_part(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES);
}

static void write_category(scopeflow_event *self) {
    scopeflow__buffer *const out = &self->line;
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_CATEGORY));
    if (self->type < 0)
        scopeflow__buffer_put(out, "null", 4);
    else
        put_quoted(out, scopeflow__category_names[self->type]);
    scopeflow__buffer_put_text(out, KEY(SCOPEFLOW__KEY_CATEGORY_PROFILE));
    begin_part(self, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE);
    put_profile(out, self);
    end_part(self, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE);
    scopeflow__buffer_put_byte(out, '}');
}

bool scopeflow__event_encode(scopeflow_event *self) {
    if (self->is_encoded) return true;
    self->line.failed = false;
    self->line.len = 0;
    memset(self->parts, 0, sizeof self->parts);

    write_common(self);
    if (self->kind == SCOPEFLOW_EVENT_KIND_SCOPE) write_scope_fields(self);
    write_category(self);
    self->parts[SCOPEFLOW_EVENT_PART_LINE].len = self->line.len;
    scopeflow__buffer_put_byte(&self->line, '\n'); /* For sinks; no part has it. */
    self->is_encoded = !self->line.failed;
    return self->is_encoded;
}

bool scopeflow__event_line_with_end(scopeflow_event *event, scopeflow_bytes *out_line) {
    if (!scopeflow__event_encode(event)) return false;
    *out_line = scopeflow__text(event->line.ptr, event->line.len);
    return true;
}
