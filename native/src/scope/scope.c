#include "scope/scope.h"

#include "base/checks.gen.h"
#include "base/utf8.h"
#include "registry/registry.h"
#include "scope/open_list.h"

#define NS_PER_US 1000

/* --- Where it goes --- */

scopeflow_scope *scopeflow__scope_nearest_open(scopeflow_scope *self) {
    while (!scopeflow__scope_is_open(self)) self = self->opener;
    return self;
}

/* An ended scope on which nothing was registered adds nothing to the chain: passing it by keeps a
 * row of detached tasks from holding each other's scopes for ever. */
static bool is_in_force(const scopeflow_scope *self) {
    return scopeflow__scope_is_open(self) || __atomic_load_n(&self->owns_view, __ATOMIC_ACQUIRE);
}

static scopeflow_scope *nearest_in_force(scopeflow_scope *value) {
    while (!is_in_force(value)) value = value->inherit;
    return value;
}

static scopeflow_status check_parent(scopeflow_runtime *runtime, const scopeflow_scope *parent,
                                     scopeflow_error *out_error) {
    if (parent->runtime != runtime)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                               SCOPEFLOW__TEXT("the parent scope '"), scopeflow__scope_name(parent),
                               SCOPEFLOW__TEXT("' belongs to another runtime"));
    if (!scopeflow__scope_is_open(parent))
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                               SCOPEFLOW__TEXT("the parent scope '"), scopeflow__scope_name(parent),
                               SCOPEFLOW__TEXT("' has ended"));
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow__place_find(scopeflow_runtime *runtime, scopeflow_scope *current,
                                       scopeflow_scope *parent, scopeflow__place *out,
                                       scopeflow_error *out_error) {
    if (!SCOPEFLOW__LIKELY(!scopeflow__runtime_is_closed(runtime)))
        return scopeflow__fail_closed(out_error);
    if (current == NULL) current = runtime->root;
    SCOPEFLOW__REQUIRE(current->runtime == runtime, out_error,
                       "the current scope belongs to another runtime");
    bool const is_open = scopeflow__scope_is_open(current);
    out->opener = is_open ? current : scopeflow__scope_nearest_open(current);
    if (parent != NULL) {
        scopeflow_status const status = check_parent(runtime, parent, out_error);
        if (status != SCOPEFLOW_STATUS_OK) return status;
        out->parent = parent;
        out->inherit = parent;
        out->detached_from = NULL;
        return SCOPEFLOW_STATUS_OK;
    }
    out->parent = out->opener;
    out->inherit = is_open ? current : nearest_in_force(current);
    out->detached_from = is_open ? NULL : current;
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow__name_check(scopeflow_bytes name, const char *what,
                                       scopeflow_error *out_error) {
    if (name.len == 0) return SCOPEFLOW_STATUS_OK;
    if (name.len > SCOPEFLOW_NAME_SIZE_LIMIT_BYTES)
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_LIMIT_EXCEEDED, scopeflow__c_text(what),
                               SCOPEFLOW__TEXT(" is longer than 65535 bytes: "), name);
    if (!scopeflow__utf8_is_valid(name))
        return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_UTF8, scopeflow__c_text(what),
                               SCOPEFLOW__TEXT(" is not valid UTF-8"), SCOPEFLOW__TEXT(""));
    return SCOPEFLOW_STATUS_OK;
}

/* --- Life --- */

static size_t node_size(const scopeflow_scope *self) {
    return sizeof *self + self->name_len + self->detail_len;
}

static scopeflow_scope *allocate(scopeflow_runtime *runtime, scopeflow_bytes name,
                                 scopeflow_bytes detail) {
    scopeflow_scope *const self = (scopeflow_scope *)scopeflow__allocate(
        &runtime->memory, sizeof *self + name.len + detail.len);
    if (self == NULL) return NULL;

    scopeflow__clear(self, sizeof *self);
    self->refs = 1;
    self->runtime = runtime;
    self->fork_generation = runtime->fork_generation;
    self->name_len = (uint32_t)name.len;
    self->detail_len = (uint32_t)detail.len;
    scopeflow__copy(self + 1, name.ptr, name.len);
    scopeflow__copy((char *)(self + 1) + name.len, detail.ptr, detail.len);
    return self;
}

