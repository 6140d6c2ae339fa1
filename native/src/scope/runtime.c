#include "scope/runtime.h"

#include "base/checks.gen.h"
#include "base/names.gen.h"
#include "base/system.h"
#include "codec/prices.h"
#include "registry/registry.h"
#include "scope/scope.h"

#define CREDENTIAL_HEADER_LIMIT 64
#define SHARD_IS_COLLECTED (1u << 31)
#define REFS_WHILE_COLLECTING (1u << 30)

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
    if (complete.entropy == NULL) complete.entropy = scopeflow__system_entropy;
#endif
    return complete;
}

static bool has_clock(const scopeflow_host *host) {
    return SCOPEFLOW_HOSTED || host->clock != NULL;
}

static void destroy_runtime(scopeflow_runtime *self) {
    scopeflow__memory const memory = self->memory;
    scopeflow__abandoned_discard(self);
    if (self->global_view != NULL) scopeflow__view_release(self->global_view);
    scopeflow__prices_release(self->prices);
    if (self->root != NULL) scopeflow__scope_destroy_root(self->root);
    for (size_t i = 0; i < SCOPEFLOW__SHARD_COUNT; i++)
        scopeflow__deallocate(&memory, self->shards[i].spare, SCOPEFLOW__SPARE_BYTES);
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
    SCOPEFLOW__REQUIRE(options->credential_headers.len <= SCOPEFLOW_NAME_SIZE_LIMIT_BYTES,
                       out_error, "credential_headers has more than 65535 bytes");
    SCOPEFLOW__REQUIRE(count_names(options->credential_headers) <= CREDENTIAL_HEADER_LIMIT,
                       out_error, "credential_headers has more than 64 names");
    SCOPEFLOW__REQUIRE((options->flags & SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC) != 0 ||
                           (has_clock(&complete) && complete.entropy != NULL),
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
    scopeflow__clock_init(self);
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

/* While the owner has it, first-level scopes are counted where their thread counts; from then on in
 * `refs`. A shard's count tells with the same atomic step which of the two holds. */
void scopeflow__runtime_hold(scopeflow_runtime *self, scopeflow__shard *shard) {
    if ((__atomic_fetch_add(&shard->refs, 1, __ATOMIC_RELAXED) & SHARD_IS_COLLECTED) != 0)
        scopeflow__ref_up(&self->refs);
}

void scopeflow__runtime_let_go(scopeflow_runtime *self, scopeflow__shard *shard) {
    if ((__atomic_fetch_sub(&shard->refs, 1, __ATOMIC_ACQ_REL) & SHARD_IS_COLLECTED) != 0)
        scopeflow__runtime_release(self);
}

/* Adds the shards' counts to `refs`, which is kept from reaching zero meanwhile. */
static void collect_refs(scopeflow_runtime *self) {
    uint32_t missing = REFS_WHILE_COLLECTING;
    (void)__atomic_fetch_add(&self->refs, missing, __ATOMIC_RELAXED);
    for (int i = 0; i < SCOPEFLOW__SHARD_COUNT; i++)
        missing -= __atomic_fetch_add(&self->shards[i].refs, SHARD_IS_COLLECTED, __ATOMIC_ACQ_REL);
    (void)__atomic_fetch_sub(&self->refs, missing, __ATOMIC_ACQ_REL); /* The owner's is there. */
}

void scopeflow_runtime_free(scopeflow_runtime *self) {
    if (self == NULL) return;
    /* Nobody will ask for the owed ends any more, and each of them holds the runtime. */
    __atomic_store_n(&self->is_freed, 1, __ATOMIC_SEQ_CST);
    scopeflow__abandoned_discard(self);
    collect_refs(self);
    scopeflow__runtime_release(self);
}

scopeflow_status scopeflow_runtime_after_fork(scopeflow_runtime *self, scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_runtime_after_fork(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    /* Another thread of the parent may have held the lock when it forked (S1.13). */
    scopeflow__unlock(&self->registry_lock);
    scopeflow__unlock(&self->order_lock);
    scopeflow__unlock(&self->log_lock);
    scopeflow__unlock(&self->prices_lock);
    for (int i = 0; i < SCOPEFLOW__SHARD_COUNT; i++) scopeflow__unlock(&self->shards[i].lock);
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
    out_stats->scope_event_count = 0;
    out_stats->mark_event_count = 0;
    for (int i = 0; i < SCOPEFLOW__SHARD_COUNT; i++) {
        out_stats->scope_event_count += scopeflow__load_u64(&self->shards[i].scope_event_count);
        out_stats->mark_event_count += scopeflow__load_u64(&self->shards[i].mark_event_count);
    }
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
