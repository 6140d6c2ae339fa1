/* The tests' host: its objects, its allocator that can fail, and what it lends to the core.
 *
 * A payload is JSON text or one of the fixtures of tests/vectors/README.md. Every object is
 * counted, so that a reference that the core forgot to release, or released twice, is found. */
#ifndef SCOPEFLOW_TESTS_HOST_H
#define SCOPEFLOW_TESTS_HOST_H

#include "json_reader.h"
#include "scopeflow/scopeflow.h"

typedef enum object_kind {
    OBJECT_JSON,
    OBJECT_FIXTURE,
    OBJECT_ERROR,
    OBJECT_CALLABLE,
    OBJECT_STREAM
} object_kind;

/* Whose containers a payload has (S3.10): a callable may change only what is its chain's own. */
typedef enum object_owner {
    OWNER_APPLICATION, /* The caller or the target. */
    OWNER_REQUEST,     /* The request intercepts of one call. */
    OWNER_OBSERVERS    /* The sanitizers and codec of one event. */
} object_owner;

typedef struct host {
    scopeflow_host table;
    size_t object_count;       /* Objects that somebody holds. */
    size_t block_count;        /* Blocks that the core holds. */
    size_t allocation_count;   /* Allocations so far. */
    size_t failing_allocation; /* The one that fails, counted from 1; 0 for none. */
    size_t encode_count;       /* Payloads that the core had encoded. */
    size_t endless_count;      /* Of these, the ones without a budget. */
    size_t decode_count;       /* Objects that were made of native callables' JSON. */
    bool decodes_nothing;      /* The host itself has no memory for what it is to make. */
    bool ran_short;            /* What a native callable wanted went wrong for want of memory. */
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
    /* Of a payload. */
    object_owner belongs_to;
    bool was_decoded;          /* Of JSON that a native callable gave: nobody has seen it before. */
    bool has_aliases;          /* Its members `a` and `b` are one list: the fixture `shared`. */
    struct object *annotation; /* Of a tool's result, or null. Held. */
    /* Of a callable, a codec or a stream. */
    const json *definition;
    size_t call_counts[3]; /* Of a codec: of each action. */
    uint32_t core_codec;   /* Which of the core's own it is, its `codec_id` and 1, or 0. */
} object;

void host_init(host *self);

/* Each returns one reference. */
object *object_new_json(host *owner, const char *text, size_t len);
object *object_new_fixture(host *owner, const char *name);
object *object_new_error(host *owner, const char *type, const char *message);
/* One of the runtime's own errors, whose type is the name of its status in capitals. */
object *object_new_own_error(host *owner, scopeflow_status status, const char *message);
object *object_new_callable(host *owner, const json *definition);
object *object_new_stream(host *owner, const json *definition);
/* A copy of a payload with containers of its own. */
object *object_copy(const object *self, object_owner belongs_to);
/* Gives a JSON payload another text, as an edit in place does. Takes the text. */
void object_set_text(object *self, char *text, size_t len);
object *object_retain(object *self);
void object_release(object *self);

static inline bool object_is_decoded(const object *self) {
    return self != NULL && self->was_decoded;
}

static inline scopeflow_ref object_ref(object *self) {
    return (scopeflow_ref)self;
}
static inline object *object_of(scopeflow_ref ref) {
    return (object *)ref;
}

#endif