/* The root lives as long as its runtime, which every scope holds: links to it are not counted, and
 * so threads that open first-level scopes do not fight over one counter. */
static void hold_link(scopeflow_scope *link) {
    if (!scopeflow__scope_is_root(link)) scopeflow__ref_up(&link->refs);
}

/* Says first that it looks and then looks, while whoever registers there writes first and then asks
 * whether somebody looked: one of the two sees the other. */
static void inherit_groups(scopeflow_scope *self, scopeflow_scope *from) {
    if (!__atomic_load_n(&from->is_inherited_from, __ATOMIC_RELAXED))
        __atomic_store_n(&from->is_inherited_from, true, __ATOMIC_SEQ_CST);
    self->seen_groups = from->seen_groups | __atomic_load_n(&from->own_groups, __ATOMIC_SEQ_CST);
}

scopeflow_scope *scopeflow__scope_new(scopeflow_runtime *runtime, const scopeflow__place *place,
                                      scopeflow_scope_type type, uint32_t attributes,
                                      scopeflow_bytes name, scopeflow_bytes detail) {
    scopeflow_scope *const self = allocate(runtime, name, detail);
    if (self == NULL) return NULL;

    scopeflow__shard *const shard = scopeflow__shard_of_thread(runtime);
    if (scopeflow__scope_is_root(place->parent)) scopeflow__runtime_hold(runtime, shard);
    self->shard = (uint8_t)(shard - runtime->shards);
    self->type = (uint8_t)type;
    self->attributes = attributes;
    self->parent = place->parent;
    self->opener = place->opener;
    self->inherit = place->inherit;
    hold_link(self->parent);
    if (self->opener != self->parent) hold_link(self->opener);
    if (self->inherit != self->parent) hold_link(self->inherit);
    if (place->detached_from != NULL) {
        self->is_detached = true;
        self->detached_from = place->detached_from->uuid;
    }
    if (!scopeflow__scope_is_root(self->inherit)) inherit_groups(self, self->inherit);
    return self;
}

void scopeflow__scope_open(scopeflow_scope *self, int64_t timestamp_ns) {
    scopeflow__runtime_draw(self->runtime, timestamp_ns, &self->uuid, &self->started_at_ns);
    scopeflow__store_u32(&self->phase, SCOPEFLOW__SCOPE_OPEN);
    scopeflow__open_list_add(self);
}

bool scopeflow__scope_end(scopeflow_scope *self) {
    if (!scopeflow__swap_u32(&self->phase, SCOPEFLOW__SCOPE_OPEN, SCOPEFLOW__SCOPE_ENDED))
        return false;
    scopeflow__open_list_remove(self);
    return true;
}

int64_t scopeflow__scope_end_time(const scopeflow_scope *self, int64_t timestamp_ns) {
    if (timestamp_ns > self->started_at_ns) return timestamp_ns;
    /* A caller may have said that it started at the end of time. */
    return self->started_at_ns > INT64_MAX - NS_PER_US ? INT64_MAX
                                                       : self->started_at_ns + NS_PER_US;
}

scopeflow_scope *scopeflow__scope_new_root(scopeflow_runtime *runtime) {
    scopeflow_scope *const self = allocate(runtime, SCOPEFLOW__TEXT("root"), SCOPEFLOW__TEXT(""));
    if (self == NULL) return NULL;
    self->type = SCOPEFLOW_SCOPE_TYPE_AGENT;
    self->phase = SCOPEFLOW__SCOPE_OPEN;
    return self;
}

scopeflow_scope *scopeflow__scope_new_own_root(scopeflow_runtime *runtime) {
    scopeflow_scope *const root = runtime->root;
    scopeflow__place const place = {root, root, root, NULL};
    scopeflow_scope *const self =
        scopeflow__scope_new(runtime, &place, SCOPEFLOW_SCOPE_TYPE_AGENT, 0,
                             SCOPEFLOW__TEXT("root"), SCOPEFLOW__TEXT(""));
    if (self == NULL) return NULL;
    self->is_own_root = true;
    self->phase = SCOPEFLOW__SCOPE_OPEN;
    return self;
}

