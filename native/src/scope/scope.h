/* The scope tree (S1). A scope is a node with a parent pointer; there is no stack.
 *
 * Three links lead upwards. `parent` is the parent in the tree. `opener` is what was current when
 * the scope opened, for the walk to the nearest open scope (S1.5). `inherit` is where the
 * middleware comes from (S1.4). They are the same scope unless an explicit parent or an ended
 * context value made them differ, and only a link that differs from the parent is counted apart. */
#ifndef SCOPEFLOW__SCOPE_H
#define SCOPEFLOW__SCOPE_H

#include "scope/runtime.h"

enum { SCOPEFLOW__SCOPE_RESERVED = 0, SCOPEFLOW__SCOPE_OPEN = 1, SCOPEFLOW__SCOPE_ENDED = 2 };

/* A mark that an intercept left with its call. Name and category stand behind the struct. */
typedef struct scopeflow__pending_mark {
    struct scopeflow__pending_mark *next;
    scopeflow_ref data;
    scopeflow_ref metadata;
    scopeflow_ref profile;
    scopeflow_ref data_schema;
    size_t name_len;
    size_t category_len;
} scopeflow__pending_mark;

/* Numbers of a stream for its end event (S4.7). Whoever drives the stream writes them; whoever ends
 * the call, which may be another thread, reads them. */
typedef struct scopeflow__stream_facts {
    uint64_t has_begun;
    uint64_t chunk_count;
    uint64_t first_chunk_ns; /* Since the start. */
    uint64_t longest_gap_ns;
} scopeflow__stream_facts;

struct scopeflow_scope {
    uint32_t refs;
    uint32_t phase; /* Changes from open to ended exactly once (S4.3). */
    scopeflow_runtime *runtime;
    scopeflow_scope *parent; /* Null only for the root. */
    scopeflow_scope *opener;
    scopeflow_scope *inherit;
    scopeflow_scope *next; /* In the abandoned list, or while a row of scopes is being freed. */

    scopeflow_scope *open_next; /* Under the shard's lock: the row of open scopes (S6.1). */
    scopeflow_scope *open_previous;

    scopeflow_scope *walk; /* Under the registry lock: the way back down. */
    scopeflow__view *view; /* Under the registry lock: what was last resolved, or null. */
    uint32_t view_epoch;
    bool owns_view;         /* Something was registered on this very scope. */
    bool is_inherited_from; /* Another scope sees what is registered here. */
    uint8_t seen_groups;    /* What was registered above when it was made, */
    uint8_t own_groups;     /* and what was registered on it: see scopeflow__may_see. */
    bool is_call;           /* A tool or LLM call: its flags are those of its kind of call. */
    bool is_own_root;       /* A root that one context has for itself (S1.3): it never ends. */
    bool is_manual;         /* A call that the application runs by itself (S4.8). */
    bool is_abandoned; /* Ended without a word: its subscribers are still owed the end (S1.12). */
    bool is_detached;  /* Opened under a context value that had ended (S1.5). */
    bool has_noted_start; /* Its start has had to wait: see order.c. */
    uint8_t type;
    uint8_t shard; /* Of the runtime: that of the thread that made it. */

    scopeflow_uuid uuid;
    scopeflow_uuid detached_from; /* Of a root of its own: the root of another process, or zeros. */
    int64_t started_at_ns;
    int64_t ended_at_ns; /* For an abandoned scope: when it was noticed. */
    scopeflow_ref metadata;
    scopeflow_ref call_request; /* What the start event showed, for comparison only (S3.7). */
    struct scopeflow__set *middleware; /* Of a manual call: what it saw when it began (S3.4). */
    scopeflow__stream_facts *stream;   /* Of a streaming call, else null. */
    scopeflow__pending_mark *pending_marks; /* A lock-free stack, newest first (S3.11). */
    uint32_t attempt_count;                 /* How often the target was reached (S3.7). */
    uint32_t attributes;
    uint32_t fork_generation;
    uint32_t name_len;
    uint32_t detail_len; /* Subtype of a custom scope, id of a tool call, model of an LLM call. */
};

/* The texts stand behind the struct. */
static inline scopeflow_bytes scopeflow__scope_name(const scopeflow_scope *self) {
    return scopeflow__text((const char *)(self + 1), self->name_len);
}
static inline scopeflow_bytes scopeflow__scope_detail(const scopeflow_scope *self) {
    return scopeflow__text((const char *)(self + 1) + self->name_len, self->detail_len);
}
static inline scopeflow_uuid *scopeflow__scope_uuid(scopeflow_scope *self) {
    return &self->uuid;
}
static inline bool scopeflow__scope_is_root(const scopeflow_scope *self) {
    return self->parent == NULL;
}
/* The runtime's root, or one that a context has for itself. */
static inline bool scopeflow__scope_is_any_root(const scopeflow_scope *self) {
    return self->parent == NULL || self->is_own_root;
}
static inline bool scopeflow__scope_is_open(const scopeflow_scope *self) {
    return scopeflow__load_u32(&self->phase) == SCOPEFLOW__SCOPE_OPEN;
}

