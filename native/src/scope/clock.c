/* Time and ids (S2.2, S2.3). An id is a UUID of version 7 that is greater than every id that was
 * drawn before it, by whatever thread.
 *
 * A clock that the host lends may stand still or go back, and so one word keeps the last moment for
 * all threads. The system's own clock that counts from its start goes back for nobody; where it is
 * fine enough to move on between any two readings it has ordered all draws already, and threads
 * have nothing to write in common. The moment then takes more of the id's bits (RFC 9562, 6.2,
 * method 3). */
#include "base/system.h"
#include "scope/runtime.h"

#define NS_PER_MS 1000000
#define LOOK_EVERY_NS (50 * NS_PER_MS)
#define LARGEST_DRIFT_NS NS_PER_MS /* Less is not a step of the time of day, but noise. */
#define LONGEST_LOOK_NS 10000      /* A longer one was disturbed, and says little. */

/* --- The system's clocks --- */

#if SCOPEFLOW_HOSTED

/* Threads need longer to hand something over than one thread needs to read the clock twice. */
static bool is_fine(void) {
    int64_t last = scopeflow__system_uptime();
    for (int i = 0; i < 64; i++) {
        int64_t const now = scopeflow__system_uptime();
        if (now <= last) return false;
        last = now;
    }
    return true;
}

static bool measure_offset(int64_t *out_offset_ns) {
    int64_t const before = scopeflow__system_uptime();
    int64_t const time_of_day = scopeflow__system_clock();
    int64_t const took_ns = scopeflow__system_uptime() - before;
    *out_offset_ns = time_of_day - before - took_ns / 2;
    return took_ns <= LONGEST_LOOK_NS;
}

