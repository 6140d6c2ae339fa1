#include "event/event.h"

#include "base/checks.gen.h"

#include <stddef.h>

/* --- Its block: the event, its texts and, behind them, room for a line of the usual length --- */

/* Less would have to be moved away. */
#define LEAST_LINE_BYTES 256

static size_t block_size(size_t texts_len) {
    size_t const least = sizeof(scopeflow_event) + texts_len;
    size_t const spare = SCOPEFLOW__SPARE_BYTES;
    return least + LEAST_LINE_BYTES <= spare ? spare : least;
}

/* An allocator of the host's own sees every event: it may count them. In WebAssembly it is ours. */
static bool keeps_spare(const scopeflow_runtime *runtime, size_t size) {
    bool const is_ours = !SCOPEFLOW_HOSTED || runtime->host.reallocate == NULL;
    return size == SCOPEFLOW__SPARE_BYTES && is_ours;
}

static scopeflow_event *take_block(const scopeflow_scope *scope, size_t size) {
    scopeflow_runtime *const runtime = scope->runtime;
    void **const spare = &runtime->shards[scope->shard].spare;
    if (keeps_spare(runtime, size) && __atomic_load_n(spare, __ATOMIC_RELAXED) != NULL) {
        void *const block = __atomic_exchange_n(spare, NULL, __ATOMIC_ACQUIRE);
        if (block != NULL) return (scopeflow_event *)block;
    }
    scopeflow_event *const made = (scopeflow_event *)scopeflow__allocate(&runtime->memory, size);
    if (made != NULL) scopeflow__second_init(&made->second);
    return made;
}

static void give_block(const scopeflow_scope *scope, void *block, size_t size) {
    scopeflow_runtime *const runtime = scope->runtime;
    void **const spare = &runtime->shards[scope->shard].spare;
    void *none = NULL;
    if (keeps_spare(runtime, size) && __atomic_load_n(spare, __ATOMIC_RELAXED) == NULL &&
        __atomic_compare_exchange_n(spare, &none, block, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        return;
    scopeflow__deallocate(&runtime->memory, block, size);
}

static scopeflow_event *new_event(scopeflow_scope *scope, scopeflow_event_kind kind,
                                  scopeflow_bytes name, scopeflow_bytes category) {
    size_t const texts_len = name.len + category.len;
    size_t const size = block_size(texts_len);
    scopeflow_event *const self = take_block(scope, size);
    if (self == NULL) return NULL;

    scopeflow__clear(self, offsetof(scopeflow_event, parts));
    self->refs = 1;
    self->kind = kind;
    self->scope = scope;
    self->name_len = name.len;
    self->category_len = category.len;
    char *const texts = (char *)(self + 1);
    scopeflow__copy(texts, name.ptr, name.len);
    scopeflow__copy(texts + name.len, category.ptr, category.len);
    scopeflow__buffer_init_in(&self->line, &scope->runtime->memory, texts + texts_len,
                              size - sizeof *self - texts_len);
    return self;
}

static scopeflow_event *new_scope_event(scopeflow_scope *scope) {
    scopeflow_event *const self = new_event(scope, SCOPEFLOW_EVENT_KIND_SCOPE,
                                            scopeflow__scope_name(scope), SCOPEFLOW__TEXT(""));
    if (self == NULL) return NULL;
    self->type = scope->type;
    self->attributes = scope->attributes;
    self->uuid = scope->uuid;
    self->parent_uuid = scope->parent->uuid;
    self->is_llm_call = scope->is_call && scope->type == SCOPEFLOW_SCOPE_TYPE_LLM;
    return self;
}

scopeflow_event *scopeflow__event_new_start(scopeflow_scope *scope) {
    scopeflow_event *const self = new_scope_event(scope);
    if (self == NULL) return NULL;
    self->scope_category = SCOPEFLOW_SCOPE_CATEGORY_START;
    self->timestamp_ns = scope->started_at_ns;
    self->metadata = scope->metadata;
    return self;
}

scopeflow_event *scopeflow__event_new_end(scopeflow_scope *scope, int64_t timestamp_ns) {
    scopeflow_event *const self = new_scope_event(scope);
    if (self == NULL) return NULL;
    self->scope_category = SCOPEFLOW_SCOPE_CATEGORY_END;
    self->timestamp_ns = timestamp_ns;
    self->start_metadata = scope->metadata;
    self->is_response = true;
    self->is_stream = scope->stream != NULL && scopeflow__stream_read(scope->stream, &self->stream);
    return self;
}

scopeflow_event *scopeflow__event_new_mark(scopeflow_scope *parent, scopeflow_bytes name,
                                           scopeflow_bytes category, int64_t timestamp_ns) {
    scopeflow_event *const self = new_event(parent, SCOPEFLOW_EVENT_KIND_MARK, name, category);
    if (self == NULL) return NULL;
    self->type = -1;
    self->parent_uuid = parent->uuid;
    scopeflow__runtime_draw(parent->runtime, timestamp_ns, &self->uuid, &self->timestamp_ns);
    return self;
}

/* --- What it owns --- */

static void release_injected(scopeflow_event *self) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    while (self->injected != NULL) {
        scopeflow__owned_ref *const first = self->injected;
        self->injected = first->next;
        scopeflow__runtime_release_ref(runtime, first->ref);
        scopeflow__deallocate(&runtime->memory, first, sizeof *first);
    }
}

/* Most events have nothing but what is borrowed. */
static bool owns_something(const scopeflow_event *self) {
    return self->was_sanitized || self->owns_annotation || self->annotated != NULL ||
           (self->sanitized_error | self->fields) != 0 || self->injected != NULL ||
           self->left != NULL;
}

static void release_owned(scopeflow_event *self) {
    if (!owns_something(self)) return;
    scopeflow_runtime *const runtime = self->scope->runtime;
    scopeflow__event_drop_annotated(self);
    if (self->was_sanitized) scopeflow__runtime_release_ref(runtime, self->data);
    if (self->owns_annotation) scopeflow__runtime_release_ref(runtime, self->annotation);
    scopeflow__runtime_release_ref(runtime, self->sanitized_error);
    scopeflow__runtime_release_ref(runtime, self->fields);
    release_injected(self);
    if (self->left != NULL) scopeflow__pending_marks_free(runtime, self->left);
    self->left = NULL;
    self->was_sanitized = false;
    self->owns_annotation = false;
    self->data = 0;
    self->annotation = 0;
    self->sanitized_error = 0;
    self->fields = 0;
}

void scopeflow__event_touch(scopeflow_event *self) {
    self->is_encoded = false;
}

void scopeflow__event_set_data(scopeflow_event *self, scopeflow_ref data) {
    if (self->was_sanitized)
        scopeflow__runtime_release_ref(self->scope->runtime, self->data);
    else
        self->original = self->data;
    self->data = data;
    self->was_sanitized = true;
    scopeflow__event_touch(self);
}

void scopeflow__event_set_annotation(scopeflow_event *self, scopeflow_ref annotation) {
    if (self->owns_annotation)
        scopeflow__runtime_release_ref(self->scope->runtime, self->annotation);
    self->annotation = annotation;
    self->owns_annotation = annotation != 0;
    scopeflow__event_drop_annotated(self);
    scopeflow__event_touch(self);
}

void scopeflow__event_set_fields(scopeflow_event *self, scopeflow_ref fields) {
    scopeflow__runtime_release_ref(self->scope->runtime, self->fields);
    self->fields = fields;
    self->has_fields = true;
    scopeflow__event_touch(self);
}

bool scopeflow__event_inject(scopeflow_event *self, scopeflow_ref members) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    scopeflow__owned_ref *const added =
        (scopeflow__owned_ref *)scopeflow__allocate(&runtime->memory, sizeof *added);
    if (added == NULL) return false;
    added->ref = members;
    added->next = NULL;
    scopeflow__owned_ref **end = &self->injected;
    while (*end != NULL) end = &(*end)->next;
    *end = added;
    scopeflow__event_touch(self);
    return true;
}

