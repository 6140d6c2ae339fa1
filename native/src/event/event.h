/* Events (S2). An event is built when, and only when, somebody listens (S5.4). It refers to the
 * host's objects, which the running task keeps alive, until it is encoded; from then on it is
 * plain text (S5.5). */
#ifndef SCOPEFLOW__EVENT_H
#define SCOPEFLOW__EVENT_H

#include "base/buffer.h"
#include "event/text.h"
#include "registry/registry.h"
#include "value/tape.h"

/* How the work that an end event closes came out, as far as anybody said so (S2.4). */
typedef struct scopeflow__outcome {
    scopeflow_end_status status;
    bool is_abandoned;
    scopeflow_ref error; /* The host's error object, or 0. Borrowed. */
} scopeflow__outcome;

/* Where an event's data comes from. */
typedef enum scopeflow__data_source {
    SCOPEFLOW__DATA_PAYLOAD, /* `data`: the user's own. */
    SCOPEFLOW__DATA_REFUSAL, /* A guard refused; `data` is its reason (S4.5). */
    SCOPEFLOW__DATA_FAILURE, /* A guard, codec or request intercept failed; `data` is its error. */
    SCOPEFLOW__DATA_NUMBER,  /* `{"n": number}`, of an attempt or a chunk (S3.7, S4.7). */
    SCOPEFLOW__DATA_WITHHELD /* A sanitizer failed: null (S3.6). */
} scopeflow__data_source;

/* What of an error or a reason observers may read (S3.6). */
typedef enum scopeflow__error_text {
    SCOPEFLOW__ERROR_TEXT_OWN,       /* Its own text. */
    SCOPEFLOW__ERROR_TEXT_SANITIZED, /* What stands at `error.message` of `sanitized_error`. */
    SCOPEFLOW__ERROR_TEXT_WITHHELD
} scopeflow__error_text;

/* What has been done to an event before it is delivered, one after the other (S3.12). */
typedef enum scopeflow__preparation {
    SCOPEFLOW__PREPARE_PAYLOAD = 0, /* Tool or LLM sanitizers, on the data, */
    SCOPEFLOW__PREPARE_ANNOTATION,  /* the codec (S2.8), */
    SCOPEFLOW__PREPARE_ERROR,       /* and sanitizers on the text of an error or refusal. */
    SCOPEFLOW__PREPARE_INJECTION,
    SCOPEFLOW__PREPARE_FIELDS, /* Event sanitizers. */
    SCOPEFLOW__PREPARE_PLACE,  /* Its turn, which is not before the start's: see order.c. */
    SCOPEFLOW__PREPARED
} scopeflow__preparation;

/* A host reference that an event owns. */
typedef struct scopeflow__owned_ref {
    struct scopeflow__owned_ref *next;
    scopeflow_ref ref;
} scopeflow__owned_ref;

/* A slice of the encoded line. */
typedef struct scopeflow__slice {
    size_t start;
    size_t len;
} scopeflow__slice;

/* The annotated form of the payload as it is written, and what it says of the event itself. */
typedef struct scopeflow__annotation {
    scopeflow_tape value;
    scopeflow_bytes model; /* Of the value; empty if it says none. */
    bool is_streaming;
} scopeflow__annotation;

struct scopeflow_event {
    uint32_t refs;
    scopeflow_event_kind kind;
    scopeflow_scope_category scope_category;
    scopeflow_scope_type type; /* Whose category it has; -1 for a mark without one. */
    scopeflow_scope *scope;    /* The scope itself, or a mark's parent; held if `holds_scope`. */
    scopeflow_uuid uuid;
    scopeflow_uuid parent_uuid;
    int64_t timestamp_ns;
    uint32_t attributes;
    size_t name_len;     /* The name stands behind the struct, */
    size_t category_len; /* and behind it a mark's own category. */

    scopeflow__data_source data_source;
    const char *step;        /* Of a failure: `guard`, `codec` or `request_intercept`. */
    scopeflow__entry *entry; /* The registration that a refusal or failure names, or null. Held. */
    uint64_t number;
    scopeflow_ref data; /* Borrowed, like the references below, but for those that are owned. */
    scopeflow_ref start_metadata;
    scopeflow_ref metadata;
    scopeflow_ref profile; /* A mark's own category profile. */
    scopeflow_ref data_schema;
    scopeflow__outcome outcome;

    /* What the preparation made. */
    uint8_t preparation; /* A scopeflow__preparation. */
    uint8_t error_text;  /* A scopeflow__error_text. */
    bool was_shown;      /* A sanitizer was asked about `data`, */
    bool was_sanitized;  /* and `data` is a sanitizer's answer, and owned. */
    bool is_stream;
    bool is_lost; /* Memory was missing for something that belongs in it: nobody gets it. */
    bool codec_failed;
    bool finalizer_failed;
    bool is_stripped; /* An event sanitizer failed: only what the runtime says is left (S3.12). */
    bool has_fields;  /* `fields` has replaced data, metadata and category profile. */
    bool is_llm_call; /* Of an LLM call, not of a tool call. */
    bool is_waiting;  /* A subscriber emitted it: it counts among those that wait (S5.1). */
    bool is_adrift;   /* It is to be delivered though nobody need hold its scope any more. */
    bool holds_scope; /* Else whoever emits it does, until the host has something to do. */

