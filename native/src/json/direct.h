/* JSON text made of a payload while the host goes through it: what most payloads become, without a
 * row of tokens in between. Of the same tokens it makes the same text as `scopeflow__json_write`.
 */
#ifndef SCOPEFLOW__JSON_DIRECT_H
#define SCOPEFLOW__JSON_DIRECT_H

#include "json/write.h"

typedef struct scopeflow__json_direct {
    scopeflow__tape_sink sink;     /* Comes first: the tape knows no more than this. */
    scopeflow__json_writer writer; /* Not for canonical form: it wants to see all keys first. */
    scopeflow_tape held;           /* A set, until it can be sorted. */
    size_t start;                  /* Where the value begins in the output. */
    size_t from;           /* Where the present one inside begins, with its comma and key. */
    uint32_t depth;        /* Containers that are open in the output. */
    uint32_t hidden_depth; /* Those inside that are left out. */
    uint32_t held_depth;   /* Those of the held set, it included. */
    bool is_usual;         /* What comes is written where it stands, inside of a container. */
    bool in_object;        /* The innermost one is an object. */
    bool comma;            /* It has something in it. */
    bool key_due;
    bool is_complete; /* The one value is there. */
    bool is_broken;   /* More than one, or one that is ill-formed. */
    bool is_null;
    bool is_object[SCOPEFLOW_PAYLOAD_DEPTH_LIMIT + 1]; /* By depth; the first is outside of all. */
} scopeflow__json_direct;

/* From here on what is put on the tape is written by this writer. */
void scopeflow__json_direct_begin(scopeflow__json_direct *self, scopeflow_tape *tape,
                                  const scopeflow__json_writer *writer);

/* Returns whether the value is null, which it becomes where it is not exactly one. */
bool scopeflow__json_direct_end(scopeflow__json_direct *self);

#endif
