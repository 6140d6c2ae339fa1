/* The allocator of the WebAssembly build.
 *
 * Blocks are of a few sizes: four to each power of two, from 32 bytes. A freed block goes to the
 * list of its size and is given out again; callers say how large a block was, so blocks have no
 * header. Fresh memory comes from the end of the linear memory, which only grows. Large blocks are
 * whole pages and are kept in lists as well: payloads come in similar sizes again and again. */
#include "bridge.h"

#include <stdbool.h>
#include <string.h>

#define PAGE_SIZE_BYTES 65536u
#define SMALLEST_SHIFT 5u
#define STEPS_PER_POWER_SHIFT 2u
#define STEPS_PER_POWER (1u << STEPS_PER_POWER_SHIFT)
#define SIZE_COUNT ((31u - SMALLEST_SHIFT) * STEPS_PER_POWER + 1u)

typedef struct free_block {
    struct free_block *next;
} free_block;

/* Where the linker put the end of the static data. */
extern unsigned char __heap_base;

static free_block *free_blocks[SIZE_COUNT];
static uintptr_t unused_at; /* From here to the end of memory nothing was given out. */

/* The least number of the sizes' row whose size is enough, and that size. */
static size_t size_index(size_t wanted, size_t *out_size) {
    size_t const least = (size_t)1 << SMALLEST_SHIFT;
    if (wanted <= least) {
        *out_size = least;
        return 0;
    }
    /* Of the greatest power of two below, and in steps of the row above it. */
    size_t const last = wanted - 1;
    unsigned const power = 31u - (unsigned)__builtin_clz(last);
    unsigned const step_shift = power - STEPS_PER_POWER_SHIFT;
    size_t const steps = (last >> step_shift) - STEPS_PER_POWER + 1;
    *out_size = ((size_t)1 << power) + (steps << step_shift);
    return (power - SMALLEST_SHIFT) * STEPS_PER_POWER + steps;
}

/* Engines take each growth as a sign that memory is short, and some collect garbage then: there are
 * few of them. Pages that nobody writes to take no memory. */
static bool grow(size_t least_pages) {
    size_t const some = __builtin_wasm_memory_size(0) / 8;
    if (some > least_pages && __builtin_wasm_memory_grow(0, some) != SIZE_MAX) return true;
    return __builtin_wasm_memory_grow(0, least_pages) != SIZE_MAX;
}

static void *take_fresh(size_t size) {
    if (unused_at == 0) unused_at = ((uintptr_t)&__heap_base + 15u) & ~(uintptr_t)15u;
    uint64_t const end = (uint64_t)unused_at + size;
    uint64_t const memory_end = (uint64_t)__builtin_wasm_memory_size(0) * PAGE_SIZE_BYTES;
    if (end > memory_end) {
        size_t const pages = (size_t)((end - memory_end + PAGE_SIZE_BYTES - 1) / PAGE_SIZE_BYTES);
        if (end > UINTPTR_MAX || !grow(pages)) return NULL;
    }
    void *const block = (void *)unused_at;
    unused_at = (uintptr_t)end;
    return block;
}

static void *take(size_t wanted) {
    if (wanted > SIZE_MAX / 2) return NULL;
    size_t size;
    size_t const index = size_index(wanted, &size);
    free_block *const block = free_blocks[index];
    if (block == NULL) return take_fresh(size);
    free_blocks[index] = block->next;
    return block;
}

static void give(void *block, size_t size) {
    size_t const index = size_index(size, &size);
    free_block *const freed = block;
    freed->next = free_blocks[index];
    free_blocks[index] = freed;
}

void *heap_reallocate(void *context, void *block, size_t old_size_bytes, size_t new_size_bytes) {
    (void)context;
    if (block == NULL) return new_size_bytes > 0 ? take(new_size_bytes) : NULL;
    if (new_size_bytes == 0) {
        give(block, old_size_bytes);
        return NULL;
    }
    size_t old_room;
    size_t new_room;
    if (size_index(old_size_bytes, &old_room) == size_index(new_size_bytes, &new_room))
        return block;

    void *const moved = take(new_size_bytes);
    if (moved == NULL) return NULL;
    memcpy(moved, block, old_size_bytes < new_size_bytes ? old_size_bytes : new_size_bytes);
    give(block, old_size_bytes);
    return moved;
}
