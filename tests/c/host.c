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
    (void)context;
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

void host_init(host *self) {
    scopeflow_host const table = SCOPEFLOW_HOST_INIT;
    memset(self, 0, sizeof *self);
    self->table = table;
    self->table.context = self;
    self->table.release = release;
    self->table.encode = encode;
    self->table.describe_error = describe_error;
    self->table.reallocate = reallocate;
}