static int64_t load_ns(const int64_t *at) {
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void raise_to(int64_t *at, int64_t value) {
    int64_t last = load_ns(at);
    while (last < value && !__atomic_compare_exchange_n(at, &last, value, false, __ATOMIC_RELAXED,
                                                        __ATOMIC_RELAXED)) {
    }
}

/* Follows the time of day when it was set, or when the system slept. */
static void look_again(scopeflow_runtime *self, int64_t uptime_ns) {
    int64_t due_ns = load_ns(&self->next_look_ns);
    int64_t offset_ns;
    if (uptime_ns < due_ns ||
        !__atomic_compare_exchange_n(&self->next_look_ns, &due_ns, uptime_ns + LOOK_EVERY_NS, false,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
        !measure_offset(&offset_ns))
        return;
    int64_t const drift_ns = offset_ns - load_ns(&self->clock_offset_ns);
    if (drift_ns >= -LARGEST_DRIFT_NS && drift_ns <= LARGEST_DRIFT_NS) return;
    __atomic_store_n(&self->clock_offset_ns, offset_ns, __ATOMIC_RELAXED);
    raise_to(&self->id_offset_ns, offset_ns);
}

static int64_t read_uptime(scopeflow_runtime *self) {
    int64_t const uptime_ns = scopeflow__system_uptime();
    if (!SCOPEFLOW__LIKELY(uptime_ns < load_ns(&self->next_look_ns))) look_again(self, uptime_ns);
    return uptime_ns;
}

static int64_t clock_offset(const scopeflow_runtime *self) {
    return load_ns(&self->clock_offset_ns);
}
static int64_t id_offset(const scopeflow_runtime *self) {
    return load_ns(&self->id_offset_ns);
}

static int64_t read_system_clock(void) {
    return scopeflow__system_clock();
}

static void find_fine_clock(scopeflow_runtime *self) {
    self->has_fine_clock = is_fine();
    for (int i = 0; i < 8 && !measure_offset(&self->clock_offset_ns); i++) {
    }
    self->id_offset_ns = self->clock_offset_ns;
    self->next_look_ns = scopeflow__system_uptime() + LOOK_EVERY_NS;
}

#else

static int64_t read_uptime(scopeflow_runtime *self) {
    (void)self;
    return 0;
}
static int64_t clock_offset(const scopeflow_runtime *self) {
    (void)self;
    return 0;
}
static int64_t id_offset(const scopeflow_runtime *self) {
    (void)self;
    return 0;
}
static int64_t read_system_clock(void) {
    return 0;
}
static void find_fine_clock(scopeflow_runtime *self) {
    (void)self;
}

#endif

/* --- Reading --- */

static bool is_deterministic(const scopeflow_runtime *self) {
    return (self->flags & SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC) != 0;
}

void scopeflow__clock_init(scopeflow_runtime *self) {
    if (self->host.clock == NULL && !is_deterministic(self)) find_fine_clock(self);
}

static int64_t read_other_clock(scopeflow_runtime *self) {
    if (!is_deterministic(self))
        return self->host.clock != NULL ? self->host.clock(self->host.context)
                                        : read_system_clock();
    uint64_t const reads = scopeflow__fetch_add_u64(&self->clock_read_count, 1);
    return (int64_t)((uint64_t)self->clock_start_ns + reads * (uint64_t)self->clock_step_ns);
}

int64_t scopeflow__runtime_clock(scopeflow_runtime *self) {
    if (!self->has_fine_clock) return read_other_clock(self);
    int64_t const uptime_ns = read_uptime(self);
    return uptime_ns + clock_offset(self);
}

/* --- Ids --- */

/* SplitMix64 (Steele, Lea and Flood, 2014): a different word for each state, without a lock. */
static uint64_t random_word(const scopeflow_runtime *self, uint64_t state) {
    uint64_t word = self->seed[0] + state * 0x9E3779B97F4A7C15ull;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ull;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBull;
    return (word ^ (word >> 31)) ^ self->seed[1];
}

static void put_big_endian(uint8_t out[8], uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(out, &value, sizeof value);
}

/* 48 bits of milliseconds and 12 bits of what is finer; then 62 bits. */
static void put_version_7(scopeflow_uuid *out, uint64_t ms, uint64_t finer, uint64_t low) {
    put_big_endian(out->bytes, ms << 16 | 0x7000u | finer);
    put_big_endian(out->bytes + 8, (low & 0x3FFFFFFFFFFFFFFFull) | 0x8000000000000000ull);
}

/* Milliseconds and a count in one word that only grows, whatever the clock does. */
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

/* No two draws have the same moment: it is all the state that randomness needs too. */
static void draw_by_moment(scopeflow_runtime *self, int64_t now_ns, scopeflow_uuid *out) {
    uint64_t const moment = next_moment(self, now_ns);
    put_version_7(out, moment >> 12, moment & 0xFFFu, random_word(self, moment));
}

/* Of the 20 bits of nanoseconds 12 stand before the variant and 8 behind it. */
static void draw_by_time(scopeflow_runtime *self, uint64_t time_ns, scopeflow_uuid *out) {
    scopeflow__shard *const shard = scopeflow__shard_of_thread(self);
    uint64_t const count = scopeflow__fetch_add_u64(&shard->drawn_count, 1);
    uint64_t const place = (uint64_t)(shard - self->shards);
    uint64_t const finer = time_ns % NS_PER_MS;
    uint64_t const random = random_word(self, count * SCOPEFLOW__SHARD_COUNT + place);
    put_version_7(out, time_ns / NS_PER_MS, finer >> 8, finer << 54 | random >> 10);
}

static void draw_by_count(scopeflow_runtime *self, scopeflow_uuid *out) {
    put_version_7(out, 0x019000000000ull, 0, scopeflow__fetch_add_u64(&self->drawn_uuid_count, 1));
}

static void draw_with_fine_clock(scopeflow_runtime *self, scopeflow_uuid *out_uuid,
                                 int64_t *out_now_ns) {
    int64_t const uptime_ns = read_uptime(self);
    *out_now_ns = uptime_ns + clock_offset(self);
    draw_by_time(self, (uint64_t)(uptime_ns + id_offset(self)), out_uuid);
}

/* The one reading serves both; a given timestamp may lie anywhere and cannot date an id, so only a
 * deterministic runtime, whose ids need no time, saves the reading then. */
void scopeflow__runtime_draw(scopeflow_runtime *self, int64_t given_timestamp_ns,
                             scopeflow_uuid *out_uuid, int64_t *out_timestamp_ns) {
    bool const is_given = given_timestamp_ns != SCOPEFLOW_TIMESTAMP_NONE;
    int64_t now_ns = 0;
    if (self->has_fine_clock) {
        draw_with_fine_clock(self, out_uuid, &now_ns);
    } else if (is_deterministic(self)) {
        draw_by_count(self, out_uuid);
        if (!is_given) now_ns = read_other_clock(self);
    } else {
        now_ns = read_other_clock(self);
        draw_by_moment(self, now_ns, out_uuid);
    }
    *out_timestamp_ns = is_given ? given_timestamp_ns : now_ns;
}
