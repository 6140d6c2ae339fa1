#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Arguments --- */

static scopeflow_ref hold(call *c, object *object_or_null, bool take) {
    if (object_or_null == NULL) return 0;
    if (c->ref_count == REFS) abort();
    c->refs[c->ref_count].object = object_or_null;
    c->refs[c->ref_count++].take = take;
    return object_ref(object_or_null);
}

static scopeflow_scope *call_current(const call *c) {
    return c->context->current == NULL ? NULL : c->context->current->scope;
}

static scopeflow_emitter *call_emitter(const call *c) {
    return &c->runner->emitter;
}

static scopeflow_scope *call_scope(call *c, const char *name) {
    const json *const argument = json_get(c->arguments, name);
    return argument == NULL ? NULL : label_find(c->runner, argument->text);
}

static scopeflow_bytes repeated(call *c, const json *text, size_t times) {
    scopeflow_bytes bytes;
    bytes.len = text->len * times;
    free(c->long_text);
    c->long_text = malloc(bytes.len + 1);
    if (c->long_text == NULL) abort();
    for (size_t i = 0; i < times; i++) memcpy(c->long_text + i * text->len, text->text, text->len);
    bytes.ptr = c->long_text;
    return bytes;
}

/* Base64 stands in the vectors for single bytes only; one group is enough. */
static scopeflow_bytes decoded(call *c, const char *base64) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned long const group = (unsigned long)(strchr(alphabet, base64[0]) - alphabet) << 2 |
                                (unsigned long)(strchr(alphabet, base64[1]) - alphabet) >> 4;
    if (strlen(base64) != 4 || base64[2] != '=') abort();
    scopeflow_bytes bytes;
    free(c->long_text);
    c->long_text = malloc(1);
    if (c->long_text == NULL) abort();
    c->long_text[0] = (char)group;
    bytes.ptr = c->long_text;
    bytes.len = 1;
    return bytes;
}

scopeflow_bytes call_text(call *c, const char *name) {
    const json *const argument = json_get(c->arguments, name);
    scopeflow_bytes bytes = {NULL, 0};
    if (argument == NULL) return bytes;
    const json *const text = json_get(argument, "text");
    if (text != NULL)
        return repeated(c, text, (size_t)json_integer(json_get(argument, "times"), 1));
    if (json_get(argument, "b64") != NULL) return decoded(c, json_get(argument, "b64")->text);
    bytes.ptr = argument->text;
    bytes.len = argument->len;
    return bytes;
}

object *new_payload(runner *self, const json *payload) {
    const json *const text = json_get(payload, "json");
    if (text != NULL) return object_new_json(&self->host, text->text, text->len);
    return object_new_fixture(&self->host, json_get(payload, "host")->text);
}

static scopeflow_ref call_payload(call *c, const char *name, bool take) {
    const json *const argument = json_get(c->arguments, name);
    if (argument == NULL) return 0;
    object *const payload = new_payload(c->runner, argument);
    if (strcmp(name, "request") == 0) c->request = payload;
    return hold(c, payload, take);
}

object *new_error(runner *self, const json *error) {
    return object_new_error(&self->host, json_get(error, "type")->text,
                            json_get(error, "message")->text);
}

static scopeflow_ref call_error(call *c, const char *name, bool take) {
    const json *const argument = json_get(c->arguments, name);
    return hold(c, argument == NULL ? NULL : new_error(c->runner, argument), take);
}

/* A callable or a codec. */
static scopeflow_ref call_callable(call *c, const char *name, bool take) {
    const json *const argument = json_get(c->arguments, name);
    if (argument == NULL) return 0;
    if (json_count(argument) > 1) c->runner->has_scripts = true;
    return hold(c, object_new_callable(&c->runner->host, argument), take);
}

static int64_t value_of(const name_value *table, const char *name) {
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0) return table->value;
    return INT64_MIN;
}

static int64_t call_integer(call *c, const char *name, int64_t otherwise) {
    return json_integer(json_get(c->arguments, name), otherwise);
}

static int32_t call_enum(call *c, const char *name, const name_value *table, int32_t otherwise) {
    const json *const argument = json_get(c->arguments, name);
    if (argument != NULL && argument->kind == JSON_STRING)
        return (int32_t)value_of(table, argument->text);
    return (int32_t)json_integer(argument, otherwise);
}

static uint32_t call_flags(call *c, const char *name, const name_value *table, uint32_t otherwise) {
    const json *const argument = json_get(c->arguments, name);
    uint32_t bits = 0;
    if (strcmp(name, "flags") == 0 && json_get(c->step_of_case, "finalizer") != NULL)
        bits = (uint32_t)value_of(table, "finalizer");
    if (argument == NULL || argument->kind != JSON_ARRAY)
        return (uint32_t)json_integer(argument, otherwise) | bits;
    for (const json *flag = argument->first; flag != NULL; flag = flag->next)
        bits |= (uint32_t)value_of(table, flag->text);
    return bits;
}

static uint32_t call_callable_flags(call *c, const name_value *table) {
    static const char *const flags[] = {"async", "break_chain"};
    const json *const callable = json_get(c->arguments, "callable");
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (json_is_true(json_get(callable, flags[i]))) bits |= (uint32_t)value_of(table, flags[i]);
    return bits;
}

/* --- Results --- */

static out_member *add_out(call *c, const char *name, int64_t number) {
    if (c->out_count == OUTS) abort();
    out_member *const member = &c->outs[c->out_count++];
    member->name = name;
    member->number = number;
    snprintf(member->text, sizeof member->text, "%lld", (long long)number);
    return member;
}

static void call_out_integer(call *c, const char *name, int64_t number) {
    (void)add_out(c, name, number);
}

static void call_out_unsigned(call *c, const char *name, uint64_t number) {
    out_member *const member = add_out(c, name, (int64_t)number);
    snprintf(member->text, sizeof member->text, "%llu", (unsigned long long)number);
}

static void call_out_text(call *c, const char *name, scopeflow_bytes text) {
    out_member *const member = add_out(c, name, 0);
    snprintf(member->text, sizeof member->text, "%.*s", (int)text.len, text.ptr);
}

static scopeflow_bytes c_text(const char *text) {
    scopeflow_bytes bytes;
    bytes.ptr = text;
    bytes.len = strlen(text);
    return bytes;
}

static void call_out_enum(call *c, const char *name, const name_value *table, int32_t number) {
    out_member *const member = add_out(c, name, number);
    for (; table->name != NULL; table++)
        if (table->value == number) snprintf(member->text, sizeof member->text, "%s", table->name);
}

static void call_out_uuid(call *c, const char *name, const scopeflow_uuid *uuid) {
    char *to = add_out(c, name, 0)->text;
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
        to += snprintf(to, 3, "%02x", uuid->bytes[i]);
    }
}

static void call_out_scope(call *c, scopeflow_scope *scope) {
    const json *const name = json_get(c->step_of_case, "as");
    if (name != NULL) label_set(c->runner, name->text, scope);
    if (strcmp(c->name, "scope_new_root") == 0)
        context_enter(c->context, scopeflow_scope_retain(scope), NULL);
    scopeflow_scope_release(scope);
}

#include "dispatch.gen.h"

const operation *operation_find(const char *name) {
    for (const operation *op = operations; op->name != NULL; op++)
        if (strcmp(op->name, name) == 0) return op;
    return NULL;
}

int64_t wire_flag(const char *name) {
    for (size_t i = 0; wire_flags[i] != NULL; i++)
        if (value_of(wire_flags[i], name) != INT64_MIN) return value_of(wire_flags[i], name);
    return 0;
}
