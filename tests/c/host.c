#include "host.h"

#include "fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Objects --- */

static object *new_object(host *owner, object_kind kind, const char *text, size_t len) {
    object *const self = calloc(1, sizeof *self);
    char *const copy = malloc(len + 1);
    if (self == NULL || copy == NULL) abort();
    if (len > 0) memcpy(copy, text, len);
    copy[len] = '\0';
    self->kind = kind;
    self->refs = 1;
    self->owner = owner;
    self->text = copy;
    self->len = len;
    owner->object_count++;
    return self;
}

object *object_new_json(host *owner, const char *text, size_t len) {
    return new_object(owner, OBJECT_JSON, text, len);
}

object *object_new_fixture(host *owner, const char *name) {
    return new_object(owner, OBJECT_FIXTURE, name, strlen(name));
}

object *object_new_error(host *owner, const char *type, const char *message) {
    object *const self = new_object(owner, OBJECT_ERROR, message, strlen(message));
    snprintf(self->type, sizeof self->type, "%s", type);
    return self;
}

object *object_new_own_error(host *owner, scopeflow_status status, const char *message) {
    char type[48];
    char *to = type;
    bool capital = true;
    for (const char *at = scopeflow_status_name(status); *at != '\0'; at++) {
        if (*at != '_') *to++ = (char)(capital && *at >= 'a' ? *at - 'a' + 'A' : *at);
        capital = *at == '_';
    }
    *to = '\0';
    object *const error = object_new_error(owner, type, message);
    error->status = status;
    return error;
}

object *object_new_callable(host *owner, const json *definition) {
    object *const self = new_object(owner, OBJECT_CALLABLE, "", 0);
    self->definition = definition;
    return self;
}

object *object_new_stream(host *owner, const json *definition) {
    object *const self = new_object(owner, OBJECT_STREAM, "", 0);
    self->definition = definition;
    return self;
}

object *object_copy(const object *self, object_owner belongs_to) {
    object *const copy = new_object(self->owner, self->kind, self->text, self->len);
    copy->belongs_to = belongs_to;
    return copy;
}

void object_set_text(object *self, char *text, size_t len) {
    free(self->text);
    self->text = text;
    self->len = len;
}

object *object_retain(object *self) {
    if (self != NULL) self->refs++;
    return self;
}

void object_release(object *self) {
    if (self == NULL) return;
    if (self->refs == 0) {
        fprintf(stderr, "an object was released twice: %s\n", self->text);
        abort();
    }
    if (--self->refs > 0) return;
    self->owner->object_count--;
    object_release(self->annotation);
    free(self->text);
    free(self);
}

/* --- The function table --- */

static scopeflow_bytes text_of(const object *self) {
    scopeflow_bytes text;
    text.ptr = self->text;
    text.len = self->len;
    return text;
}

static scopeflow_bytes c_text(const char *text) {
    scopeflow_bytes bytes;
    bytes.ptr = text;
    bytes.len = strlen(text);
    return bytes;
}

static void release(void *context, scopeflow_ref ref) {
    (void)context;
    object_release(object_of(ref));
}

static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    const object *const self = object_of(ref);
    ((host *)context)->encode_count++;
    ((host *)context)->endless_count += scopeflow_tape_full_at(tape) == SIZE_MAX;
    if (self->kind == OBJECT_JSON)
        scopeflow_tape_put_json(tape, text_of(self));
    else if (self->kind == OBJECT_FIXTURE)
        fixture_encode(self->text, tape);
    else
        scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, text_of(self));
}

static void describe_error(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    const object *const self = object_of(ref);
    (void)context;
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, c_text("type"));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, c_text(self->type));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, c_text("message"));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, text_of(self));
    if (self->status != SCOPEFLOW_STATUS_OK) {
        scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, c_text("status"));
        scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING,
                                c_text(scopeflow_status_name(self->status)));
    }
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

/* The core has found it to be JSON, and an LLM request to have what makes one. */
static scopeflow_ref decode(void *context, scopeflow_bytes text, uint32_t shape) {
    host *const self = context;
    (void)shape;
    if (self->decodes_nothing) return 0;
    self->decode_count++;
    object *const made = object_new_json(self, text.ptr, text.len);
    made->was_decoded = true;
    made->belongs_to = OWNER_OBSERVERS; /* Nobody else's, at any rate. */
    return object_ref(made);
}

static scopeflow_ref make_error(void *context, uint32_t status, scopeflow_bytes message) {
    host *const self = context;
    char text[512];
    if (status == SCOPEFLOW_STATUS_NO_MEMORY) self->ran_short = true;
    if (self->decodes_nothing) return 0;
    snprintf(text, sizeof text, "%.*s", (int)message.len, message.ptr);
    return object_ref(object_new_own_error(self, (scopeflow_status)status, text));
}

/* Every block begins with its size, so that a wrong old size is found at once. */
static void *reallocate(void *context, void *block, size_t old_size, size_t new_size) {
    host *const self = context;
    size_t *const start = block == NULL ? NULL : (size_t *)block - 2;
    if (start != NULL && *start != old_size) {
        fprintf(stderr, "a block of %zu bytes was said to have %zu\n", *start, old_size);
        abort();
    }
    if (new_size == 0) {
        if (start != NULL) self->block_count--;
        free(start);
        return NULL;
    }
    if (++self->allocation_count == self->failing_allocation) return NULL;
    size_t *const fresh = realloc(start, new_size + 2 * sizeof *fresh);
    if (fresh == NULL) return NULL;
    if (start == NULL) self->block_count++;
    *fresh = new_size;
    return fresh + 2;
}

static uint32_t core_codec(void *context, scopeflow_ref codec) {
    (void)context;
    return object_of(codec)->core_codec;
}

void host_init(host *self) {
    scopeflow_host const table = SCOPEFLOW_HOST_INIT;
    memset(self, 0, sizeof *self);
    self->table = table;
    self->table.context = self;
    self->table.release = release;
    self->table.encode = encode;
    self->table.describe_error = describe_error;
    self->table.reallocate = reallocate;
    self->table.decode = decode;
    self->table.make_error = make_error;
    self->table.core_codec = core_codec;
}
