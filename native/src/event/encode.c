/* One event as one line of ATOF 0.1 (S2.1). The keys stand in the order of spec/api/event.yaml,
 * from which the macros SCOPEFLOW__KEY_... are generated. */
#include "base/checks.gen.h"
#include "base/names.gen.h"
#include "base/sink.h"
#include "base/vector.h"
#include "event/credentials.h"
#include "event/error_text.h"
#include "event/metadata.h"
#include "event/payload.h"
#include "value/described.h"

#define KEY(name) ",\"" name "\":"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- Pieces --- */

/* A text of a length that the compiler knows: it is stored, not copied by a call. */
#define PUT(out, literal) put_constant(out, literal, sizeof(literal) - 1)
SCOPEFLOW__INLINE void put_constant(scopeflow__buffer *out, const char *text, size_t len) {
    if (!scopeflow__buffer_reserve(out, len)) return;
    memcpy(out->ptr + out->len, text, len);
    out->len += len;
}

static void put_quoted(scopeflow__buffer *out, const char *plain) {
    scopeflow_bytes const text = scopeflow__c_text(plain);
    if (!scopeflow__buffer_reserve(out, text.len + 2)) return;
    char *const at = out->ptr + out->len;
    at[0] = '"';
    memcpy(at + 1, text.ptr, text.len);
    at[1 + text.len] = '"';
    out->len += text.len + 2;
}

/* --- Data --- */

static void put_message(const scopeflow__error_view *view, scopeflow_tape *tape) {
    if (view->has_message)
        scopeflow__tape_put_string(tape, view->message);
    else
        scopeflow_tape_put_null(tape);
}

static void put_refusal(const scopeflow_event *event, scopeflow_tape *tape) {
    scopeflow__error_view view;
    scopeflow__error_view_init(&view, event, event->data, true);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("rejected"));
    scopeflow_tape_put_bool(tape, 1);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("rejection_reason"));
    if (event->data == 0)
        scopeflow_tape_put_null(tape);
    else
        put_message(&view, tape);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("guardrail"));
    scopeflow__tape_put_string(tape, scopeflow__entry_name(event->entry));
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
    scopeflow__error_view_deinit(&view, tape);
}

static void put_failure(const scopeflow_event *event, scopeflow_tape *tape) {
    scopeflow__error_view view;
    scopeflow__error_view_init(&view, event, event->data, false);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("failed"));
    scopeflow_tape_put_bool(tape, 1);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("step"));
    scopeflow__tape_put_string(tape, scopeflow__c_text(event->step));
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("registration"));
    if (event->entry != NULL)
        scopeflow__tape_put_string(tape, scopeflow__entry_name(event->entry));
    else
        scopeflow_tape_put_null(tape);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("error"));
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("type"));
    scopeflow__tape_put_string(tape, view.type);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("message"));
    put_message(&view, tape);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
    scopeflow__error_view_deinit(&view, tape);
}

static void put_n(const scopeflow_event *event, scopeflow_tape *tape) {
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("n"));
    scopeflow_tape_put_uint(tape, event->number);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

static bool is_request_of_llm(const scopeflow_event *event) {
    return event->type == SCOPEFLOW_SCOPE_TYPE_LLM && event->scope->is_call &&
           event->scope_category == SCOPEFLOW_SCOPE_CATEGORY_START;
}

static void put_data(const scopeflow_event *event, scopeflow_tape *tape) {
    switch (event->data_source) {
    case SCOPEFLOW__DATA_PAYLOAD:
        scopeflow__encode_ref(event->scope->runtime, event->data, tape);
        break;
    case SCOPEFLOW__DATA_REFUSAL: put_refusal(event, tape); break;
    case SCOPEFLOW__DATA_FAILURE: put_failure(event, tape); break;
    case SCOPEFLOW__DATA_NUMBER: put_n(event, tape); break;
    case SCOPEFLOW__DATA_WITHHELD: break;
    }
}

static void init_writer(scopeflow_event *self, scopeflow__json_writer *writer) {
    scopeflow__payload_writer_init(self->scope->runtime, &self->line, writer);
}

