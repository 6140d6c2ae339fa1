#include "registry/registry.h"

#include "base/checks.gen.h"
#include "base/sink.h"
#include "registry/view.h"
#include "scope/open_list.h"

/* --- Entries and sets --- */

/* 0 for those in C. */
static scopeflow_ref host_callable(const scopeflow__entry *self) {
    return self->callable == SCOPEFLOW__NATIVE_CALLABLE ? 0 : self->callable;
}

void scopeflow__entry_release(scopeflow__entry *self) {
    if (!scopeflow__ref_down(&self->refs)) return;
    if (self->native.free != NULL) self->native.free(self->native.context);
    scopeflow__runtime_release_ref(self->runtime, host_callable(self));
    scopeflow__deallocate(&self->runtime->memory, self,
                          sizeof *self + self->name_len + self->gated_len);
}

static size_t set_size(uint32_t entry_count) {
    return sizeof(scopeflow__set) + entry_count * sizeof(scopeflow__entry *);
}

void scopeflow__set_release(scopeflow__set *self) {
    if (self == NULL || !scopeflow__ref_down(&self->refs)) return;
    scopeflow__entry **const entries = (scopeflow__entry **)(self + 1);
    for (uint32_t i = 0; i < self->entry_count; i++) scopeflow__entry_release(entries[i]);
    scopeflow__deallocate(&self->runtime->memory, self, set_size(self->entry_capacity));
}

scopeflow__set *scopeflow__set_new(scopeflow_runtime *runtime, uint32_t capacity) {
    scopeflow__set *const set =
        (scopeflow__set *)scopeflow__allocate(&runtime->memory, set_size(capacity));
    if (set == NULL) return NULL;
    memset(set, 0, sizeof *set);
    set->refs = 1;
    set->entry_capacity = capacity;
    set->runtime = runtime;
    return set;
}

/* --- Gates --- */

static bool is_gated_by(const scopeflow__entry *entry, const scopeflow__entry *gate,
                        uint32_t kinds) {
    return (gate->gated_kinds & kinds & (1u << (entry->kind - 1))) != 0 &&
           scopeflow__same_text(scopeflow__entry_gated(gate), scopeflow__entry_name(entry));
}

bool scopeflow__set_has_gated(const scopeflow__set *self, const scopeflow__entry *gate,
                              uint32_t kinds) {
    scopeflow__entry *const *const entries = (scopeflow__entry *const *)(self + 1);
    for (uint32_t i = 0; i < self->entry_count; i++)
        if (is_gated_by(entries[i], gate, kinds)) return true;
    return false;
}

scopeflow__set *scopeflow__set_without(const scopeflow__set *self, const scopeflow__entry *gate) {
    scopeflow__set *const set = scopeflow__set_new(self->runtime, self->entry_count);
    if (set == NULL) return NULL;
    scopeflow__entry **next = (scopeflow__entry **)(set + 1);
    for (int kind = 0; kind < SCOPEFLOW__REGISTRY_COUNT; kind++) {
        const scopeflow__chain *const from = &self->chains[kind];
        scopeflow__chain *const to = &set->chains[kind];
        to->entries = next;
        for (uint32_t i = 0; i < from->count; i++) {
            if (is_gated_by(from->entries[i], gate, gate->gated_kinds)) continue;
            scopeflow__ref_up(&from->entries[i]->refs);
            to->entries[to->count++] = from->entries[i];
            to->flags |= from->entries[i]->flags;
        }
        next += to->count;
        set->entry_count += to->count;
    }
    return set;
}

/* --- Resolving, under the lock --- */

/* Puts an entry behind those of lower or equal priority: views are added from the outside in and
 * entries in order of registration, which gives S3.2's order without another key. */
static void insert(scopeflow__chain *chain, scopeflow__entry *entry) {
    uint32_t at = chain->count++;
    for (; at > 0 && chain->entries[at - 1]->priority > entry->priority; at--)
        chain->entries[at] = chain->entries[at - 1];
    chain->entries[at] = entry;
    chain->flags |= entry->flags;
}

