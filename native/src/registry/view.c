#include "registry/view.h"

scopeflow__view *scopeflow__view_new(scopeflow_runtime *runtime, scopeflow__view *parent) {
    scopeflow__view *const self =
        (scopeflow__view *)scopeflow__allocate(&runtime->memory, sizeof *self);
    if (self == NULL) return NULL;
    memset(self, 0, sizeof *self);
    self->refs = 1;
    self->runtime = runtime;
    self->parent = parent;
    if (parent != NULL) scopeflow__ref_up(&parent->refs);
    return self;
}

static void link_view(scopeflow__view *self) {
    scopeflow_runtime *const runtime = self->runtime;
    self->next = runtime->scope_views;
    if (self->next != NULL) self->next->previous = self;
    runtime->scope_views = self;
    (void)__atomic_fetch_add(&runtime->scope_view_count, 1, __ATOMIC_RELEASE);
}

static void unlink_view(scopeflow__view *self) {
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__lock(&runtime->registry_lock);
    if (self->next != NULL) self->next->previous = self->previous;
    if (self->previous != NULL)
        self->previous->next = self->next;
    else
        runtime->scope_views = self->next;
    scopeflow__unlock(&runtime->registry_lock);
    (void)__atomic_fetch_sub(&runtime->scope_view_count, 1, __ATOMIC_RELEASE);
}

static void free_view(scopeflow__view *self) {
    scopeflow_runtime *const runtime = self->runtime;
    if (self->parent != NULL) unlink_view(self);
    for (uint32_t i = 0; i < self->entry_count; i++) scopeflow__entry_release(self->entries[i]);
    scopeflow__deallocate(&runtime->memory, self->entries,
                          self->entry_capacity * sizeof *self->entries);
    if (self->resolved != NULL) scopeflow__set_release(self->resolved);
    scopeflow__deallocate(&runtime->memory, self, sizeof *self);
}

void scopeflow__view_release(scopeflow__view *self) {
    while (self != NULL && scopeflow__ref_down(&self->refs)) {
        scopeflow__view *const parent = self->parent;
        free_view(self);
        self = parent;
    }
}

/* --- Under the lock --- */

void scopeflow__view_drop(scopeflow__view *self, scopeflow__doomed *doomed) {
    if (self == NULL || !scopeflow__ref_down(&self->refs)) return;
    self->next_doomed = doomed->views;
    doomed->views = self;
}

void scopeflow__view_forget_set(scopeflow__view *self, scopeflow__doomed *doomed) {
    if (self->resolved == NULL) return;
    /* A set that others still hold needs no place among the doomed. */
    if (scopeflow__ref_down(&self->resolved->refs)) {
        self->resolved->refs = 1;
        self->resolved->next_doomed = doomed->sets;
        doomed->sets = self->resolved;
    }
    self->resolved = NULL;
}

uint64_t scopeflow__view_version(const scopeflow__view *self) {
    uint64_t sum = 0;
    for (; self != NULL; self = self->parent) sum += self->version;
    return sum;
}

bool scopeflow__view_is_resolved(const scopeflow__view *self) {
    return self->resolved != NULL && self->resolved_version == scopeflow__view_version(self);
}

void scopeflow__view_forget_stale_sets(scopeflow_runtime *runtime, scopeflow__doomed *doomed) {
    scopeflow__view *view = runtime->global_view;
    if (!scopeflow__view_is_resolved(view)) scopeflow__view_forget_set(view, doomed);
    for (view = runtime->scope_views; view != NULL; view = view->next)
        if (!scopeflow__view_is_resolved(view)) scopeflow__view_forget_set(view, doomed);
}

void scopeflow__doomed_free(scopeflow__doomed *self) {
    while (self->sets != NULL) {
        scopeflow__set *const set = self->sets;
        self->sets = set->next_doomed;
        scopeflow__set_release(set);
    }
    while (self->views != NULL) {
        scopeflow__view *const view = self->views;
        scopeflow__view *const parent = view->parent;
        self->views = view->next_doomed;
        free_view(view);
        scopeflow__view_release(parent);
    }
}

static void replace_view(scopeflow__view **slot, scopeflow__view *with, scopeflow__doomed *doomed) {
    if (*slot == with) return;
    scopeflow__ref_up(&with->refs);
    scopeflow__view_drop(*slot, doomed);
    *slot = with;
}

/* Brings one scope up to date, given what the scope that it inherits from sees. */
static scopeflow__view *refresh(scopeflow_scope *scope, scopeflow__view *inherited,
                                scopeflow__doomed *doomed) {
    if (!scope->owns_view) {
        replace_view(&scope->view, inherited, doomed);
    } else if (scope->view->parent != inherited) {
        replace_view(&scope->view->parent, inherited, doomed);
        scopeflow__view_forget_set(scope->view, doomed);
    }
    scope->view_epoch = scope->runtime->view_epoch;
    return scope->view;
}

static bool is_fresh(const scopeflow_scope *scope) {
    return scope->view != NULL && scope->view_epoch == scope->runtime->view_epoch;
}

/* Walks up to the first scope that is up to date and then down again along the links that were
 * turned round on the way; so a deep tree is walked once, without recursion. */
scopeflow__view *scopeflow__view_of(scopeflow_scope *scope, scopeflow__doomed *doomed) {
    scopeflow_scope *below = NULL;
    while (!scopeflow__scope_is_any_root(scope) && !is_fresh(scope)) {
        scope->walk = below;
        below = scope;
        scope = scope->inherit;
    }
    scopeflow__view *view = scope->view;
    if (scopeflow__scope_is_any_root(scope) && !scope->owns_view)
        view = scope->runtime->global_view;
    for (; below != NULL; below = below->walk) view = refresh(below, view, doomed);
    return view;
}

/* The view to register in. A scope's first registration gives it one, made beforehand (`fresh`).
 * If other scopes inherit from it already, they must look again: the epoch is raised. */
scopeflow__view *scopeflow__view_own(scopeflow__owner owner, scopeflow__view *fresh,
                                     scopeflow__doomed *doomed) {
    if (owner.runtime != NULL) return owner.runtime->global_view;

    scopeflow_scope *const scope = owner.scope;
    scopeflow__view *const inherited = scopeflow__view_of(scope, doomed);
    if (scope->owns_view) return scope->view;
    if (fresh == NULL) return NULL;

    fresh->parent = inherited;
    scopeflow__ref_up(&inherited->refs);
    link_view(fresh);
    scopeflow__view_drop(scope->view, doomed);
    scope->view = fresh;
    __atomic_store_n(&scope->owns_view, true, __ATOMIC_RELEASE);
    if (scopeflow__scope_is_root(scope) ||
        __atomic_load_n(&scope->is_inherited_from, __ATOMIC_ACQUIRE)) {
        scope->runtime->view_epoch++;
        scope->view_epoch = scope->runtime->view_epoch;
    }
    return fresh;
}
