#include "scope/runtime.h"

#include "base/checks.gen.h"
#include "base/names.gen.h"
#include "base/system.h"
#include "registry/registry.h"
#include "scope/scope.h"

#define NS_PER_MS 1000000
#define CREDENTIAL_HEADER_LIMIT 64

/* --- Clock and ids --- */

int64_t scopeflow__runtime_clock(scopeflow_runtime *self) {
    if ((self->flags & SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC) == 0)
        return self->host.clock(self->host.context);
    uint64_t const reads = scopeflow__fetch_add_u64(&self->clock_read_count, 1);
    return (int64_t)((uint64_t)self->clock_start_ns + reads * (uint64_t)self->clock_step_ns);
}

/* SplitMix64 (Steele, Lea and Flood, 2014): a different word for each state, without a lock. */
static uint64_t random_word(scopeflow_runtime *self, uint64_t state) {
    uint64_t word = self->seed[0] + state * 0x9E3779B97F4A7C15ull;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ull;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBull;
    return (word ^ (word >> 31)) ^ self->seed[1];
}

/* S2.2: milliseconds and a count in one word that only grows, whatever the clock does. */
static uint64_t next_moment(scopeflow_runtime *self, int64_t now_ns) {
    uint64_t const now = (uint64_t)(now_ns / NS_PER_MS) << 12;
    uint64_t last = scopeflow__load_u64(&self->last_moment);
    uint64_t next;
    do {
        next = now > last ? now : last + 1;
    } while (!__atomic_compare_exchange_n(&self->last_moment, &last, next, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return next;
}

static void put_big_endian(uint8_t out[8], uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(out, &value, sizeof value);
}

static void draw_uuid(scopeflow_runtime *self, int64_t now_ns, scopeflow_uuid *out) {
    uint64_t moment = 0x019000000000ull << 12;
    uint64_t low;
    if ((self->flags & SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC) != 0) {
        low = scopeflow__fetch_add_u64(&self->drawn_uuid_count, 1);
    } else {
        /* No two draws have the same moment: it is all the state that randomness needs too. */
        moment = next_moment(self, now_ns);
        low = random_word(self, moment);
    }
    put_big_endian(out->bytes, (moment >> 12 << 16) | 0x7000u | (moment & 0xFFFu));
    put_big_endian(out->bytes + 8, (low & 0x3FFFFFFFFFFFFFFFull) | 0x8000000000000000ull);
}

void scopeflow__runtime_draw(scopeflow_runtime *self, int64_t given_timestamp_ns,
                             scopeflow_uuid *out_uuid, int64_t *out_timestamp_ns) {
    bool const is_given = given_timestamp_ns != SCOPEFLOW_TIMESTAMP_NONE;
    bool const is_deterministic = (self->flags & SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC) != 0;
    /* The one reading serves both; a given timestamp may lie anywhere and cannot date an id, so
     * only a deterministic runtime, whose ids need no time, saves the reading then. */
    int64_t const now_ns = is_given && is_deterministic ? 0 : scopeflow__runtime_clock(self);
    draw_uuid(self, now_ns, out_uuid);
    *out_timestamp_ns = is_given ? given_timestamp_ns : now_ns;
}

/* --- Life --- */

void scopeflow__runtime_release_ref(scopeflow_runtime *self, scopeflow_ref ref) {
    if (ref != 0 && self->host.release != NULL) self->host.release(self->host.context, ref);
}

static void seed(scopeflow_runtime *self) {
    if ((self->flags & SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC) == 0)
        self->host.entropy(self->host.context, (uint8_t *)self->seed, sizeof self->seed);
}

/* Copies the host's table and fills what it leaves out. */
static scopeflow_host complete_host(const scopeflow_host *host) {
    scopeflow_host complete;
    memset(&complete, 0, sizeof complete);
    if (host != NULL)
        memcpy(&complete, host,
               host->struct_size_bytes < sizeof complete ? host->struct_size_bytes
                                                         : sizeof complete);
    complete.struct_size_bytes = sizeof complete;
#if SCOPEFLOW_HOSTED
    if (complete.clock == NULL) complete.clock = scopeflow__system_clock;
    if (complete.entropy == NULL) complete.entropy = scopeflow__system_entropy;
#endif
    return complete;
}

static void destroy_runtime(scopeflow_runtime *self) {
    scopeflow__memory const memory = self->memory;
    scopeflow__abandoned_discard(self);
    if (self->global_view != NULL) scopeflow__view_release(self->global_view);
    if (self->root != NULL) scopeflow__scope_destroy_root(self->root);
    scopeflow__deallocate(&memory, self->credential_headers, self->credential_headers_len);
    scopeflow__deallocate(&memory, self, sizeof *self);
}

static size_t count_names(scopeflow_bytes names) {
    size_t count = names.len > 0;
    for (size_t i = 0; i < names.len; i++) count += names.ptr[i] == ',';
    return count;
}

/* Keeps the owner's list of credential headers, in lower case. */
static bool keep_credential_headers(scopeflow_runtime *self, scopeflow_bytes names) {
    if (names.ptr == NULL) return true;
    self->credential_headers_len = names.len + 1; /* An empty list is a list too. */
    self->credential_headers =
        (char *)scopeflow__allocate(&self->memory, self->credential_headers_len);
    if (self->credential_headers == NULL) return false;
    for (size_t i = 0; i < names.len; i++)
        self->credential_headers[i] = scopeflow__lower(names.ptr[i]);
    self->credential_headers[names.len] = ',';
    return true;
}

scopeflow_status scopeflow_runtime_new(const scopeflow_host *host,
                                       const scopeflow_runtime_new_options *options,
                                       scopeflow_runtime **out_runtime,
                                       scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_runtime_new(host, options, out_runtime, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_host const complete = complete_host(host);
    SCOPEFLOW__REQUIRE(count_names(options->credential_headers) <= CREDENTIAL_HEADER_LIMIT,
                       out_error, "credential_headers has more than 64 names");
    SCOPEFLOW__REQUIRE((options->flags & SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC) != 0 ||
                           (complete.clock != NULL && complete.entropy != NULL),
                       out_error, "this build has no clock and entropy of its own");

    scopeflow__memory memory = scopeflow__memory_default();
    if (complete.reallocate != NULL) {
        memory.reallocate = complete.reallocate;
        memory.context = complete.context;
    }
    SCOPEFLOW__REQUIRE(memory.reallocate != NULL, out_error,
                       "this build has no allocator of its own");
    scopeflow_runtime *const self = (scopeflow_runtime *)scopeflow__allocate(&memory, sizeof *self);
    if (self == NULL) return scopeflow__fail_memory(out_error);

    memset(self, 0, sizeof *self);
    self->refs = 1;
    self->flags = options->flags;
    self->payload_budget_bytes = options->payload_budget_bytes;
    self->host = complete;
    self->memory = memory;
    self->clock_start_ns = options->clock_start_ns;
    self->clock_step_ns = options->clock_step_ns;
    seed(self);
    self->global_view = scopeflow__view_new(self, NULL);
    self->root = scopeflow__scope_new_root(self);
    if (self->global_view == NULL || self->root == NULL ||
        !keep_credential_headers(self, options->credential_headers)) {
        destroy_runtime(self);
        return scopeflow__fail_memory(out_error);
    }
    int64_t root_started_at_ns;
    scopeflow__runtime_draw(self, 0, scopeflow__scope_uuid(self->root), &root_started_at_ns);
    *out_runtime = self;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow__runtime_release(scopeflow_runtime *self) {
    if (scopeflow__ref_down(&self->refs)) destroy_runtime(self);
}

void scopeflow_runtime_free(scopeflow_runtime *self) {
    if (self == NULL) return;
    /* Nobody will ask for the owed ends any more, and each of them holds the runtime. */
    scopeflow__store_u32(&self->is_freed, 1);
    scopeflow__abandoned_discard(self);
    scopeflow__runtime_release(self);
}

scopeflow_status scopeflow_runtime_after_fork(scopeflow_runtime *self, scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_runtime_after_fork(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    /* Another thread of the parent may have held the lock when it forked (S1.13). */
    scopeflow__unlock(&self->registry_lock);
    scopeflow__unlock(&self->log_lock);
    for (int i = 0; i < SCOPEFLOW__OPEN_SHARD_COUNT; i++)
        scopeflow__unlock(&self->open_shards[i].lock);
    self->fork_generation++;
    seed(self);
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_runtime_root(scopeflow_runtime *self, scopeflow_scope **out_scope,
                                        scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_runtime_root(self, out_scope, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    *out_scope = scopeflow_scope_retain(self->root);
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_runtime_read_stats(scopeflow_runtime *self,
                                              scopeflow_runtime_stats *out_stats,
                                              scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_runtime_read_stats(self, out_stats, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    out_stats->scope_event_count = scopeflow__load_u64(&self->scope_event_count);
    out_stats->mark_event_count = scopeflow__load_u64(&self->mark_event_count);
    out_stats->subscriber_error_count = scopeflow__load_u64(&self->subscriber_error_count);
    out_stats->withheld_payload_count = scopeflow__load_u64(&self->withheld_payload_count);
    out_stats->dropped_event_count = scopeflow__load_u64(&self->dropped_event_count);
    out_stats->abandoned_scope_count = scopeflow__load_u64(&self->abandoned_scope_count);
    return SCOPEFLOW_STATUS_OK;
}

/* --- Closing --- */

scopeflow_status scopeflow__fail_closed(scopeflow_error *out_error) {
    return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE, "the runtime is closed");
}

/* --- Credential headers --- */

static bool is_listed(const scopeflow_runtime *self, scopeflow_bytes name) {
    const char *at = self->credential_headers;
    const char *const end = at + self->credential_headers_len;
    while (at < end) {
        const char *const comma = (const char *)memchr(at, ',', (size_t)(end - at));
        if (scopeflow__same_lower(scopeflow__text(at, (size_t)(comma - at)), name)) return true;
        at = comma + 1;
    }
    return false;
}

bool scopeflow__is_credential_header(const scopeflow_runtime *self, scopeflow_bytes name) {
    if (self->credential_headers != NULL) return name.len > 0 && is_listed(self, name);
    size_t const count =
        sizeof scopeflow__credential_headers / sizeof scopeflow__credential_headers[0];
    for (size_t i = 0; i < count; i++)
        if (scopeflow__same_lower(scopeflow__c_text(scopeflow__credential_headers[i]), name))
            return true;
    return false;
}

scopeflow_status scopeflow_runtime_is_credential_header(scopeflow_runtime *self,
                                                        scopeflow_bytes name,
                                                        uint32_t *out_is_credential,
                                                        scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_runtime_is_credential_header(self, name, out_is_credential, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    *out_is_credential = scopeflow__is_credential_header(self, name);
    return SCOPEFLOW_STATUS_OK;
}