/* Writes the data, where more is to be said of it than an object of the host's. */
static bool write_made_data(scopeflow_event *self) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &runtime->memory, scopeflow__payload_full_at(runtime));
    put_data(self, &tape);
    if (tape.bytes.failed) self->line.failed = true;

    scopeflow__cursor const value = scopeflow__tape_value(&tape);
    scopeflow__json_writer writer;
    init_writer(self, &writer);
    if (self->is_stripped)
        scopeflow__buffer_put_text(&self->line, SCOPEFLOW__TEXT("null"));
    else
        scopeflow__json_write(&writer, value);
    bool const is_null = scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_NULL;
    scopeflow__tape_deinit(&tape);
    return is_null;
}

/* Writes what is nothing but an object of the host's. Returns whether there is one that is null. */
static bool write_ref(scopeflow_event *self, scopeflow_ref ref) {
    if (ref != 0) return scopeflow__payload_write(self->scope->runtime, ref, &self->line);
    scopeflow__buffer_put(&self->line, "null", 4);
    return false;
}

/* Returns whether a payload was given that is JSON null (S2.5). */
static bool write_data(scopeflow_event *self) {
    bool const is_payload = self->data_source == SCOPEFLOW__DATA_PAYLOAD;
    if (!is_payload || self->is_stripped)
        return write_made_data(self) && self->data != 0 && is_payload;
    if (self->data != 0 && is_request_of_llm(self))
        return scopeflow__payload_write_request(self->scope->runtime, self->data, &self->line);
    return write_ref(self, self->data);
}

/* --- What an event sanitizer put in their place (S3.12) --- */

