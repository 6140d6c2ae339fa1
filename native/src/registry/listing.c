/* Lists of registrations: what one owner has, held at one moment. */
#include "base/checks.gen.h"
#include "registry/view.h"

/* The entries stand in a set without chains, which counts them and lets them go. */
struct scopeflow_registration_list {
    scopeflow_runtime *runtime;
    scopeflow__set *held;
};

static const scopeflow__view *view_of(scopeflow_runtime *runtime, const scopeflow_scope *owner) {
    if (owner == NULL) return runtime->global_view;
    return owner->owns_view ? owner->view : NULL;
}

/* Under the lock. False if there are more entries than room; `out_needed` is how many. */
static bool hold_entries(scopeflow__set *self, const scopeflow__view *view, uint32_t *out_needed) {
    *out_needed = view != NULL ? view->entry_count : 0;
    if (*out_needed > self->entry_capacity) return false;
    scopeflow__entry **const entries = (scopeflow__entry **)(self + 1);
    for (; self->entry_count < *out_needed; self->entry_count++) {
        entries[self->entry_count] = view->entries[self->entry_count];
        scopeflow__ref_up(&entries[self->entry_count]->refs);
    }
    return true;
}

/* Memory is got while the lock is free; what was registered meanwhile may ask for more. */
static scopeflow__set *entries_of(scopeflow_runtime *runtime, const scopeflow_scope *owner) {
    uint32_t needed = 0;
    for (;;) {
        scopeflow__set *const set = scopeflow__set_new(runtime, needed);
        if (set == NULL) return NULL;
        scopeflow__lock(&runtime->registry_lock);
        bool const is_held = hold_entries(set, view_of(runtime, owner), &needed);
        scopeflow__unlock(&runtime->registry_lock);
        if (is_held) return set;
        scopeflow__set_release(set);
    }
}

scopeflow_status
scopeflow_registration_list_new(const scopeflow_registration_list_new_options *options,
                                scopeflow_registration_list **out_registration_list,
                                scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_registration_list_new(options, out_registration_list, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_runtime *const runtime = options->runtime;
    SCOPEFLOW__REQUIRE(runtime != NULL, out_error, "runtime must not be null");
    SCOPEFLOW__REQUIRE(options->owner == NULL || options->owner->runtime == runtime, out_error,
                       "owner belongs to another runtime");

    scopeflow_registration_list *const self =
        (scopeflow_registration_list *)scopeflow__allocate(&runtime->memory, sizeof *self);
    scopeflow__set *const held = entries_of(runtime, options->owner);
    if (self == NULL || held == NULL) {
        scopeflow__set_release(held);
        scopeflow__deallocate(&runtime->memory, self, sizeof *self);
        return scopeflow__fail_memory(out_error);
    }
    scopeflow__ref_up(&runtime->refs);
    self->runtime = runtime;
    self->held = held;
    *out_registration_list = self;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow_registration_list_free(scopeflow_registration_list *self) {
    if (self == NULL) return;
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__set_release(self->held);
    scopeflow__deallocate(&runtime->memory, self, sizeof *self);
    scopeflow__runtime_release(runtime);
}

scopeflow_status scopeflow_registration_list_read(scopeflow_registration_list *self, uint32_t index,
                                                  scopeflow_registration_info *out_registration,
                                                  scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_registration_list_read(self, index, out_registration, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    memset(out_registration, 0, sizeof *out_registration);
    if (index >= self->held->entry_count) return SCOPEFLOW_STATUS_OK;
    const scopeflow__entry *const entry = ((scopeflow__entry *const *)(self->held + 1))[index];
    out_registration->registry = entry->kind;
    out_registration->name = scopeflow__entry_name(entry);
    out_registration->priority = entry->priority;
    out_registration->breaks_chain = (entry->flags & SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN) != 0;
    out_registration->kinds = entry->gated_kinds;
    out_registration->target = scopeflow__entry_gated(entry);
    return SCOPEFLOW_STATUS_OK;
}
