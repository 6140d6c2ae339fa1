/* A runtime: the host's functions, the clock, the source of ids, the global registries' view, the
 * root scope and the counters. Everything in it is safe to use from several threads. */
#ifndef SCOPEFLOW__RUNTIME_H
#define SCOPEFLOW__RUNTIME_H

#include "base/base.h"

typedef struct scopeflow__view scopeflow__view;

enum { SCOPEFLOW__SHARD_COUNT = 16, SCOPEFLOW__LOG_COUNT = 8, SCOPEFLOW__SPARE_BYTES = 1024 };

/* What every operation writes, many times over: threads that have nothing to do with each other
 * write in different shards, and in different lines of the cache. */
typedef struct scopeflow__shard {
    scopeflow__spinlock lock;
    uint32_t refs;          /* One for each first-level scope, as long as the owner is there. */
    scopeflow_scope *first; /* Under the lock: a part of the open scopes (S6.1). */
    uint64_t drawn_count;
    uint64_t scope_event_count;
    uint64_t mark_event_count;
    void *spare;          /* A block of SCOPEFLOW__SPARE_BYTES that an event had, or null. */
    uint64_t padding[10]; /* Processors fetch lines of 64 bytes in pairs. */
} scopeflow__shard;

/* What every operation reads stands apart from what every operation writes: a line of the cache
 * that one thread writes is one that the others have to fetch again. */
struct scopeflow_runtime {
    scopeflow_runtime_flag flags;
    uint32_t payload_budget_bytes;
    uint32_t is_freed;         /* The owner has gone: owed ends are not collected any more. */
    uint32_t is_closed;        /* Nothing may begin or be registered any more (S6.1). */
    uint32_t fork_generation;  /* Counts `after_fork`; a scope of another one is the parent's. */
    uint32_t groups;           /* What every scope may see: see scopeflow__may_see. */
    uint32_t scope_view_count; /* 0: nothing is registered on any scope. */
    scopeflow_host host;
    scopeflow__memory memory;
    int64_t clock_start_ns; /* Of a deterministic runtime, like the next. */
    int64_t clock_step_ns;
    bool has_fine_clock;     /* S2.2: the system's, and it orders what happens by itself. */
    int64_t clock_offset_ns; /* Of a fine clock: what lies between it and the time of day, */
    int64_t id_offset_ns;    /* the same for ids: it never goes back, */
    int64_t next_look_ns;    /* and when to look at the time of day again. */
    uint64_t seed[2];
    scopeflow_scope *root;
    scopeflow_scope *abandoned; /* A lock-free stack of ended scopes whose end is owed (S1.12). */
    uint32_t has_told_unknown_codec; /* See event/annotation.c. */
    uint32_t adrift_event_count;     /* See scopeflow__event_set_adrift. */
    scopeflow__view *global_view;
    struct scopeflow__prices *prices; /* Under `prices_lock`, or null; see codec/prices.h. */
    char *credential_headers;         /* The owner's own list, lower case, with commas; or null. */
    size_t credential_headers_len;

    uint64_t padding_before[8];
    uint64_t last_moment; /* 48 bits of milliseconds, 12 bits of count: never goes back (S2.2). */
    uint64_t clock_read_count; /* Of a deterministic runtime, like the next. */
    uint64_t drawn_uuid_count;
    uint64_t padding_behind[8];

    scopeflow__shard shards[SCOPEFLOW__SHARD_COUNT];

    uint32_t refs; /* The owner's, each reference to the root and, once the owner has gone, one for
                      each first-level scope. */
    scopeflow__spinlock registry_lock;
    scopeflow__view *scope_views; /* The views of scopes, not the runtime's. */
    uint32_t view_epoch;          /* Raised when a scope that others inherit from gets its view. */
    uint32_t late_groups;         /* Under the lock: registered where others inherited already. */
    uint32_t group_counts[5];     /* Under the lock: of the runtime's own registrations. */

    uint64_t subscriber_error_count;
    uint64_t withheld_payload_count;
    uint64_t dropped_event_count;
    uint64_t abandoned_scope_count;

    scopeflow__spinlock order_lock;
    scopeflow_event *noted_starts; /* Under that lock: the starts that wait, see order.c. */

    scopeflow__spinlock prices_lock;

    scopeflow__spinlock log_lock;
    uint32_t log_count; /* Messages so far; the last ones stand in `log`, as in a ring. */
    scopeflow_error log[SCOPEFLOW__LOG_COUNT];
};

void scopeflow__runtime_release(scopeflow_runtime *self);

/* The calling thread's shard, as a rule: threads have stacks of their own. */
static inline scopeflow__shard *scopeflow__shard_of_thread(scopeflow_runtime *self) {
    char here;
    uint64_t const page = (uint64_t)(uintptr_t)&here >> 17;
    return &self->shards[page * 0x9E3779B97F4A7C15ull >> 60];
}

/* For a first-level scope; `let_go` is given the shard that `hold` was given. */
void scopeflow__runtime_hold(scopeflow_runtime *self, scopeflow__shard *shard);
void scopeflow__runtime_let_go(scopeflow_runtime *self, scopeflow__shard *shard);

/* --- clock.c --- */

void scopeflow__clock_init(scopeflow_runtime *self);
int64_t scopeflow__runtime_clock(scopeflow_runtime *self);

/* S2.3: one uuid, then one clock read unless a timestamp was given. */
void scopeflow__runtime_draw(scopeflow_runtime *self, int64_t given_timestamp_ns,
                             scopeflow_uuid *out_uuid, int64_t *out_timestamp_ns);

void scopeflow__runtime_release_ref(scopeflow_runtime *self, scopeflow_ref ref);

static inline bool scopeflow__runtime_is_closed(const scopeflow_runtime *self) {
    return scopeflow__load_u32(&self->is_closed) != 0;
}
scopeflow_status scopeflow__fail_closed(scopeflow_error *out_error);

/* Whether a header's name, in any case of letters, is one that observers never see (S3.6). */
bool scopeflow__is_credential_header(const scopeflow_runtime *self, scopeflow_bytes name);

static inline void scopeflow__count(uint64_t *counter) {
    (void)scopeflow__fetch_add_u64(counter, 1);
}

#endif
