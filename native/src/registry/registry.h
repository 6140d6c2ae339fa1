/* Registries (S3): what is registered where, and the chains that a scope sees.
 *
 * A view is what one owner registered: the runtime, or a scope from its first registration on. A
 * scope sees its own view, its ancestors' and the runtime's, merged into a set of chains, one for
 * each registry. A set is immutable and counted: a call holds the one that it began with (S3.4).
 * It is resolved when something was registered, not when a call is made.
 *
 * Views and the links between them change only under the runtime's registry lock. No host code and
 * no allocator runs under it: memory is got before the lock and let go after it, so that whoever
 * registers can be stopped there for as long as it takes and no call waits (S6.2). */
#ifndef SCOPEFLOW__REGISTRY_H
#define SCOPEFLOW__REGISTRY_H

#include "base/names.gen.h"
#include "scope/scope.h"

enum {
    SCOPEFLOW__REGISTRY_COUNT =
        sizeof scopeflow__registry_titles / sizeof scopeflow__registry_titles[0]
};

/* Who owns a registration; exactly one is not null. */
typedef struct scopeflow__owner {
    scopeflow_runtime *runtime;
    scopeflow_scope *scope;
} scopeflow__owner;

/* A callback in C. It runs between two steps and may not block. At most one of the first two is
 * not null; for the host's callables both are. */
typedef struct scopeflow__native {
    void (*deliver)(void *context, scopeflow_event *event); /* A sink's. */
    scopeflow_native_run run;                               /* A native callable's (ADR 0020). */
    void (*free)(void *context);                            /* Or null. */
    void *context;
} scopeflow__native;

/* In the place of the host's callable: the entry is a native callable's. No host has such a
 * reference. */
#define SCOPEFLOW__NATIVE_CALLABLE ((scopeflow_ref)UINTPTR_MAX)

typedef struct scopeflow__entry {
    uint32_t refs;
    int32_t priority;
    scopeflow_registry kind;
    scopeflow_callable_flag flags;
    scopeflow_runtime *runtime;
    scopeflow_ref callable; /* The host's; SCOPEFLOW__NATIVE_CALLABLE; 0 for a sink. */
    scopeflow__native native;
    uint32_t gated_kinds; /* Of a gate: a bit for each registry that it is about. */
    size_t name_len;
    size_t gated_len; /* Of a gate: the name that it is about stands behind its own. */
} scopeflow__entry;

typedef struct scopeflow__chain {
    scopeflow__entry **entries;
    uint32_t count;
    scopeflow_callable_flag flags; /* The union of the entries' flags. */
} scopeflow__chain;

typedef struct scopeflow__set {
    uint32_t refs;
    uint32_t entry_count;
    uint32_t entry_capacity;
    scopeflow_runtime *runtime;
    struct scopeflow__set *next_doomed;
    scopeflow__chain chains[SCOPEFLOW__REGISTRY_COUNT];
} scopeflow__set;

static inline scopeflow_bytes scopeflow__entry_name(const scopeflow__entry *self) {
    return scopeflow__text((const char *)(self + 1), self->name_len);
}
/* Whose name it is: the text stands right behind the entry. */
static inline const scopeflow__entry *scopeflow__entry_named(scopeflow_bytes name) {
    return (const scopeflow__entry *)(const void *)name.ptr - 1;
}
static inline scopeflow_bytes scopeflow__entry_gated(const scopeflow__entry *self) {
    return scopeflow__text((const char *)(self + 1) + self->name_len, self->gated_len);
}
void scopeflow__entry_release(scopeflow__entry *self);

scopeflow__view *scopeflow__view_new(scopeflow_runtime *runtime, scopeflow__view *parent);
void scopeflow__view_release(scopeflow__view *self);

/* Registrations by whom they concern: without one that may concern a scope there is nothing to
 * resolve for it and no lock to take, whatever else is registered. */
enum {
    SCOPEFLOW__GROUP_SUBSCRIBERS = 1,
    SCOPEFLOW__GROUP_TOOL = 2,
    SCOPEFLOW__GROUP_LLM = 4,
    SCOPEFLOW__GROUP_TOOL_SANITIZERS = 8,
    SCOPEFLOW__GROUP_LLM_SANITIZERS = 16,
    SCOPEFLOW__GROUP_ANY = 31
};

/* Whether something of these groups may be in force for the scope. */
static inline bool scopeflow__may_see(const scopeflow_scope *scope, uint32_t groups) {
    uint32_t const seen = scopeflow__load_u32(&scope->runtime->groups) | scope->seen_groups |
                          __atomic_load_n(&scope->own_groups, __ATOMIC_RELAXED);
    return (seen & groups) != 0;
}

/* The set that a scope sees now, for the caller to release; null if nothing is registered, or if
 * memory ran out, which `out_failed` then says. */
scopeflow__set *scopeflow__set_of(scopeflow_scope *scope, bool *out_failed);
/* An empty set with room for entries; null when memory ran out. */
scopeflow__set *scopeflow__set_new(scopeflow_runtime *runtime, uint32_t capacity);
void scopeflow__set_release(scopeflow__set *self);

/* Whether the set has anything that the gate is about, in one of these kinds. */
bool scopeflow__set_has_gated(const scopeflow__set *self, const scopeflow__entry *gate,
                              uint32_t kinds);
/* A copy without what the gate is about; null when memory ran out. */
scopeflow__set *scopeflow__set_without(const scopeflow__set *self, const scopeflow__entry *gate);

static inline uint32_t scopeflow__set_count(const scopeflow__set *self, scopeflow_registry kind) {
    return self != NULL ? self->chains[kind].count : 0;
}

/* S3.1, S3.3: the callable is the registry's when, and only when, this succeeds. */
scopeflow_status scopeflow__registry_add(scopeflow__owner owner, scopeflow_registry kind,
                                         scopeflow_bytes name, int32_t priority,
                                         scopeflow_ref callable, scopeflow_callable_flag flags,
                                         scopeflow_error *out_error);
scopeflow_status scopeflow__registry_add_gate(scopeflow__owner owner, scopeflow_registry kind,
                                              scopeflow_bytes name, uint32_t kinds,
                                              scopeflow_bytes registration, scopeflow_ref callable,
                                              scopeflow_callable_flag flags,
                                              scopeflow_error *out_error);
/* The context is the registry's when, and only when, this succeeds. */
scopeflow_status scopeflow__registry_add_native(scopeflow__owner owner,
                                                const scopeflow_native_callable *callable,
                                                scopeflow_error *out_error);
scopeflow_status scopeflow__registry_remove(scopeflow__owner owner, scopeflow_registry kind,
                                            scopeflow_bytes name, uint32_t *out_removed,
                                            scopeflow_error *out_error);

#endif