static void name_sanitizer(scopeflow_event *self, scopeflow__entry *sanitizer) {
    if (sanitizer != NULL) { /* The last one that failed is named. */
        if (self->failed_sanitizer != NULL) scopeflow__entry_release(self->failed_sanitizer);
        scopeflow__ref_up(&sanitizer->refs);
        self->failed_sanitizer = sanitizer;
    }
    scopeflow__count(&self->scope->runtime->withheld_payload_count);
    scopeflow__event_touch(self);
}

void scopeflow__event_withhold(scopeflow_event *self, scopeflow__entry *sanitizer) {
    if (self->preparation == SCOPEFLOW__PREPARE_ERROR)
        self->error_text = SCOPEFLOW__ERROR_TEXT_WITHHELD;
    else
        self->data_source = SCOPEFLOW__DATA_WITHHELD;
    name_sanitizer(self, sanitizer);
}

void scopeflow__event_strip(scopeflow_event *self, scopeflow__entry *sanitizer) {
    self->is_stripped = true;
    self->has_fields = false;
    name_sanitizer(self, sanitizer);
}

scopeflow_event *scopeflow__event_new_left(scopeflow_scope *call, scopeflow__pending_mark *left) {
    scopeflow_event *const self =
        scopeflow__event_new_mark(call, scopeflow__pending_mark_name(left),
                                  scopeflow__pending_mark_category(left), SCOPEFLOW_TIMESTAMP_NONE);
    left->next = NULL;
    if (self == NULL) {
        scopeflow__pending_marks_free(call->runtime, left);
        return NULL;
    }
    self->data = left->data;
    self->metadata = left->metadata;
    self->profile = left->profile;
    self->data_schema = left->data_schema;
    self->left = left;
    return self;
}

