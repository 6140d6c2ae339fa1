/* What parse.py times: the core's parser and yyjson's, each making a value that can be walked and
 * freeing it again. yyjson is called at the address that its Python module exports. */
#define _DEFAULT_SOURCE 1
#include "json/parse.h"

#include <stdlib.h>
#include <time.h>

int64_t bench_core(const char *text, size_t len, long count);
int64_t bench_peer(void *read_function, char *text, size_t len, long count);

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds for `count` times; negative if the text was refused. */
int64_t bench_core(const char *text, size_t len, long count) {
    scopeflow__memory const memory = scopeflow__memory_default();
    int64_t const began_ns = now_ns();
    for (long i = 0; i < count; i++) {
        scopeflow_tape tape;
        scopeflow__tape_init(&tape, &memory, SIZE_MAX);
        bool const parsed = scopeflow__json_parse(&tape, scopeflow__text(text, len));
        scopeflow__tape_deinit(&tape);
        if (!parsed) return -1;
    }
    return now_ns() - began_ns;
}

/* --- yyjson: its documented allocator, so that what it took can be given back --- */

enum { BLOCK_LIMIT = 8 };
typedef struct blocks {
    void *at[BLOCK_LIMIT];
} blocks;

typedef struct yyjson_allocator {
    void *(*allocate)(void *context, size_t size);
    void *(*reallocate)(void *context, void *block, size_t old_size, size_t size);
    void (*free)(void *context, void *block);
    void *context;
} yyjson_allocator;
typedef void *yyjson_read(char *text, size_t len, uint32_t flags, const yyjson_allocator *allocator,
                          void *error);

static void replace(blocks *self, const void *old, void *block) {
    for (int i = 0; i < BLOCK_LIMIT; i++)
        if (self->at[i] == old) {
            self->at[i] = block;
            return;
        }
    abort();
}

static void *allocate(void *context, size_t size) {
    void *const block = malloc(size);
    replace((blocks *)context, NULL, block);
    return block;
}

static void *reallocate(void *context, void *block, size_t old_size, size_t size) {
    (void)old_size;
    void *const moved = realloc(block, size);
    replace((blocks *)context, block, moved);
    return moved;
}

static void give_back(void *context, void *block) {
    replace((blocks *)context, block, NULL);
    free(block);
}

int64_t bench_peer(void *read_function, char *text, size_t len, long count) {
    yyjson_read *read;
    memcpy(&read, &read_function, sizeof read);
    int64_t const began_ns = now_ns();
    for (long i = 0; i < count; i++) {
        blocks taken = {{NULL}};
        yyjson_allocator const allocator = {allocate, reallocate, give_back, &taken};
        /* Without flags it reads strictly and leaves the text alone. */
        bool const parsed = read(text, len, 0, &allocator, NULL) != NULL;
        for (int k = 0; k < BLOCK_LIMIT; k++) free(taken.at[k]);
        if (!parsed) return -1;
    }
    return now_ns() - began_ns;
}
