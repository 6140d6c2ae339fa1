#include "scope/open_list.h"

static scopeflow__shard *shard_of(const scopeflow_scope *self) {
    return &self->runtime->shards[self->shard];
}

void scopeflow__open_list_add(scopeflow_scope *self) {
    scopeflow__shard *const shard = shard_of(self);
    scopeflow__lock(&shard->lock);
    self->open_previous = NULL;
    self->open_next = shard->first;
    if (shard->first != NULL) shard->first->open_previous = self;
    shard->first = self;
    scopeflow__unlock(&shard->lock);
}

void scopeflow__open_list_remove(scopeflow_scope *self) {
    scopeflow__shard *const shard = shard_of(self);
    scopeflow__lock(&shard->lock);
    if (self->open_previous != NULL)
        self->open_previous->open_next = self->open_next;
    else
        shard->first = self->open_next;
    if (self->open_next != NULL) self->open_next->open_previous = self->open_previous;
    scopeflow__unlock(&shard->lock);
}

/* --- Who inherits --- */

/* Steps upwards that are looked at; where there are more, somebody may well inherit. */
#define LINK_LIMIT 1024

static bool leads_to(const scopeflow_scope *from, const scopeflow_scope *to, uint32_t *link_count) {
    for (; !scopeflow__scope_is_any_root(from); from = from->inherit)
        if (from == to || ++*link_count == LINK_LIMIT) return true;
    return from == to;
}

bool scopeflow__is_inherited_by_open(const scopeflow_scope *self) {
    if (!__atomic_load_n(&self->is_inherited_from, __ATOMIC_ACQUIRE)) return false;
    uint32_t link_count = 0;
    for (int i = 0; i < SCOPEFLOW__SHARD_COUNT; i++) {
        scopeflow__shard *const shard = &self->runtime->shards[i];
        bool is_inherited = false;
        scopeflow__lock(&shard->lock);
        for (scopeflow_scope *s = shard->first; s != NULL && !is_inherited; s = s->open_next)
            is_inherited = leads_to(s, self, &link_count);
        scopeflow__unlock(&shard->lock);
        if (is_inherited) return true;
    }
    return false;
}

/* --- Taking them all --- */

/* A node whose last reference has just gone is being abandoned by whoever let it go. */
static bool hold_if_held(scopeflow_scope *self) {
    uint32_t refs = scopeflow__load_u32(&self->refs);
    while (refs > 0) {
        if (scopeflow__swap_u32(&self->refs, refs, refs + 1)) return true;
        refs = scopeflow__load_u32(&self->refs);
    }
    return false;
}

/* Ids grow with time (S2.2). A parent process ends its own scopes, not its child (S1.13). */
static bool opened_later(const scopeflow_scope *a, const scopeflow_scope *b) {
    return memcmp(&a->uuid, &b->uuid, sizeof a->uuid) > 0;
}

static scopeflow_scope *merge(scopeflow_scope *a, scopeflow_scope *b) {
    scopeflow_scope *first = NULL;
    scopeflow_scope **end = &first;
    while (a != NULL && b != NULL) {
        scopeflow_scope **const later = opened_later(a, b) ? &a : &b;
        *end = *later;
        end = &(*end)->next;
        *later = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

static scopeflow_scope *sort(scopeflow_scope *first) {
    scopeflow_scope *rows[32] = {NULL}; /* Row i has 2^i nodes, or none. */
    while (first != NULL) {
        scopeflow_scope *row = first;
        first = first->next;
        row->next = NULL;
        int i = 0;
        for (; i < 31 && rows[i] != NULL; i++) {
            row = merge(rows[i], row);
            rows[i] = NULL;
        }
        rows[i] = rows[i] != NULL ? merge(rows[i], row) : row;
    }
    scopeflow_scope *all = NULL;
    for (int i = 0; i < 32; i++)
        if (rows[i] != NULL) all = merge(rows[i], all);
    return all;
}

scopeflow_scope *scopeflow__open_scopes_take(scopeflow_runtime *runtime) {
    scopeflow_scope *all = NULL;
    for (int i = 0; i < SCOPEFLOW__SHARD_COUNT; i++) {
        scopeflow__shard *const shard = &runtime->shards[i];
        scopeflow__lock(&shard->lock);
        for (scopeflow_scope *s = shard->first; s != NULL; s = s->open_next) {
            if (s->fork_generation != runtime->fork_generation || !hold_if_held(s)) continue;
            s->next = all;
            all = s;
        }
        scopeflow__unlock(&shard->lock);
    }
    return sort(all);
}