/* Writes one member of the fields; `absent` where it is missing or not of that kind. */
static void write_field(scopeflow_event *self, const scopeflow_tape *fields, const char *name,
                        const char *absent, bool only_object) {
    scopeflow__cursor value;
    bool const found =
        scopeflow__member_find(scopeflow__tape_value(fields), scopeflow__c_text(name), &value) &&
        (!only_object || scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_OBJECT);
    if (!found) {
        scopeflow__buffer_put_text(&self->line, scopeflow__c_text(absent));
        return;
    }
    scopeflow__json_writer writer;
    init_writer(self, &writer);
    scopeflow__json_write(&writer, value);
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

/* S1.2: a call says that it is streaming, or its request does. */
static uint32_t attributes_of(const scopeflow_event *self) {
    bool const is_streaming = self->is_llm_call && self->annotated != NULL && !self->is_stripped &&
                              self->annotated->is_streaming;
    return self->scope->attributes |
           (is_streaming ? (uint32_t)SCOPEFLOW_LLM_ATTRIBUTE_STREAMING : 0);
}

static void put_attributes(scopeflow__buffer *out, const scopeflow_scope *scope,
                           uint32_t attributes) {
    if (scope->is_call && scope->type == SCOPEFLOW_SCOPE_TYPE_LLM)
        put_names(out, attributes, scopeflow__llm_attribute_names,
                  COUNT(scopeflow__llm_attribute_names));
    else if (scope->is_call)
        put_names(out, attributes, scopeflow__tool_attribute_names,
                  COUNT(scopeflow__tool_attribute_names));
    else
        put_names(out, attributes, scopeflow__scope_attribute_names,
                  COUNT(scopeflow__scope_attribute_names));
}

static const char *detail_key(scopeflow_scope_type type) {
    if (type == SCOPEFLOW_SCOPE_TYPE_CUSTOM) return SCOPEFLOW__KEY_SUBTYPE;
    return type == SCOPEFLOW_SCOPE_TYPE_LLM ? SCOPEFLOW__KEY_MODEL_NAME
                                            : SCOPEFLOW__KEY_TOOL_CALL_ID;
}

/* Whether it always carries an object (S2.1): a mark, too, may say that it belongs to a tool. */
static bool has_profile(const scopeflow_event *self) {
    if (self->type >= 0)
        return self->type == SCOPEFLOW_SCOPE_TYPE_TOOL || self->type == SCOPEFLOW_SCOPE_TYPE_LLM;
    scopeflow_bytes const category = scopeflow__event_category(self);
    return scopeflow__same_text(category, SCOPEFLOW__TEXT("tool")) ||
           scopeflow__same_text(category, SCOPEFLOW__TEXT("llm"));
}

static void put_annotation(scopeflow_event *self, const char *key) {
    scopeflow__json_writer writer;
    put_quoted(&self->line, key);
    scopeflow__buffer_put_byte(&self->line, ':');
    init_writer(self, &writer);
    scopeflow__json_write(&writer, scopeflow__tape_value(&self->annotated->value));
}

/* In canonical form `annotated_…` sorts first and `tool_result_annotation` last. */
static void put_own_profile(scopeflow_event *self) {
    scopeflow__buffer *const out = &self->line;
    scopeflow_bytes detail = SCOPEFLOW__TEXT("");
    if (self->kind == SCOPEFLOW_EVENT_KIND_SCOPE) detail = scopeflow__scope_detail(self->scope);
    bool const has_annotation = self->annotated != NULL && !self->is_stripped;
    bool const is_tool = self->type == SCOPEFLOW_SCOPE_TYPE_TOOL;
    if (has_annotation && !is_tool && detail.len == 0) detail = self->annotated->model;
    scopeflow__buffer_put_byte(out, '{');
    if (has_annotation && !is_tool)
        put_annotation(self, self->is_response ? SCOPEFLOW__KEY_ANNOTATED_RESPONSE
                                               : SCOPEFLOW__KEY_ANNOTATED_REQUEST);
    if (detail.len > 0) {
        if (has_annotation && !is_tool) scopeflow__buffer_put_byte(out, ',');
        put_quoted(out, detail_key(self->type));
        scopeflow__buffer_put_byte(out, ':');
        scopeflow__json_write_string(out, detail);
    }
    if (has_annotation && is_tool) {
        if (detail.len > 0) scopeflow__buffer_put_byte(out, ',');
        put_annotation(self, SCOPEFLOW__KEY_TOOL_RESULT_ANNOTATION);
    }
    scopeflow__buffer_put_byte(out, '}');
}

/* Tool and LLM events always carry an object, custom scopes their subtype, marks their own, others
 * null (S2.1). */
static bool has_absent_profile(const scopeflow_event *self) {
    if (self->has_fields || has_profile(self)) return false;
    if (self->kind == SCOPEFLOW_EVENT_KIND_MARK && self->type < 0)
        return self->profile == 0 || self->is_stripped;
    return self->type != SCOPEFLOW_SCOPE_TYPE_CUSTOM;
}

static void put_profile(scopeflow_event *self) {
    bool const is_plain_mark = self->kind == SCOPEFLOW_EVENT_KIND_MARK && self->type < 0;
    if (is_plain_mark && !self->is_stripped && self->profile != 0)
        (void)write_ref(self, self->profile);
    else
        put_own_profile(self);
}

/* --- The line --- */

static void set_part(scopeflow_event *self, scopeflow_event_part part, size_t start, size_t len) {
    self->parts[part].start = start;
    self->parts[part].len = len;
}
static void begin_part(scopeflow_event *self, scopeflow_event_part part) {
    self->parts[part].start = self->line.len;
}
static void end_part(scopeflow_event *self, scopeflow_event_part part) {
    self->parts[part].len = self->line.len - self->parts[part].start;
}

/* What stands between the parts of the head; none of it needs a check of its own. */
#define HEAD_SCOPE "{\"kind\":\"scope\""
#define HEAD_MARK "{\"kind\":\"mark\""
#define HEAD_PARENT                                                                                \
    ",\"atof_version\":\"" SCOPEFLOW__ATOF_VERSION "\",\"" SCOPEFLOW__KEY_PARENT_UUID "\":\""
#define HEAD_UUID "\",\"" SCOPEFLOW__KEY_UUID "\":\""
#define HEAD_TIMESTAMP "\",\"" SCOPEFLOW__KEY_TIMESTAMP "\":\""
#define HEAD_NAME "\",\"" SCOPEFLOW__KEY_NAME "\":"
#define LAY(at, literal) lay(at, literal, sizeof(literal) - 1)
enum {
    HEAD_BYTES = sizeof(HEAD_SCOPE HEAD_PARENT HEAD_UUID HEAD_TIMESTAMP HEAD_NAME) +
                 2 * SCOPEFLOW__UUID_TEXT_BYTES + SCOPEFLOW__TIMESTAMP_TEXT_BYTES
};

static inline char *lay(char *at, const char *text, size_t len) {
    memcpy(at, text, len);
    return at + len;
}

static char *lay_uuid(char *at, const scopeflow_uuid *uuid) {
    scopeflow__uuid_write(uuid, at);
    return at + SCOPEFLOW__UUID_TEXT_BYTES;
}

/* All that comes before the name is of one length. */
static void write_head(scopeflow_event *self) {
    scopeflow__buffer *const out = &self->line;
    bool const is_scope = self->kind == SCOPEFLOW_EVENT_KIND_SCOPE;
    if (!scopeflow__buffer_reserve(out, HEAD_BYTES)) return;
    char *at = out->ptr + out->len;
    at = is_scope ? LAY(at, HEAD_SCOPE) : LAY(at, HEAD_MARK);
    at = lay_uuid(LAY(at, HEAD_PARENT), &self->parent_uuid);
    at = lay_uuid(LAY(at, HEAD_UUID), &self->uuid);
    at = LAY(at, HEAD_TIMESTAMP);
    scopeflow__timestamp_write(&self->second, self->timestamp_ns, at);
    at = LAY(at + SCOPEFLOW__TIMESTAMP_TEXT_BYTES, HEAD_NAME);
    out->len = (size_t)(at - out->ptr);
}

/* A part that most events do not have is written together with its key and what follows. */
#define PUT_ABSENT(self, part, key, absent, rest)                                                  \
    do {                                                                                           \
        set_part(self, part, (self)->line.len + sizeof(key) - 1, sizeof(absent) - 1);              \
        PUT(&(self)->line, key absent rest);                                                       \
    } while (0)

/* Returns whether a payload was given that is JSON null, see `write_data`. */
static bool write_data_and_schema(scopeflow_event *self, const scopeflow_tape *fields) {
    scopeflow__buffer *const out = &self->line;
    bool is_null = false;
    PUT(out, KEY(SCOPEFLOW__KEY_DATA));
    begin_part(self, SCOPEFLOW_EVENT_PART_DATA);
    if (self->has_fields)
        write_field(self, fields, SCOPEFLOW__KEY_DATA, "null", false);
    else if (!self->is_open)
        is_null = write_data(self);
    end_part(self, SCOPEFLOW_EVENT_PART_DATA);
    PUT(out, KEY(SCOPEFLOW__KEY_DATA_SCHEMA));
    (void)write_ref(self, self->data_schema);
    return is_null;
}

static bool has_data_or_schema(const scopeflow_event *self) {
    return self->has_fields || self->data_source != SCOPEFLOW__DATA_PAYLOAD || self->data != 0 ||
           self->data_schema != 0;
}

static void write_data_and_metadata(scopeflow_event *self, const scopeflow_tape *fields) {
    scopeflow__buffer *const out = &self->line;
    bool is_null = false;
    if (has_data_or_schema(self)) {
        is_null = write_data_and_schema(self, fields);
        PUT(out, KEY(SCOPEFLOW__KEY_METADATA));
    } else {
        PUT_ABSENT(self, SCOPEFLOW_EVENT_PART_DATA, KEY(SCOPEFLOW__KEY_DATA), "null",
                   KEY(SCOPEFLOW__KEY_DATA_SCHEMA) "null" KEY(SCOPEFLOW__KEY_METADATA));
    }
    bool const is_end = self->scope_category == SCOPEFLOW_SCOPE_CATEGORY_END;
    begin_part(self, SCOPEFLOW_EVENT_PART_METADATA);
    if (self->has_fields)
        write_field(self, fields, SCOPEFLOW__KEY_METADATA, "null", false);
    else
        scopeflow__metadata_write(self, out, is_end && is_null);
    end_part(self, SCOPEFLOW_EVENT_PART_METADATA);
}

#define TAIL_START ",\"" SCOPEFLOW__KEY_SCOPE_CATEGORY "\":\"start\"" KEY(SCOPEFLOW__KEY_ATTRIBUTES)
#define TAIL_END ",\"" SCOPEFLOW__KEY_SCOPE_CATEGORY "\":\"end\"" KEY(SCOPEFLOW__KEY_ATTRIBUTES)

static void write_scope_fields(scopeflow_event *self) {
    uint32_t const attributes = attributes_of(self);
    bool const is_start = self->scope_category == SCOPEFLOW_SCOPE_CATEGORY_START;
    if (attributes == 0 && is_start) {
        PUT_ABSENT(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES, TAIL_START, "[]", "");
    } else if (attributes == 0) {
        PUT_ABSENT(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES, TAIL_END, "[]", "");
    } else {
        if (is_start)
            PUT(&self->line, TAIL_START);
        else
            PUT(&self->line, TAIL_END);
        begin_part(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES);
        put_attributes(&self->line, self->scope, attributes);
        end_part(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES);
    }
}

static void write_category(scopeflow_event *self, const scopeflow_tape *fields) {
    scopeflow__buffer *const out = &self->line;
    PUT(out, KEY(SCOPEFLOW__KEY_CATEGORY));
    if (self->type >= 0)
        put_quoted(out, scopeflow__category_names[self->type]);
    else if (self->category_len > 0)
        scopeflow__json_write_string(out, scopeflow__event_category(self));
    else
        scopeflow__buffer_put(out, "null", 4);
    if (has_absent_profile(self)) {
        PUT_ABSENT(self, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE,
                   KEY(SCOPEFLOW__KEY_CATEGORY_PROFILE), "null", "}");
        return;
    }
    PUT(out, KEY(SCOPEFLOW__KEY_CATEGORY_PROFILE));
    begin_part(self, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE);
    if (self->has_fields)
        write_field(self, fields, SCOPEFLOW__KEY_CATEGORY_PROFILE,
                    has_profile(self) ? "{}" : "null", true);
    else
        put_profile(self);
    end_part(self, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE);
    scopeflow__buffer_put_byte(out, '}');
}

/* What stands behind the name. */
static void write_rest(scopeflow_event *self) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    scopeflow_tape fields;
    scopeflow__tape_init(&fields, &runtime->memory, scopeflow__payload_full_at(runtime));
    if (self->has_fields) scopeflow__encode_ref(runtime, self->fields, &fields);
    scopeflow__event_annotate(self);
    if (fields.bytes.failed) self->line.failed = true;

    write_data_and_metadata(self, &fields);
    if (self->kind == SCOPEFLOW_EVENT_KIND_SCOPE) write_scope_fields(self);
    write_category(self, &fields);
    scopeflow__tape_deinit(&fields);
}