void scopeflow__event_sanitize_by(scopeflow_event *self, scopeflow__set *middleware) {
    scopeflow_registry const request = self->is_llm_call
                                           ? SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL
                                           : SCOPEFLOW_REGISTRY_TOOL_SANITIZE_REQUEST_GUARDRAIL;
    scopeflow_registry const response = self->is_llm_call
                                            ? SCOPEFLOW_REGISTRY_LLM_SANITIZE_RESPONSE_GUARDRAIL
                                            : SCOPEFLOW_REGISTRY_TOOL_SANITIZE_RESPONSE_GUARDRAIL;
    if (scopeflow__set_count(middleware, request) == 0 &&
        scopeflow__set_count(middleware, response) == 0)
        return;
    scopeflow__ref_up(&middleware->refs);
    self->sanitizers = middleware;
}

void scopeflow__event_set_adrift(scopeflow_event *self) {
    if (self->is_adrift) return;
    self->is_adrift = true;
    (void)__atomic_fetch_add(&self->scope->runtime->adrift_event_count, 1, __ATOMIC_RELEASE);
}

void scopeflow__event_settle(scopeflow_event *self) {
    if (!self->is_adrift) return;
    self->is_adrift = false;
    (void)__atomic_fetch_sub(&self->scope->runtime->adrift_event_count, 1, __ATOMIC_RELEASE);
}

scopeflow_event *scopeflow_event_retain(scopeflow_event *self) {
    if (self != NULL) scopeflow__ref_up(&self->refs);
    return self;
}

void scopeflow_event_release(scopeflow_event *self) {
    if (self == NULL || !scopeflow__sole_ref_down(&self->refs)) return;
    scopeflow_scope *const scope = self->scope;
    bool const holds_scope = self->holds_scope;
    scopeflow__event_settle(self);
    release_owned(self);
    if (self->entry != NULL) scopeflow__entry_release(self->entry);
    if (self->failed_sanitizer != NULL) scopeflow__entry_release(self->failed_sanitizer);
    scopeflow__set_release(self->sanitizers);
    scopeflow__set_release(self->listeners);
    scopeflow__buffer_deinit(&self->line);
    give_block(scope, self, block_size(self->name_len + self->category_len));
    if (holds_scope) scopeflow_scope_release(scope);
}

void scopeflow__event_forget(scopeflow_event *self) {
    release_owned(self);
    self->data = 0;
    self->start_metadata = 0;
    self->metadata = 0;
    self->profile = 0;
    self->data_schema = 0;
    self->outcome.error = 0;
    self->codec = 0;
    self->core_codec = 0;
}

void scopeflow__event_leave_scope(scopeflow_event *self) {
    scopeflow_scope *const scope = self->scope;
    bool const held_scope = self->holds_scope;
    scopeflow__event_drop_annotated(self);
    self->scope = scopeflow_scope_retain(scope->runtime->root);
    self->holds_scope = true;
    if (held_scope) scopeflow_scope_release(scope);
}

void scopeflow__event_hold_scope(scopeflow_event *self) {
    if (self->holds_scope) return;
    (void)scopeflow_scope_retain(self->scope);
    self->holds_scope = true;
}

/* --- What a subscriber can ask --- */

scopeflow_status scopeflow_event_describe(scopeflow_event *self, scopeflow_event_info *out_info,
                                          scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_event_describe(self, out_info, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    memset(out_info, 0, sizeof *out_info);
    out_info->uuid = self->uuid;
    out_info->parent_uuid = self->parent_uuid;
    out_info->timestamp_ns = self->timestamp_ns;
    out_info->name = scopeflow__event_name(self);
    out_info->category = self->type < 0 ? scopeflow__event_category(self)
                                        : scopeflow__c_text(scopeflow__category_names[self->type]);
    out_info->kind = self->kind;
    out_info->scope_category = self->scope_category;
    out_info->attributes = self->attributes;
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status encode(scopeflow_event *self, scopeflow_error *out_error) {
    if (self->is_being_encoded)
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                    "the event is being encoded, which its own payload asks for");
    return scopeflow__event_encode(self) ? SCOPEFLOW_STATUS_OK : scopeflow__fail_memory(out_error);
}

scopeflow_status scopeflow_event_seal(scopeflow_event *self, scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_event_seal(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    return encode(self, out_error);
}

scopeflow_status scopeflow_event_json(scopeflow_event *self, scopeflow_event_part part,
                                      scopeflow_bytes *out_json, scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__check_event_json(self, part, out_json, out_error);
    if (status == SCOPEFLOW_STATUS_OK) status = encode(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    scopeflow__slice const slice = self->parts[part];
    *out_json = slice.len > 0 ? scopeflow__text(self->line.ptr + slice.start, slice.len)
                              : SCOPEFLOW__TEXT("null");
    return SCOPEFLOW_STATUS_OK;
}