/* Where a new scope or mark goes: resolved from the context's value and an explicit parent. */
typedef struct scopeflow__place {
    scopeflow_scope *parent;
    scopeflow_scope *opener;
    scopeflow_scope *inherit;
    const scopeflow_scope *detached_from; /* The ended context value, or null. */
} scopeflow__place;

/* S1.4, S1.5. `current` may be null (the root) and may have ended; `parent` must be open. */
scopeflow_status scopeflow__place_find(scopeflow_runtime *runtime, scopeflow_scope *current,
                                       scopeflow_scope *parent, scopeflow__place *out,
                                       scopeflow_error *out_error);

scopeflow_status scopeflow__name_check(scopeflow_bytes name, const char *what,
                                       scopeflow_error *out_error);

/* A reserved node: it has its links and texts, but no id, no time, and nobody can see it. */
scopeflow_scope *scopeflow__scope_new(scopeflow_runtime *runtime, const scopeflow__place *place,
                                      scopeflow_scope_type type, uint32_t attributes,
                                      scopeflow_bytes name, scopeflow_bytes detail);
/* Draws id and time; from now on its end is owed. */
void scopeflow__scope_open(scopeflow_scope *self, int64_t timestamp_ns);
/* True for the one caller that ends it. */
bool scopeflow__scope_end(scopeflow_scope *self);
/* Ends one that has just opened, if another thread has closed the runtime meanwhile: that may have
 * looked for open scopes too early to find it (S6.1). */
static inline bool scopeflow__scope_end_if_closed(scopeflow_scope *self) {
    if (SCOPEFLOW__LIKELY(!scopeflow__runtime_is_closed(self->runtime))) return false;
    return scopeflow__scope_end(self);
}
/* Ends it without a word and puts it on the runtime's list (S1.12). Runs no host code. */
void scopeflow__scope_abandon(scopeflow_scope *self);
/* The same for one that has ended, but whose end has reached nobody. */
void scopeflow__scope_owe_end(scopeflow_scope *self, int64_t ended_at_ns);

/* The nearest scope, from this one upwards, that has not ended; the root at last. */
scopeflow_scope *scopeflow__scope_nearest_open(scopeflow_scope *self);

/* S2.3: when a scope ends that is said to end at `timestamp_ns`, at least 1 µs after its start. */
int64_t scopeflow__scope_end_time(const scopeflow_scope *self, int64_t timestamp_ns);

/* Takes a reference to every open scope, the latest opened first, linked by `next` (S6.1). */
scopeflow_scope *scopeflow__open_scopes_take(scopeflow_runtime *runtime);

/* Makes a streaming call of it; false when memory ran out. */
bool scopeflow__stream_reserve(scopeflow_scope *self);
void scopeflow__stream_begin(scopeflow__stream_facts *self);
void scopeflow__stream_count(scopeflow__stream_facts *self, uint64_t gap_ns);
/* False if the producer has not given a stream. */
bool scopeflow__stream_read(const scopeflow__stream_facts *self, scopeflow__stream_facts *out);
void scopeflow__stream_free(scopeflow_scope *self);

/* A new one, to be left with a call of this runtime; null if there is no memory. */
scopeflow__pending_mark *scopeflow__pending_mark_new(scopeflow_runtime *runtime,
                                                     scopeflow_bytes name,
                                                     scopeflow_bytes category);
void scopeflow__pending_mark_leave(scopeflow_scope *self, scopeflow__pending_mark *mark);
static inline scopeflow_bytes scopeflow__pending_mark_name(const scopeflow__pending_mark *mark) {
    return scopeflow__text((const char *)(mark + 1), mark->name_len);
}
static inline scopeflow_bytes
scopeflow__pending_mark_category(const scopeflow__pending_mark *mark) {
    return scopeflow__text((const char *)(mark + 1) + mark->name_len, mark->category_len);
}
/* Takes them, in the order in which they were left. */
scopeflow__pending_mark *scopeflow__pending_marks_take(scopeflow_scope *self);
void scopeflow__pending_marks_free(scopeflow_runtime *runtime, scopeflow__pending_mark *first);

scopeflow_scope *scopeflow__scope_new_root(scopeflow_runtime *runtime);
/* A root for one context, without an id. Null when memory ran out. */
scopeflow_scope *scopeflow__scope_new_own_root(scopeflow_runtime *runtime);
void scopeflow__scope_destroy_root(scopeflow_scope *self);

/* Takes the whole list, oldest first; the caller owns a reference to each. */
scopeflow_scope *scopeflow__abandoned_take(scopeflow_runtime *runtime);
/* Drops it without delivering anything. */
void scopeflow__abandoned_discard(scopeflow_runtime *runtime);

#endif