/* --- The rest of most lines: a scope starts or ends, and nothing was given to tell --- */

#define PLAIN_DATA_AT KEY(SCOPEFLOW__KEY_DATA)
#define PLAIN_METADATA_AT                                                                          \
    PLAIN_DATA_AT "null" KEY(SCOPEFLOW__KEY_DATA_SCHEMA) "null" KEY(SCOPEFLOW__KEY_METADATA)
#define PLAIN_END "[]" KEY(SCOPEFLOW__KEY_CATEGORY)
#define PLAIN_REST(metadata, tail)                                                                 \
    {                                                                                              \
        PLAIN_METADATA_AT metadata tail PLAIN_END,                                                 \
            sizeof(PLAIN_METADATA_AT metadata tail PLAIN_END) - 1, sizeof(metadata) - 1            \
    }
#define PLAIN_LAST(category)                                                                       \
    {"\"" category "\"" KEY(SCOPEFLOW__KEY_CATEGORY_PROFILE) "null}",                              \
     sizeof("\"" category "\"" KEY(SCOPEFLOW__KEY_CATEGORY_PROFILE) "null}") - 1},
/* They are copied in blocks of a fixed size; what is copied beyond the first is overwritten. */
enum { PLAIN_BLOCK_BYTES = 16, PLAIN_REST_BYTES = 192, PLAIN_LAST_BYTES = 48 };