static void add_view(scopeflow__set *set, const scopeflow__view *view) {
    for (uint32_t i = 0; i < view->entry_count; i++) {
        scopeflow__ref_up(&view->entries[i]->refs);
        insert(&set->chains[view->entries[i]->kind], view->entries[i]);
    }
}

/* From the outside in; the number of views on a path is small, their order cannot be stored. */
static void add_views(scopeflow__set *set, const scopeflow__view *view) {
    uint32_t count = 0;
    for (const scopeflow__view *v = view; v != NULL; v = v->parent) count++;
    for (; count > 0; count--) {
        const scopeflow__view *v = view;
        for (uint32_t i = 1; i < count; i++) v = v->parent;
        add_view(set, v);
    }
}

static uint32_t count_entries(const scopeflow__view *view) {
    uint32_t total = 0;
    for (; view != NULL; view = view->parent) total += view->entry_count;
    return total;
}

/* Fills an empty set, which has room. */
static void build(scopeflow__set *set, const scopeflow__view *view) {
    uint32_t counts[SCOPEFLOW__REGISTRY_COUNT] = {0};
    for (const scopeflow__view *v = view; v != NULL; v = v->parent)
        for (uint32_t i = 0; i < v->entry_count; i++) counts[v->entries[i]->kind]++;

    scopeflow__entry **next = (scopeflow__entry **)(set + 1);
    for (int kind = 0; kind < SCOPEFLOW__REGISTRY_COUNT; kind++) {
        set->chains[kind].entries = next;
        next += counts[kind];
    }
    set->entry_count = count_entries(view);
    add_views(set, view);
}

static scopeflow__view *view_now(scopeflow_scope *scope, scopeflow__doomed *doomed) {
    scopeflow_runtime *const runtime = scope->runtime;
    return scopeflow__load_u32(&runtime->scope_view_count) > 0 ? scopeflow__view_of(scope, doomed)
                                                               : runtime->global_view;
}

/* The set that the scope sees, if it is resolved or `fresh` has room to resolve it; else null, and
 * `out_needed` is how much room that takes. A set that was used is no longer the caller's. */
static scopeflow__set *try_set_of(scopeflow_scope *scope, scopeflow__set **fresh,
                                  uint32_t *out_needed, scopeflow__doomed *doomed) {
    scopeflow__view *const view = view_now(scope, doomed);
    *out_needed = count_entries(view);
    if (!scopeflow__view_is_resolved(view)) {
        if (*fresh == NULL || (*fresh)->entry_capacity < *out_needed) return NULL;
        build(*fresh, view);
        scopeflow__view_forget_set(view, doomed);
        view->resolved = *fresh;
        view->resolved_version = scopeflow__view_version(view);
        *fresh = NULL;
    }
    scopeflow__ref_up(&view->resolved->refs);
    return view->resolved;
}

/* Resolves it, with memory that is got while the lock is free; what was registered meanwhile may
 * ask for more. */
static scopeflow__set *resolve(scopeflow_scope *scope, uint32_t needed) {
    scopeflow_runtime *const runtime = scope->runtime;
    scopeflow__set *set = NULL;
    while (set == NULL) {
        scopeflow__doomed doomed = {NULL, NULL};
        scopeflow__set *fresh = scopeflow__set_new(runtime, needed);
        if (fresh == NULL) return NULL;
        scopeflow__lock(&runtime->registry_lock);
        set = try_set_of(scope, &fresh, &needed, &doomed);
        scopeflow__unlock(&runtime->registry_lock);
        scopeflow__doomed_release(&doomed);
        scopeflow__set_release(fresh);
    }
    return set;
}

