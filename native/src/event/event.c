#include "event/event.h"

#include "base/checks.gen.h"

static scopeflow_event *new_event(scopeflow_scope *scope, scopeflow_event_kind kind,
                                  scopeflow_bytes name) {
    const scopeflow__memory *const memory = &scope->runtime->memory;
    scopeflow_event *const self =
        (scopeflow_event *)scopeflow__allocate(memory, sizeof *self + name.len);
    if (self == NULL) return NULL;

    memset(self, 0, sizeof *self);
    self->refs = 1;
    self->kind = kind;
    self->scope = scopeflow_scope_retain(scope);
    self->name_len = name.len;
    scopeflow__buffer_init(&self->line, memory);
    scopeflow__copy(self + 1, name.ptr, name.len);
    return self;
}

static scopeflow_event *new_scope_event(scopeflow_scope *scope) {
    scopeflow_event *const self =
        new_event(scope, SCOPEFLOW_EVENT_KIND_SCOPE, scopeflow__scope_name(scope));
    if (self == NULL) return NULL;
    self->type = scope->type;
    self->attributes = scope->attributes;
    self->uuid = scope->uuid;
    self->parent_uuid = scope->parent->uuid;
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
    return self;
}

scopeflow_event *scopeflow__event_new_mark(scopeflow_scope *parent, scopeflow_bytes name,
                                           int64_t timestamp_ns) {
    scopeflow_event *const self = new_event(parent, SCOPEFLOW_EVENT_KIND_MARK, name);
    if (self == NULL) return NULL;
    self->type = -1;
    self->parent_uuid = parent->uuid;
    scopeflow__runtime_draw(parent->runtime, timestamp_ns, &self->uuid, &self->timestamp_ns);
    return self;
}

scopeflow_event *scopeflow_event_retain(scopeflow_event *self) {
    if (self != NULL) scopeflow__ref_up(&self->refs);
    return self;
}

void scopeflow_event_release(scopeflow_event *self) {
    if (self == NULL || !scopeflow__ref_down(&self->refs)) return;
    scopeflow_scope *const scope = self->scope;
    if (self->entry != NULL) scopeflow__entry_release(self->entry);
    scopeflow__set_release(self->listeners);
    scopeflow__buffer_deinit(&self->line);
    scopeflow__deallocate(&scope->runtime->memory, self, sizeof *self + self->name_len);
    scopeflow_scope_release(scope);
}

void scopeflow__event_forget(scopeflow_event *self) {
    self->data = 0;
    self->start_metadata = 0;
    self->metadata = 0;
    self->outcome.error = 0;
}

void scopeflow__event_leave_scope(scopeflow_event *self) {
    scopeflow_scope *const scope = self->scope;
    self->scope = scopeflow_scope_retain(scope->runtime->root);
    scopeflow_scope_release(scope);
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
    out_info->category = self->type < 0 ? SCOPEFLOW__TEXT("")
                                        : scopeflow__c_text(scopeflow__category_names[self->type]);
    out_info->kind = self->kind;
    out_info->scope_category = self->scope_category;
    out_info->attributes = self->attributes;
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_event_seal(scopeflow_event *self, scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_event_seal(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    return scopeflow__event_encode(self) ? SCOPEFLOW_STATUS_OK : scopeflow__fail_memory(out_error);
}

scopeflow_status scopeflow_event_json(scopeflow_event *self, scopeflow_event_part part,
                                      scopeflow_bytes *out_json, scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_event_json(self, part, out_json, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (!scopeflow__event_encode(self)) return scopeflow__fail_memory(out_error);

    scopeflow__slice const slice = self->parts[part];
    *out_json = slice.len > 0 ? scopeflow__text(self->line.ptr + slice.start, slice.len)
                              : SCOPEFLOW__TEXT("null");
    return SCOPEFLOW_STATUS_OK;
}