typedef struct plain_rest {
    char text[PLAIN_REST_BYTES];
    size_t len;
    size_t metadata_bytes;
} plain_rest;

typedef struct plain_last {
    char text[PLAIN_LAST_BYTES];
    size_t len;
} plain_last;

static const plain_rest plain_start = PLAIN_REST("null", TAIL_START);
static const plain_rest plain_end = PLAIN_REST("null", TAIL_END);
static const plain_rest plain_end_ok = PLAIN_REST(SCOPEFLOW__METADATA_OK, TAIL_END);
static const plain_last plain_lasts[] = {SCOPEFLOW__EACH_CATEGORY(PLAIN_LAST)};

static bool is_plain(const scopeflow_event *self) {
    return self->kind == SCOPEFLOW_EVENT_KIND_SCOPE && self->scope->attributes == 0 &&
           !has_data_or_schema(self) && scopeflow__metadata_is_plain(self, false) &&
           has_absent_profile(self);
}

static void write_plain_rest(scopeflow_event *self) {
    scopeflow__buffer *const out = &self->line;
    size_t const at = out->len;
    const plain_rest *rest = &plain_start;
    const plain_last *const last = &plain_lasts[self->type];
    if (self->scope_category == SCOPEFLOW_SCOPE_CATEGORY_END)
        rest = self->outcome.status == SCOPEFLOW_END_STATUS_OK ? &plain_end_ok : &plain_end;
    if (!scopeflow__buffer_reserve(out, rest->len + PLAIN_LAST_BYTES)) return;
    for (size_t i = 0; i < rest->len; i += PLAIN_BLOCK_BYTES)
        memcpy(out->ptr + at + i, rest->text + i, PLAIN_BLOCK_BYTES);
    size_t const last_at = at + rest->len;
    memcpy(out->ptr + last_at, last->text, PLAIN_LAST_BYTES);
    out->len = last_at + last->len;
    set_part(self, SCOPEFLOW_EVENT_PART_DATA, at + sizeof(PLAIN_DATA_AT) - 1, 4);
    set_part(self, SCOPEFLOW_EVENT_PART_METADATA, at + sizeof(PLAIN_METADATA_AT) - 1,
             rest->metadata_bytes);
    set_part(self, SCOPEFLOW_EVENT_PART_ATTRIBUTES, last_at - (sizeof(PLAIN_END) - 1), 2);
    set_part(self, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE, out->len - (sizeof("null}") - 1), 4);
}