scopeflow__set *scopeflow__set_of(scopeflow_scope *scope, bool *out_failed) {
    scopeflow_runtime *const runtime = scope->runtime;
    *out_failed = false;
    if (SCOPEFLOW__LIKELY(!scopeflow__may_see(scope, SCOPEFLOW__GROUP_ANY))) return NULL;

    scopeflow__doomed doomed = {NULL, NULL};
    scopeflow__set *none = NULL;
    uint32_t needed;
    scopeflow__lock(&runtime->registry_lock);
    scopeflow__set *set = try_set_of(scope, &none, &needed, &doomed);
    scopeflow__unlock(&runtime->registry_lock);

    scopeflow__doomed_release(&doomed);
    if (set == NULL) set = resolve(scope, needed);
    *out_failed = set == NULL;
    return set;
}

/* --- Registering --- */

static scopeflow_runtime *runtime_of(scopeflow__owner owner) {
    return owner.runtime != NULL ? owner.runtime : owner.scope->runtime;
}

static scopeflow_bytes title(scopeflow_registry kind) {
    return scopeflow__c_text(scopeflow__registry_titles[kind]);
}

/* "<title> '<name>'": the pieces of a message cannot be nested, so it is put together here. */
static scopeflow_status fail_named(scopeflow_error *out_error, scopeflow_status status,
                                   scopeflow_registry kind, scopeflow_bytes name) {
    char joined[64];
    scopeflow_bytes const start = title(kind);
    size_t const len = start.len < sizeof joined - 2 ? start.len : sizeof joined - 2;
    memcpy(joined, start.ptr, len);
    memcpy(joined + len, " '", 2);
    return scopeflow__fail(out_error, status, scopeflow__text(joined, len + 2), name,
                           SCOPEFLOW__TEXT("'"));
}

static scopeflow_status check_owner(scopeflow__owner owner, scopeflow_error *out_error) {
    const scopeflow_scope *const scope = owner.scope;
    if (scope == NULL || scopeflow__scope_is_any_root(scope)) return SCOPEFLOW_STATUS_OK;
    if (scope->fork_generation != scope->runtime->fork_generation)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                               SCOPEFLOW__TEXT("scope '"), scopeflow__scope_name(scope),
                               SCOPEFLOW__TEXT("' was opened by the parent process"));
    if (!scopeflow__scope_is_open(scope))
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_NOT_FOUND, SCOPEFLOW__TEXT("scope '"),
                               scopeflow__scope_name(scope), SCOPEFLOW__TEXT("' has ended"));
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow__entry *new_entry(scopeflow_runtime *runtime, scopeflow_registry kind,
                                   scopeflow_bytes name, scopeflow_bytes gated) {
    scopeflow__entry *const self = (scopeflow__entry *)scopeflow__allocate(
        &runtime->memory, sizeof *self + name.len + gated.len);
    if (self == NULL) return NULL;
    memset(self, 0, sizeof *self);
    self->refs = 1;
    self->kind = kind;
    self->runtime = runtime;
    self->name_len = name.len;
    self->gated_len = gated.len;
    scopeflow__copy(self + 1, name.ptr, name.len);
    scopeflow__copy((char *)(self + 1) + name.len, gated.ptr, gated.len);
    return self;
}

static uint32_t find(const scopeflow__view *view, scopeflow_registry kind, scopeflow_bytes name) {
    uint32_t at = 0;
    for (; at < view->entry_count; at++)
        if (view->entries[at]->kind == kind &&
            scopeflow__same_text(scopeflow__entry_name(view->entries[at]), name))
            break;
    return at;
}

/* Room for entries, got while the lock is free. */
typedef struct room {
    scopeflow__entry **entries;
    uint32_t capacity;
} room;

static bool room_get(const scopeflow__memory *memory, room *out, uint32_t capacity) {
    out->capacity = capacity;
    out->entries =
        (scopeflow__entry **)scopeflow__allocate(memory, capacity * sizeof *out->entries);
    return out->entries != NULL;
}

static void room_free(const scopeflow__memory *memory, room *spare) {
    scopeflow__deallocate(memory, spare->entries, spare->capacity * sizeof *spare->entries);
    spare->entries = NULL;
    spare->capacity = 0;
}