scopeflow_status scopeflow_scope_new_root(scopeflow_runtime *runtime, scopeflow_scope **out_scope,
                                          scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_scope_new_root(runtime, out_scope, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (scopeflow__runtime_is_closed(runtime)) return scopeflow__fail_closed(out_error);
    scopeflow_scope *const self = scopeflow__scope_new_own_root(runtime);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    scopeflow__runtime_draw(runtime, 0, &self->uuid, &self->started_at_ns);
    *out_scope = self;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow__scope_destroy_root(scopeflow_scope *self) {
    scopeflow__view_release(self->view);
    scopeflow__deallocate(&self->runtime->memory, self, node_size(self));
}

scopeflow_scope *scopeflow_scope_retain(scopeflow_scope *self) {
    if (self == NULL) return NULL;
    scopeflow__ref_up(scopeflow__scope_is_root(self) ? &self->runtime->refs : &self->refs);
    return self;
}

/* --- Abandonment --- */

static void note_abandoned(scopeflow_scope *self) {
    self->is_abandoned = true;
    self->ended_at_ns = scopeflow__runtime_clock(self->runtime);
    scopeflow__count(&self->runtime->abandoned_scope_count);
}

/* The list takes the caller's reference. If the owner of the runtime has looked into the list for
 * the last time, either it has seen the scope or this sees that it is gone. */
static void put_on_list(scopeflow_scope *self) {
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__ref_up(&runtime->refs); /* What the scope holds may go as soon as it is there. */
    self->next = __atomic_load_n(&runtime->abandoned, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&runtime->abandoned, &self->next, self, true,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
    if (__atomic_load_n(&runtime->is_freed, __ATOMIC_SEQ_CST))
        scopeflow__abandoned_discard(runtime);
    scopeflow__runtime_release(runtime);
}

void scopeflow__scope_abandon(scopeflow_scope *self) {
    /* S1.13: the parent process emits the end, not the child. */
    if (self->fork_generation != self->runtime->fork_generation) {
        (void)scopeflow__scope_end(self);
        return;
    }
    if (!scopeflow__scope_end(self)) return;
    scopeflow__ref_up(&self->refs);
    note_abandoned(self);
    put_on_list(self);
}

void scopeflow__scope_owe_end(scopeflow_scope *self, int64_t ended_at_ns) {
    if (self->fork_generation != self->runtime->fork_generation) return;
    if (!self->is_abandoned) scopeflow__count(&self->runtime->abandoned_scope_count);
    self->is_abandoned = true;
    self->ended_at_ns = ended_at_ns;
    scopeflow__ref_up(&self->refs);
    put_on_list(self);
}

scopeflow_scope *scopeflow__abandoned_take(scopeflow_runtime *runtime) {
    scopeflow_scope *newest = __atomic_exchange_n(&runtime->abandoned, NULL, __ATOMIC_SEQ_CST);
    scopeflow_scope *oldest = NULL;
    while (newest != NULL) {
        scopeflow_scope *const next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

void scopeflow__abandoned_discard(scopeflow_runtime *runtime) {
    scopeflow_scope *self = scopeflow__abandoned_take(runtime);
    while (self != NULL) {
        scopeflow_scope *const next = self->next;
        scopeflow_scope_release(self);
        self = next;
    }
}

/* --- Release --- */

/* What a release leads to: nodes that nobody holds any more, and scopes whose end is owed, in the
 * order in which they were forgotten. */
typedef struct release_work {
    scopeflow_scope *doomed;
    scopeflow_scope *owed;
    scopeflow_scope **owed_end;
} release_work;

static bool owes_end(const scopeflow_scope *self) {
    return scopeflow__scope_is_open(self) && !self->is_own_root &&
           self->fork_generation == self->runtime->fork_generation &&
           !scopeflow__load_u32(&self->runtime->is_freed);
}

static void drop_link(scopeflow_scope *link, release_work *work) {
    if (scopeflow__scope_is_root(link) || !scopeflow__ref_down(&link->refs)) return;
    if (!owes_end(link)) {
        link->next = work->doomed;
        work->doomed = link;
        return;
    }
    scopeflow__store_u32(&link->refs, 1); /* The list's. */
    (void)scopeflow__scope_end(link);
    note_abandoned(link);
    link->next = NULL;
    *work->owed_end = link;
    work->owed_end = &link->next;
}

/* Only now: the runtime may go with the last of them. */
static void list_owed(scopeflow_scope *owed) {
    while (owed != NULL) {
        scopeflow_scope *const next = owed->next;
        put_on_list(owed);
        owed = next;
    }
}

/* A first-level scope holds the runtime, the others hold it through their parents. */
static void destroy_scope(scopeflow_scope *self, bool holds_runtime) {
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__shard *const shard = &runtime->shards[self->shard];
    if (self->view != NULL) scopeflow__view_release(self->view);
    scopeflow__runtime_release_ref(runtime, self->metadata);
    if (self->middleware != NULL) scopeflow__set_release(self->middleware);
    if (self->pending_marks != NULL)
        scopeflow__pending_marks_free(runtime, scopeflow__pending_marks_take(self));
    if (self->stream != NULL) scopeflow__stream_free(self);
    scopeflow__deallocate(&runtime->memory, self, node_size(self));
    if (holds_runtime) scopeflow__runtime_let_go(runtime, shard);
}

/* A deep tree is freed in a loop: recursion would overflow the stack. */
void scopeflow_scope_release(scopeflow_scope *self) {
    if (self == NULL) return;
    if (scopeflow__scope_is_root(self)) {
        scopeflow__runtime_release(self->runtime);
        return;
    }
    release_work work = {NULL, NULL, NULL};
    work.owed_end = &work.owed;
    drop_link(self, &work);
    while (work.doomed != NULL) {
        scopeflow_scope *const node = work.doomed;
        work.doomed = node->next;
        if (node->opener != node->parent) drop_link(node->opener, &work);
        if (node->inherit != node->parent) drop_link(node->inherit, &work);
        bool const holds_runtime = scopeflow__scope_is_root(node->parent);
        drop_link(node->parent, &work);
        destroy_scope(node, holds_runtime);
    }
    list_owed(work.owed);
}

/* --- What it knows --- */

uint32_t scopeflow_scope_is_in_force(const scopeflow_scope *self) {
    return self != NULL && is_in_force(self);
}

uint32_t scopeflow_scope_is_open(const scopeflow_scope *self) {
    return self != NULL && scopeflow__scope_is_open(self);
}

scopeflow_ref scopeflow_scope_metadata(const scopeflow_scope *self) {
    return self != NULL ? self->metadata : 0;
}

scopeflow_status scopeflow_scope_describe(scopeflow_scope *self, scopeflow_scope_info *out_info,
                                          scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_scope_describe(self, out_info, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    memset(out_info, 0, sizeof *out_info);
    out_info->uuid = self->uuid;
    if (!scopeflow__scope_is_any_root(self)) out_info->parent_uuid = self->parent->uuid;
    out_info->name = scopeflow__scope_name(self);
    out_info->subtype = SCOPEFLOW__TEXT("");
    out_info->tool_call_id = SCOPEFLOW__TEXT("");
    out_info->model_name = SCOPEFLOW__TEXT("");
    if (self->type == SCOPEFLOW_SCOPE_TYPE_CUSTOM)
        out_info->subtype = scopeflow__scope_detail(self);
    if (self->type == SCOPEFLOW_SCOPE_TYPE_TOOL)
        out_info->tool_call_id = scopeflow__scope_detail(self);
    if (self->type == SCOPEFLOW_SCOPE_TYPE_LLM)
        out_info->model_name = scopeflow__scope_detail(self);
    out_info->started_at_ns = self->started_at_ns;
    out_info->type = self->type;
    out_info->attributes = self->attributes;
    out_info->is_open = scopeflow__scope_is_open(self);
    return SCOPEFLOW_STATUS_OK;
}