static void lay_line(scopeflow_event *self) {
    self->line.failed = false;
    self->line.len = 0;
    memset(self->parts, 0, sizeof self->parts);

    write_head(self);
    scopeflow__json_write_string(&self->line, scopeflow__event_name(self));
    if (is_plain(self))
        write_plain_rest(self);
    else
        write_rest(self);
    self->parts[SCOPEFLOW_EVENT_PART_LINE].len = self->line.len;
}

bool scopeflow__event_encode(scopeflow_event *self) {
    if (self->is_encoded) return true;
    if (self->is_being_encoded) return false; /* By whose payload this is asked. */
    self->is_being_encoded = true;
    lay_line(self);
    scopeflow__buffer_put_byte(&self->line, '\n'); /* For sinks; no part has it. */
    self->is_encoded = !self->line.failed;
    self->is_being_encoded = false;
    return self->is_encoded;
}

static bool has_one_subscriber(const scopeflow_event *self) {
    return self->listeners != NULL &&
           self->listeners->chains[SCOPEFLOW_REGISTRY_SUBSCRIBER].count == 1;
}

/* Nothing but the text of the data depends on it: no annotation is made of it, and the metadata
 * would say no more of it than that it is null. */
static bool can_be_open(const scopeflow_event *self) {
    bool const is_object = self->data_source == SCOPEFLOW__DATA_PAYLOAD && self->data != 0;
    bool const is_annotated = self->annotation != 0 || self->codec != 0 || self->core_codec != 0;
    return is_object && has_one_subscriber(self) && !is_annotated && !self->has_fields &&
           !self->is_stripped && self->profile == 0 && self->data_schema == 0 &&
           scopeflow__metadata_is_plain(self, false);
}

scopeflow_status scopeflow_event_open_line(scopeflow_event *self, scopeflow_event_line *out_line,
                                           scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_event_open_line(self, out_line, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    memset(out_line, 0, sizeof *out_line);
    if (self->is_encoded || self->is_being_encoded || !can_be_open(self))
        return scopeflow_event_json(self, SCOPEFLOW_EVENT_PART_LINE, &out_line->json, out_error);
    self->is_open = true; /* No code of the host's runs. */
    lay_line(self);
    self->is_open = false;
    if (self->line.failed) return scopeflow__fail_memory(out_error);
    out_line->json = scopeflow__text(self->line.ptr, self->line.len);
    out_line->data = self->data;
    out_line->data_offset_bytes = self->parts[SCOPEFLOW_EVENT_PART_DATA].start;
    out_line->data_limit_bytes = scopeflow__payload_full_at(self->scope->runtime);
    out_line->is_llm_request = is_request_of_llm(self);
    return SCOPEFLOW_STATUS_OK;
}

bool scopeflow__event_line_with_end(scopeflow_event *event, scopeflow_bytes *out_line) {
    if (!scopeflow__event_encode(event)) return false;
    *out_line = scopeflow__text(event->line.ptr, event->line.len);
    return true;
}