/* Uses the spare room if the view is full; what the view had becomes spare. */
static bool make_room(scopeflow__view *view, room *spare) {
    if (view->entry_count < view->entry_capacity) return true;
    if (spare->capacity <= view->entry_capacity) return false;
    room const old = {view->entries, view->entry_capacity};
    scopeflow__copy(spare->entries, view->entries, view->entry_count * sizeof *view->entries);
    view->entries = spare->entries;
    view->entry_capacity = spare->capacity;
    *spare = old;
    return true;
}

/* --- Groups, under the lock --- */

static uint32_t groups_of(scopeflow_registry kind) {
    switch (kind) {
    case SCOPEFLOW_REGISTRY_SUBSCRIBER: return SCOPEFLOW__GROUP_SUBSCRIBERS;
    case SCOPEFLOW_REGISTRY_TOOL_SANITIZE_REQUEST_GUARDRAIL:
    case SCOPEFLOW_REGISTRY_TOOL_SANITIZE_RESPONSE_GUARDRAIL:
        return SCOPEFLOW__GROUP_TOOL_SANITIZERS;
    case SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL:
    case SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT:
    case SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT: return SCOPEFLOW__GROUP_TOOL;
    case SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL:
    case SCOPEFLOW_REGISTRY_LLM_SANITIZE_RESPONSE_GUARDRAIL: return SCOPEFLOW__GROUP_LLM_SANITIZERS;
    case SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL:
    case SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT:
    case SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT:
    case SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT: return SCOPEFLOW__GROUP_LLM;
    default: return 0; /* Of no use without subscribers, or without middleware. */
    }
}

enum { GROUP_COUNT = sizeof((scopeflow_runtime *)NULL)->group_counts / sizeof(uint32_t) };

static void groups_publish(scopeflow_runtime *runtime) {
    uint32_t groups = runtime->late_groups;
    for (uint32_t i = 0; i < GROUP_COUNT; i++)
        if (runtime->group_counts[i] > 0) groups |= 1u << i;
    scopeflow__store_u32(&runtime->groups, groups);
}

static void groups_count(scopeflow_runtime *runtime, uint32_t groups, uint32_t step) {
    for (uint32_t i = 0; i < GROUP_COUNT; i++)
        if ((groups & (1u << i)) != 0) runtime->group_counts[i] += step;
    groups_publish(runtime);
}

/* What is registered where others inherit already concerns everybody from now on: it is seldom, and
 * those who inherited are not known. */
static void groups_add(scopeflow__owner owner, uint32_t groups) {
    if (owner.runtime != NULL) {
        groups_count(owner.runtime, groups, 1);
        return;
    }
    scopeflow_scope *const scope = owner.scope;
    uint8_t const own = (uint8_t)(scope->own_groups | groups);
    __atomic_store_n(&scope->own_groups, own, __ATOMIC_SEQ_CST);
    if (!scopeflow__scope_is_root(scope) &&
        !__atomic_load_n(&scope->is_inherited_from, __ATOMIC_SEQ_CST))
        return;
    scope->runtime->late_groups |= groups;
    groups_publish(scope->runtime);
}

static void groups_remove(scopeflow_runtime *runtime, uint32_t groups) {
    groups_count(runtime, groups, (uint32_t)-1);
}

