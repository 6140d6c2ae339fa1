/* The tests' host: its objects, its allocator that can fail, and what it lends to the core.
 *
 * A payload is JSON text or one of the fixtures of tests/vectors/README.md. Every object is
 * counted, so that a reference that the core forgot to release, or released twice, is found. */
#ifndef SCOPEFLOW_TESTS_HOST_H
#define SCOPEFLOW_TESTS_HOST_H

#include "json_reader.h"
#include "scopeflow/scopeflow.h"

typedef enum object_kind { OBJECT_JSON, OBJECT_FIXTURE, OBJECT_ERROR, OBJECT_CALLABLE } object_kind;

typedef struct host {
    scopeflow_host table;
    size_t object_count;       /* Objects that somebody holds. */
    size_t block_count;        /* Blocks that the core holds. */
    size_t allocation_count;   /* Allocations so far. */
    size_t failing_allocation; /* The one that fails, counted from 1; 0 for none. */
} host;

typedef struct object {
    object_kind kind;
    unsigned refs;
    host *owner;
    char *text; /* JSON text, the fixture's name, or the error's message. */
    size_t len;
    /* Of an error. */
    char type[48];
    scopeflow_status status; /* The runtime's own number, or 0. */
    bool is_cancel;
    /* Of a callable. */
    const json *definition;
    size_t call_count;
} object;

void host_init(host *self);

/* Each returns one reference. */
object *object_new_json(host *owner, const char *text, size_t len);
object *object_new_fixture(host *owner, const char *name);
object *object_new_error(host *owner, const char *type, const char *message);
object *object_new_callable(host *owner, const json *definition);
object *object_retain(object *self);
void object_release(object *self);

static inline scopeflow_ref object_ref(object *self) {
    return (scopeflow_ref)self;
}
static inline object *object_of(scopeflow_ref ref) {
    return (object *)ref;
}

#endif
