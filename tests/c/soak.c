/* A long mixture of operations on one runtime (mix.h): memory must not grow, whatever is done and
 * however often. Counted in the host's blocks and objects after every part, when nothing is held
 * any more, and as the resident size over the second half of the run.
 *
 *     soak OPERATIONS [MORE]
 *
 * MORE of them with SCOPEFLOW_TEST_DEPTH=deep in the environment. */
#include "mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAM_BYTES = 512, PART_PROGRAMS = 64, WARM_PARTS = 8, RESIDENT_SLACK_BYTES = 1 << 20 };

/* splitmix64: the same mixture every time. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static void run_part(mix *mixture, uint64_t *state) {
    for (int i = 0; i < PART_PROGRAMS; i++) {
        uint8_t program[PROGRAM_BYTES];
        for (size_t at = 0; at < sizeof program; at++) program[at] = (uint8_t)next_random(state);
        mix_run(mixture, program, sizeof program);
    }
    mix_settle(mixture);
}

/* 0 where the system does not tell, or a sanitizer keeps what was freed. */
static long resident_bytes(void) {
    long pages = 0;
#if defined(SOAK_COUNTS_PAGES)
    FILE *const file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    (void)fclose(file);
#endif
    return pages * 4096;
}

static uint64_t wanted_operations(int count, char **arguments) {
    const char *const depth = getenv("SCOPEFLOW_TEST_DEPTH");
    bool const is_deep = count > 2 && depth != NULL && strcmp(depth, "deep") == 0;
    return strtoull(arguments[is_deep ? 2 : 1], NULL, 10);
}

static bool grows(const char *what, size_t now, size_t most) {
    if (now <= most) return false;
    fprintf(stderr, "%s: %zu, after a warm-up of at most %zu\n", what, now, most);
    return true;
}

int main(int count, char **arguments) {
    if (count < 2) return 2;
    uint64_t const wanted = wanted_operations(count, arguments);
    static mix mixture;
    uint64_t state = 1;
    size_t most_blocks = 0;
    size_t most_objects = 0;
    long resident_at_half = 0;
    mix_init(&mixture, true);
    for (uint64_t part = 0; part < WARM_PARTS || mixture.operation_count < wanted; part++) {
        run_part(&mixture, &state);
        if (part < WARM_PARTS) {
            if (mixture.host.block_count > most_blocks) most_blocks = mixture.host.block_count;
            if (mixture.host.object_count > most_objects) most_objects = mixture.host.object_count;
        } else if (grows("blocks", mixture.host.block_count, most_blocks) ||
                   grows("objects", mixture.host.object_count, most_objects)) {
            return 1;
        }
        if (resident_at_half == 0 && mixture.operation_count >= wanted / 2)
            resident_at_half = resident_bytes();
    }
    long const resident = resident_bytes();
    printf("%llu operations, %zu blocks, %zu objects, %ld kB resident, %ld at half\n",
           (unsigned long long)mixture.operation_count, mixture.host.block_count,
           mixture.host.object_count, resident / 1024, resident_at_half / 1024);
    mix_deinit(&mixture);
    return resident_at_half > 0 && resident > resident_at_half + RESIDENT_SLACK_BYTES;
}