/* `limit_exceeded` stands for a view that is full: the caller gets room and tries again. */
static scopeflow_status add_locked(scopeflow__owner owner, scopeflow__view **fresh, room *spare,
                                   scopeflow__entry *entry, uint32_t *out_needed,
                                   scopeflow__doomed *doomed) {
    bool const has_view = owner.scope == NULL || owner.scope->owns_view;
    scopeflow__view *const view = has_view ? scopeflow__view_own(owner, NULL, doomed) : *fresh;
    if (find(view, entry->kind, scopeflow__entry_name(entry)) < view->entry_count)
        return SCOPEFLOW_STATUS_ALREADY_EXISTS;
    if (!make_room(view, spare)) {
        *out_needed = view->entry_capacity > 0 ? 2 * view->entry_capacity : 4;
        return SCOPEFLOW_STATUS_LIMIT_EXCEEDED;
    }

    if (!has_view) {
        (void)scopeflow__view_own(owner, view, doomed);
        *fresh = NULL; /* It is the scope's now. */
    }
    view->entries[view->entry_count++] = entry;
    view->version++;
    groups_add(owner, groups_of(entry->kind));
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status add_with_room(scopeflow__owner owner, scopeflow__view **fresh,
                                      scopeflow__entry *entry) {
    scopeflow_runtime *const runtime = runtime_of(owner);
    room spare = {NULL, 0};
    for (;;) {
        uint32_t needed = 0;
        scopeflow__doomed doomed = {NULL, NULL};
        scopeflow__lock(&runtime->registry_lock);
        scopeflow_status const status = add_locked(owner, fresh, &spare, entry, &needed, &doomed);
        scopeflow__unlock(&runtime->registry_lock);
        scopeflow__doomed_release(&doomed);
        room_free(&runtime->memory, &spare);
        if (status != SCOPEFLOW_STATUS_LIMIT_EXCEEDED) return status;
        if (!room_get(&runtime->memory, &spare, needed)) return SCOPEFLOW_STATUS_NO_MEMORY;
    }
}

/* Takes the entry's reference when it succeeds. */
static scopeflow_status add(scopeflow__owner owner, scopeflow__entry *entry,
                            scopeflow_error *out_error) {
    scopeflow__view *fresh = NULL;
    if (owner.scope != NULL) {
        fresh = scopeflow__view_new(runtime_of(owner), NULL);
        if (fresh == NULL) return scopeflow__fail_memory(out_error);
    }
    scopeflow_status const status = add_with_room(owner, &fresh, entry);
    scopeflow__view_release(fresh);
    if (status == SCOPEFLOW_STATUS_ALREADY_EXISTS)
        return fail_named(out_error, status, entry->kind, scopeflow__entry_name(entry));
    if (status == SCOPEFLOW_STATUS_NO_MEMORY) return scopeflow__fail_memory(out_error);
    return status;
}

static scopeflow_status check_registration(scopeflow__owner owner, scopeflow_registry kind,
                                           scopeflow_bytes name, bool has_callable,
                                           scopeflow_callable_flag flags,
                                           scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__name_check(name, "the name of a registration", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (scopeflow__runtime_is_closed(runtime_of(owner))) return scopeflow__fail_closed(out_error);
    status = check_owner(owner, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    SCOPEFLOW__REQUIRE(has_callable, out_error, "callable must not be null");
    SCOPEFLOW__REQUIRE((flags & SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN) == 0 ||
                           kind == SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT ||
                           kind == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT,
                       out_error, "only a request intercept can break the chain");
    if ((flags & SCOPEFLOW_CALLABLE_FLAG_ASYNC) == 0 || scopeflow__registry_accepts_async[kind])
        return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                           SCOPEFLOW__TEXT("an async callable cannot be a "), title(kind),
                           SCOPEFLOW__TEXT(""));
}

/* The callable is the registry's when this succeeds, else still the caller's. */
static scopeflow_status add_callable(scopeflow__owner owner, scopeflow__entry *entry,
                                     scopeflow_ref callable, scopeflow_error *out_error) {
    if (entry == NULL) return scopeflow__fail_memory(out_error);
    entry->callable = callable;
    scopeflow_status const status = add(owner, entry, out_error);
    if (status != SCOPEFLOW_STATUS_OK) {
        entry->callable = 0;
        scopeflow__entry_release(entry);
    }
    return status;
}

scopeflow_status scopeflow__registry_add(scopeflow__owner owner, scopeflow_registry kind,
                                         scopeflow_bytes name, int32_t priority,
                                         scopeflow_ref callable, scopeflow_callable_flag flags,
                                         scopeflow_error *out_error) {
    scopeflow_status const status =
        check_registration(owner, kind, name, callable != 0, flags, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__entry *const entry = new_entry(runtime_of(owner), kind, name, SCOPEFLOW__TEXT(""));
    if (entry != NULL) {
        entry->priority = priority;
        entry->flags = flags;
    }
    return add_callable(owner, entry, callable, out_error);
}

static uint32_t kind_bit(scopeflow_registry kind) {
    return 1u << (kind - 1);
}

static scopeflow_status check_gated(scopeflow_registry kind, uint32_t kinds, scopeflow_bytes gated,
                                    scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__name_check(gated, "the name of a gated registration", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    SCOPEFLOW__REQUIRE((kinds & (kind_bit(SCOPEFLOW_REGISTRY_SUBSCRIBER) | kind_bit(kind))) == 0,
                       out_error, "subscribers and gates cannot be switched off");
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow__registry_add_gate(scopeflow__owner owner, scopeflow_registry kind,
                                              scopeflow_bytes name, uint32_t kinds,
                                              scopeflow_bytes registration, scopeflow_ref callable,
                                              scopeflow_callable_flag flags,
                                              scopeflow_error *out_error) {
    scopeflow_status status =
        check_registration(owner, kind, name, callable != 0, flags, out_error);
    if (status == SCOPEFLOW_STATUS_OK) status = check_gated(kind, kinds, registration, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__entry *const entry = new_entry(runtime_of(owner), kind, name, registration);
    if (entry != NULL) {
        entry->gated_kinds = kinds;
        entry->flags = flags;
    }
    return add_callable(owner, entry, callable, out_error);
}

/* The context is the registry's when this succeeds, else still the caller's. */
static scopeflow_status add_native(scopeflow__owner owner, scopeflow__entry *entry,
                                   scopeflow_error *out_error) {
    scopeflow_status const status = add(owner, entry, out_error);
    if (status != SCOPEFLOW_STATUS_OK) {
        entry->native.free = NULL;
        scopeflow__entry_release(entry);
    }
    return status;
}

scopeflow_status scopeflow__sink_register(scopeflow_runtime *runtime, scopeflow_bytes name,
                                          void (*deliver)(void *context, scopeflow_event *event),
                                          void (*free_context)(void *context), void *context,
                                          scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__name_check(name, "the name of a registration", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (scopeflow__runtime_is_closed(runtime)) return scopeflow__fail_closed(out_error);
    scopeflow__entry *const entry =
        new_entry(runtime, SCOPEFLOW_REGISTRY_SUBSCRIBER, name, SCOPEFLOW__TEXT(""));
    if (entry == NULL) return scopeflow__fail_memory(out_error);
    entry->native.deliver = deliver;
    entry->native.free = free_context;
    entry->native.context = context;
    scopeflow__owner const owner = {runtime, NULL};
    return add_native(owner, entry, out_error);
}

scopeflow_status scopeflow__registry_add_native(scopeflow__owner owner,
                                                const scopeflow_native_callable *callable,
                                                scopeflow_error *out_error) {
    scopeflow_registry const kind = callable->registry;
    bool const is_gate = kind == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL;
    scopeflow_status status = check_registration(owner, kind, callable->name, callable->run != NULL,
                                                 callable->flags, out_error);
    if (status == SCOPEFLOW_STATUS_OK && is_gate)
        status = check_gated(kind, callable->kinds, callable->gated, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__entry *const entry =
        new_entry(runtime_of(owner), kind, callable->name, callable->gated);
    if (entry == NULL) return scopeflow__fail_memory(out_error);
    entry->priority = callable->priority;
    entry->flags = callable->flags;
    entry->gated_kinds = callable->kinds;
    entry->callable = SCOPEFLOW__NATIVE_CALLABLE;
    entry->native.run = callable->run;
    entry->native.free = callable->destroy;
    entry->native.context = callable->user_data;
    return add_native(owner, entry, out_error);
}

static scopeflow__entry *take_out(scopeflow__view *view, uint32_t at) {
    scopeflow__entry *const entry = view->entries[at];
    memmove(&view->entries[at], &view->entries[at + 1],
            (view->entry_count - at - 1) * sizeof *view->entries);
    view->entry_count--;
    view->version++;
    return entry;
}

scopeflow_status scopeflow__registry_remove(scopeflow__owner owner, scopeflow_registry kind,
                                            scopeflow_bytes name, uint32_t *out_removed,
                                            scopeflow_error *out_error) {
    SCOPEFLOW__REQUIRE(out_removed != NULL, out_error, "out_removed must not be null");

    scopeflow_runtime *const runtime = runtime_of(owner); /* What is no name is unknown (S3.3). */
    scopeflow__doomed doomed = {NULL, NULL};
    scopeflow__entry *removed = NULL;
    scopeflow__lock(&runtime->registry_lock);
    scopeflow__view *const view = scopeflow__view_own(owner, NULL, &doomed);
    uint32_t const at = view != NULL ? find(view, kind, name) : 0;
    if (view != NULL && at < view->entry_count) {
        removed = take_out(view, at);
        if (owner.runtime != NULL) groups_remove(runtime, groups_of(kind));
        scopeflow__view_forget_stale_sets(runtime, &doomed);
    }
    scopeflow__unlock(&runtime->registry_lock);

    scopeflow__doomed_release(&doomed);
    if (removed != NULL) scopeflow__entry_release(removed);
    *out_removed = removed != NULL;
    return SCOPEFLOW_STATUS_OK;
}

/* --- For garbage collectors: what was registered may refer to whom it was registered on --- */

/* Those in C are none of a collector's affair: they do not count. */
static scopeflow_ref callable_at(const scopeflow__view *view, uint32_t index) {
    for (uint32_t i = 0; i < view->entry_count; i++)
        if (host_callable(view->entries[i]) != 0 && index-- == 0)
            return host_callable(view->entries[i]);
    return 0;
}

/* A collector may take to pieces what it is shown. Whoever can still be called without anybody
 * holding the handle is kept from it: the end of a scope that is open, or was abandoned, is owed to
 * its subscribers (S1.12), and so is that of a scope below, which has them too. The root's handle
 * is its runtime's, without which nobody is called. */
static bool is_callable_by_itself(const scopeflow_scope *self) {
    if (scopeflow__scope_is_root(self)) return false;
    if (!self->is_own_root && scopeflow__scope_is_open(self)) return true;
    const scopeflow_runtime *const runtime = self->runtime;
    return self->is_abandoned || __atomic_load_n(&runtime->abandoned, __ATOMIC_ACQUIRE) != NULL ||
           __atomic_load_n(&runtime->adrift_event_count, __ATOMIC_ACQUIRE) != 0 ||
           scopeflow__is_inherited_by_open(self);
}

scopeflow_status scopeflow_scope_callable_at(scopeflow_scope *self, uint32_t index,
                                             scopeflow_ref *out_callable,
                                             scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_scope_callable_at(self, index, out_callable, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    *out_callable = 0;
    if (!__atomic_load_n(&self->owns_view, __ATOMIC_ACQUIRE) || is_callable_by_itself(self))
        return SCOPEFLOW_STATUS_OK;
    scopeflow__lock(&self->runtime->registry_lock);
    *out_callable = callable_at(self->view, index);
    scopeflow__unlock(&self->runtime->registry_lock);
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_runtime_callable_at(scopeflow_runtime *self, uint32_t index,
                                               scopeflow_ref *out_callable,
                                               scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_runtime_callable_at(self, index, out_callable, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__lock(&self->registry_lock);
    *out_callable = callable_at(self->global_view, index);
    scopeflow__unlock(&self->registry_lock);
    return SCOPEFLOW_STATUS_OK;
}
