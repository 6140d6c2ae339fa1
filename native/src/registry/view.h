/* Inside of the registry: views. Only registry/ includes this. */
#ifndef SCOPEFLOW__VIEW_H
#define SCOPEFLOW__VIEW_H

#include "registry/registry.h"

struct scopeflow__view {
    uint32_t refs;
    scopeflow_runtime *runtime;
    scopeflow__view *parent; /* What the owner's scope saw before it registered anything itself. */
    scopeflow__entry **entries; /* In order of registration. */
    uint32_t entry_count;
    uint32_t entry_capacity;
    uint64_t version; /* Counts changes of `entries`. */
    scopeflow__set *resolved;
    uint64_t resolved_version; /* Its `scopeflow__view_version` at that moment. */
    scopeflow__view *next_doomed;
    scopeflow__view *previous; /* Among the views of scopes. */
    scopeflow__view *next;
};

/* What has to be let go once the lock is free. */
typedef struct scopeflow__doomed {
    scopeflow__view *views;
    scopeflow__set *sets; /* Linked through `next_doomed`. */
} scopeflow__doomed;

/* All of these need the registry lock. */
void scopeflow__view_drop(scopeflow__view *self, scopeflow__doomed *doomed);
void scopeflow__view_forget_set(scopeflow__view *self, scopeflow__doomed *doomed);
/* Of every view whose set is stale: that would keep alive what is no longer registered. */
void scopeflow__view_forget_stale_sets(scopeflow_runtime *runtime, scopeflow__doomed *doomed);
/* Sum of the versions from here to the runtime's view: it changes with each of them. */
uint64_t scopeflow__view_version(const scopeflow__view *self);
bool scopeflow__view_is_resolved(const scopeflow__view *self);
scopeflow__view *scopeflow__view_of(scopeflow_scope *scope, scopeflow__doomed *doomed);
scopeflow__view *scopeflow__view_own(scopeflow__owner owner, scopeflow__view *fresh,
                                     scopeflow__doomed *doomed);

void scopeflow__doomed_free(scopeflow__doomed *self);
static inline void scopeflow__doomed_release(scopeflow__doomed *self) {
    if (self->sets != NULL || self->views != NULL) scopeflow__doomed_free(self);
}

#endif
