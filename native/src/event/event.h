/* Events (S2). An event is built when, and only when, somebody listens (S5.4). It refers to the
 * host's objects, which the running task keeps alive, until it is encoded; from then on it is
 * plain text (S5.5). */
#ifndef SCOPEFLOW__EVENT_H
#define SCOPEFLOW__EVENT_H

#include "base/buffer.h"
#include "registry/registry.h"

/* How the work that an end event closes came out, as far as anybody said so (S2.4). */
typedef struct scopeflow__outcome {
    scopeflow_end_status status;
    scopeflow_status own_error; /* The runtime's own error, or 0. */
    bool is_abandoned;
    scopeflow_ref error; /* The host's error object, or 0. Borrowed. */
} scopeflow__outcome;

/* Where an event's data comes from. */
typedef enum scopeflow__data_source {
    SCOPEFLOW__DATA_PAYLOAD, /* `data`: the user's own. */
    SCOPEFLOW__DATA_REFUSAL, /* A guard refused; `data` is its reason (S4.5). */
    SCOPEFLOW__DATA_FAILURE  /* A guard failed; `data` is its error (S4.5). */
} scopeflow__data_source;

/* A slice of the encoded line. */
typedef struct scopeflow__slice {
    size_t start;
    size_t len;
} scopeflow__slice;

struct scopeflow_event {
    uint32_t refs;
    scopeflow_event_kind kind;
    scopeflow_scope_category scope_category;
    scopeflow_scope_type type; /* Whose category it has; -1 for a mark without one. */
    scopeflow_scope *scope;    /* The scope itself, or a mark's parent. Held. */
    scopeflow_uuid uuid;
    scopeflow_uuid parent_uuid;
    int64_t timestamp_ns;
    uint32_t attributes;
    size_t name_len; /* The name stands behind the struct. */

    scopeflow__data_source data_source;
    scopeflow__entry *entry; /* The registration that a refusal or failure names. Held. */
    scopeflow_ref data;      /* Borrowed, like the two below. */
    scopeflow_ref start_metadata;
    scopeflow_ref metadata;
    scopeflow__outcome outcome;

    scopeflow__set *listeners; /* Who gets it, resolved at the emission (S3.12). Held. */
    scopeflow_event *next;     /* In the row of those that wait for delivery. */

    bool is_encoded;
    scopeflow__buffer line;
    scopeflow__slice parts[5]; /* Indexed by scopeflow_event_part. */
};

static inline scopeflow_bytes scopeflow__event_name(const scopeflow_event *self) {
    return scopeflow__text((const char *)(self + 1), self->name_len);
}

/* An event with everything but its data. Null when memory ran out. */
scopeflow_event *scopeflow__event_new_start(scopeflow_scope *scope);
scopeflow_event *scopeflow__event_new_end(scopeflow_scope *scope, int64_t timestamp_ns);
scopeflow_event *scopeflow__event_new_mark(scopeflow_scope *parent, scopeflow_bytes name,
                                           int64_t timestamp_ns);

/* Lets go of the host's objects, unencoded: what is asked for later is null. */
void scopeflow__event_forget(scopeflow_event *self);

/* A kept event that has been encoded lets its scope go: it must not hold it open (S1.12). */
void scopeflow__event_leave_scope(scopeflow_event *self);

/* Writes the line, once. False when memory ran out. */
bool scopeflow__event_encode(scopeflow_event *self);

#endif
