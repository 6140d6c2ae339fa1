/* What a callable gets and gives back: private copies, requests without credentials, texts of
 * errors, fields of events, edits in place (S3.6, S3.10, S3.12). */
#include "call.h"
#include "json_writer.h"

#include <stdlib.h>
#include <string.h>

/* --- Text of an object --- */

static const json *read_object(const object *self) {
    return self->kind == OBJECT_JSON ? json_read(self->text, self->len) : NULL;
}

static object *new_written(host *owner, json_writer *text, object_owner belongs_to) {
    object *const made = object_new_json(owner, text->text, text->len);
    made->belongs_to = belongs_to;
    free(text->text);
    return made;
}

static void set_written(object *self, json_writer *text) {
    object_set_text(self, text->text, text->len);
}

/* --- Requests of LLMs --- */

bool is_llm_request(const object *self) {
    if (self == NULL || self->kind != OBJECT_JSON) return false;
    const json *const document = read_object(self);
    bool const is = json_count(document) == 2 && json_get(document, "headers") != NULL &&
                    json_get(document, "content") != NULL;
    json_free(document);
    return is;
}

static bool is_credential(call *c, const json *header) {
    uint32_t is = 0;
    scopeflow_bytes name;
    name.ptr = header->key;
    name.len = strlen(header->key);
    if (scopeflow_runtime_is_credential_header(c->runtime, name, &is, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    return is != 0;
}

/* Takes one of them out; false if there is none left. */
static bool remove_credential(call *c, object *request) {
    const json *const document = read_object(request);
    const json *const headers = json_get(document, "headers");
    bool const has_names = headers != NULL && headers->kind == JSON_OBJECT;
    const json *header = has_names ? headers->first : NULL;
    while (header != NULL && !is_credential(c, header)) header = header->next;
    if (header != NULL) {
        json_writer path = {NULL, 0, 0};
        json_writer text = {NULL, 0, 0};
        json_put_c(&path, "headers/");
        json_put_c(&path, header->key);
        if (!json_put_changed(&text, document, path.text, NULL)) abort();
        set_written(request, &text);
        free(path.text);
    }
    json_free(document);
    return header != NULL;
}

/* --- What is presented --- */

static object *present_error(call *c, const object *error, bool is_reason) {
    json_writer text = {NULL, 0, 0};
    const char *const type = is_reason ? "GuardrailRejected" : error->type;
    json_put_c(&text, "{\"error\":{\"type\":");
    json_put_string(&text, type, strlen(type));
    json_put_c(&text, ",\"message\":");
    if (error->kind == OBJECT_JSON)
        json_put(&text, error->text, error->len); /* A native guard's reason. */
    else
        json_put_string(&text, error->text, error->len);
    json_put_c(&text, "}}");
    return new_written(&c->runner->host, &text, OWNER_OBSERVERS);
}

/* S3.10: one copy for a chain, and never the application's own containers. */
static void check_ownership(call *c, const object *input, object_owner wanted, bool is_copied) {
    if (input->kind == OBJECT_ERROR || input->was_decoded) return;
    bool const is_chains_own = input->belongs_to == wanted;
    if (is_chains_own == is_copied)
        fail(c->runner, is_copied ? "what is the chain's own was to be copied"
                                  : "a callable was given what it must not change");
}

static bool is_intercept(scopeflow_registry registry) {
    return registry == SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT ||
           registry == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT;
}

object *present(call *c) {
    object *const input = object_of(c->step.input);
    scopeflow_step_flag const flags = c->step.input_flags;
    object_owner const owner = is_intercept(c->step.registry) ? OWNER_REQUEST : OWNER_OBSERVERS;
    bool const is_copied = (flags & SCOPEFLOW_STEP_FLAG_PRIVATE_COPY) != 0;
    if (input == NULL) return NULL;
    if ((flags & (SCOPEFLOW_STEP_FLAG_ERROR | SCOPEFLOW_STEP_FLAG_REASON)) != 0)
        return present_error(c, input, (flags & SCOPEFLOW_STEP_FLAG_REASON) != 0);
    if (c->step.kind == SCOPEFLOW_STEP_KIND_INVOKE) check_ownership(c, input, owner, is_copied);

    object *const presented = is_copied ? object_copy(input, owner) : object_retain(input);
    bool const is_llm = c->step.kind == SCOPEFLOW_STEP_KIND_CODEC ||
                        c->step.registry == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL;
    if (is_llm && (flags & SCOPEFLOW_STEP_FLAG_OBSERVED) != 0)
        while (remove_credential(c, presented)) {
        }
    return presented;
}

static void put_part(json_writer *text, const char *key, scopeflow_event *event,
                     scopeflow_event_part part) {
    scopeflow_bytes part_text;
    scopeflow_status status;
    do status = scopeflow_event_json(event, part, &part_text, NULL);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    if (status != SCOPEFLOW_STATUS_OK) abort();
    json_put_c(text, key);
    json_put(text, part_text.ptr, part_text.len);
}

object *present_fields(call *c) {
    json_writer text = {NULL, 0, 0};
    put_part(&text, "{\"data\":", c->step.event, SCOPEFLOW_EVENT_PART_DATA);
    put_part(&text, ",\"metadata\":", c->step.event, SCOPEFLOW_EVENT_PART_METADATA);
    put_part(&text, ",\"category_profile\":", c->step.event, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE);
    json_put_c(&text, "}");
    return new_written(&c->runner->host, &text, OWNER_OBSERVERS);
}

/* --- What comes back --- */

/* The fixture whose members `a` and `b` are one list, as a text; an edit of one is made in both. */
static void begin_edit(object *got) {
    if (got->kind != OBJECT_FIXTURE || strcmp(got->text, "shared") != 0) return;
    json_writer text = {NULL, 0, 0};
    json_put_c(&text, "{\"a\":[1],\"b\":[1]}");
    set_written(got, &text);
    got->kind = OBJECT_JSON;
    got->has_aliases = true;
}

static void change_once(call *c, object *got, const char *path, const json *with) {
    const json *const document = read_object(got);
    json_writer text = {NULL, 0, 0};
    if (got->belongs_to == OWNER_APPLICATION) fail(c->runner, "the application's own was changed");
    if (document == NULL || !json_put_changed(&text, document, path, with)) {
        differ(c->runner, "there is no way to '%s' in %s", path, got->text);
        free(text.text);
    } else {
        set_written(got, &text);
    }
    json_free(document);
}

static void change(call *c, object *got, const char *path, const json *with) {
    begin_edit(got);
    change_once(c, got, path, with);
    if (!got->has_aliases || strncmp(path + 1, "/", 1) != 0) return;
    json_writer other = {NULL, 0, 0};
    json_put_c(&other, path);
    other.text[0] = path[0] == 'a' ? 'b' : 'a';
    change_once(c, got, other.text, with);
    free(other.text);
}

static void edit(call *c, object *got, const json *payload) {
    const json *const text = json_get(payload, "json");
    if (text == NULL) {
        fail(c->runner, "a fixture cannot stand in an edit");
        return;
    }
    const json *const with = json_read(text->text, text->len);
    change(c, got, payload->key, with);
    json_free(with);
}

object *rewritten(call *c, object *got, const json *script) {
    const json *const returned = json_get(script, "return");
    if (returned != NULL || json_get(script, "nothing") != NULL) {
        object_owner const owner = is_intercept(c->step.registry) ? OWNER_REQUEST : OWNER_OBSERVERS;
        object_release(got);
        if (returned == NULL) return NULL;
        object *const made = new_payload(c->runner, returned);
        made->belongs_to = owner;
        return made;
    }
    const json *const edits = json_get(script, "edit");
    const json *const removals = json_get(script, "remove");
    if (got == NULL) return NULL;
    if (edits != NULL)
        for (const json *one = edits->first; one != NULL; one = one->next) edit(c, got, one);
    if (removals != NULL)
        for (const json *one = removals->first; one != NULL; one = one->next)
            change(c, got, one->text, NULL);
    return got;
}
