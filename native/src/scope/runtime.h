/* A runtime: the host's functions, the clock, the source of ids, the global registries' view, the
 * root scope and the counters. Everything in it is safe to use from several threads. */
#ifndef SCOPEFLOW__RUNTIME_H
#define SCOPEFLOW__RUNTIME_H

#include "base/base.h"

typedef struct scopeflow__view scopeflow__view;

enum { SCOPEFLOW__OPEN_SHARD_COUNT = 8, SCOPEFLOW__LOG_COUNT = 8 };

/* A part of the open scopes, so that threads seldom meet at one lock (S6.1). */
typedef struct scopeflow__open_shard {
    scopeflow__spinlock lock;
    scopeflow_scope *first;
    uint64_t padding[6]; /* A cache line each. */
} scopeflow__open_shard;

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
    int64_t clock_start_ns;
    int64_t clock_step_ns;
    uint64_t seed[2];
    scopeflow_scope *root;
    scopeflow_scope *abandoned; /* A lock-free stack of ended scopes whose end is owed (S1.12). */
    scopeflow__view *global_view;
    char *credential_headers; /* The owner's own list, lower case, with commas; or null. */
    size_t credential_headers_len;

    uint64_t padding_before[8];
    uint64_t last_moment; /* 48 bits of milliseconds, 12 bits of count: never goes back (S2.2). */
    uint64_t clock_read_count; /* Of a deterministic runtime, like the next. */
    uint64_t drawn_uuid_count;
    uint64_t padding_between[8];
    uint32_t refs; /* The owner's, one for each first-level scope and each reference to the root. */
    uint64_t padding_behind[8];

    scopeflow__open_shard open_shards[SCOPEFLOW__OPEN_SHARD_COUNT];

    scopeflow__spinlock registry_lock;
    uint32_t view_epoch;      /* Raised when a scope that others inherit from gets its view. */
    uint32_t late_groups;     /* Under the lock: registered where others inherited already. */
    uint32_t group_counts[5]; /* Under the lock: of the runtime's own registrations. */

    uint64_t scope_event_count;
    uint64_t mark_event_count;
    uint64_t subscriber_error_count;
    uint64_t withheld_payload_count;
    uint64_t dropped_event_count;
    uint64_t abandoned_scope_count;

    scopeflow__spinlock log_lock;
    uint32_t log_count; /* Messages so far; the last ones stand in `log`, as in a ring. */
    scopeflow_error log[SCOPEFLOW__LOG_COUNT];
};

void scopeflow__runtime_release(scopeflow_runtime *self);

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