    bool is_response; /* Its payload is a response, an error or a reason: see the sanitizers. */
    uint32_t chain_index;
    scopeflow__set *sanitizers; /* Of the call that it belongs to, or null. Held. */
    scopeflow_ref original;     /* What `data` was before any sanitizer. Borrowed. */
    scopeflow_ref codec;        /* Borrowed; makes the annotation, or 0. */
    scopeflow_ref annotation;
    bool owns_annotation;
    uint8_t core_codec; /* One of the core's own, behind a 1, that makes it when it is written. */
    scopeflow__annotation *annotated;   /* Owned; null as long as there is none. */
    scopeflow_ref sanitized_error;      /* Owned. */
    scopeflow_ref fields;               /* Owned. */
    scopeflow__owned_ref *injected;     /* In the order of the injectors. */
    scopeflow__pending_mark *left;      /* The mark that it is made from; owned. */
    scopeflow__entry *failed_sanitizer; /* Named in the metadata. Held. */

    scopeflow__set *listeners; /* Who gets it, resolved at the emission (S3.12). Held. */
    scopeflow_event *next;     /* In the row of those that wait for delivery. */

    /* Of a start that waits, under the runtime's order lock: see order.c. */
    scopeflow_event *next_start;
    scopeflow_event *early; /* What is to follow it, in this order. Held. */
    const void *where;      /* The task or the emitter that it stands in. */
    bool is_noted;          /* It stands in the runtime's row. */

    bool is_encoded;
    bool is_being_encoded; /* The host's code runs meanwhile, and may ask for it again. */
    bool is_open;          /* Its line is written without the data, which nobody reads as a part. */
    scopeflow__buffer line;

    /* From here on nothing has an initial value. */
    scopeflow__slice parts[5]; /* Indexed by scopeflow_event_part. */
    scopeflow__stream_facts stream;
    scopeflow__second second; /* As the event before it in its block has left it. */
};

static inline scopeflow_bytes scopeflow__event_category(const scopeflow_event *self) {
    return scopeflow__text((const char *)(self + 1) + self->name_len, self->category_len);
}
static inline scopeflow_bytes scopeflow__event_name(const scopeflow_event *self) {
    return scopeflow__text((const char *)(self + 1), self->name_len);
}

/* An event with everything but its data. Null when memory ran out. */
scopeflow_event *scopeflow__event_new_start(scopeflow_scope *scope);
scopeflow_event *scopeflow__event_new_end(scopeflow_scope *scope, int64_t timestamp_ns);
scopeflow_event *scopeflow__event_new_mark(scopeflow_scope *parent, scopeflow_bytes name,
                                           scopeflow_bytes category, int64_t timestamp_ns);

/* From now until it has been delivered or dropped the event counts among those of its runtime that
 * hold subscribers of scopes which nobody else may hold: collectors must not take them apart. */
void scopeflow__event_set_adrift(scopeflow_event *self);
void scopeflow__event_settle(scopeflow_event *self);

/* What was looked at before is not what is written later: forgets the text. */
void scopeflow__event_touch(scopeflow_event *self);

/* S2.8, S3.6, S3.12: what sanitizers, codecs and injectors answered. Each takes the reference. */
void scopeflow__event_set_data(scopeflow_event *self, scopeflow_ref data);
void scopeflow__event_set_annotation(scopeflow_event *self, scopeflow_ref annotation);
void scopeflow__event_set_fields(scopeflow_event *self, scopeflow_ref fields);
bool scopeflow__event_inject(scopeflow_event *self, scopeflow_ref members);
/* The payload or the error's text is withheld; null names nobody (a cancellation). */
void scopeflow__event_withhold(scopeflow_event *self, scopeflow__entry *sanitizer);
/* An event sanitizer failed. */
void scopeflow__event_strip(scopeflow_event *self, scopeflow__entry *sanitizer);

/* A mark that an intercept left with its call (S3.11); takes it, whatever comes out. */
scopeflow_event *scopeflow__event_new_left(scopeflow_scope *call, scopeflow__pending_mark *left);

/* The payload goes through the tool or LLM sanitizers of this set. */
void scopeflow__event_sanitize_by(scopeflow_event *self, scopeflow__set *middleware);

/* Lets go of the host's objects, unencoded: what is asked for later is null. */
void scopeflow__event_forget(scopeflow_event *self);

/* A kept event that has been encoded lets its scope go: it must not hold it open (S1.12). */
void scopeflow__event_leave_scope(scopeflow_event *self);

/* From now on it holds its scope, for as long as it lives or until it leaves it. Most events have
 * reached everybody while the caller's own reference keeps the scope, and never need to. */
void scopeflow__event_hold_scope(scopeflow_event *self);

/* S2.8: makes the annotated form, unless it is there or there is none. Where memory runs out, the
 * line has failed. Runs host code. */
void scopeflow__event_annotate(scopeflow_event *self);
/* What was made of it is not needed any more, or is to be made anew. */
void scopeflow__event_drop_annotated(scopeflow_event *self);

/* Writes the line, once. False when memory ran out. */
bool scopeflow__event_encode(scopeflow_event *self);

#endif
