/* Brings the edits of one tree into another one that says the same in other words (ADR 0023). */
#ifndef SCOPEFLOW__CODEC_MERGE_H
#define SCOPEFLOW__CODEC_MERGE_H

#include "codec/tree.h"

/* Keys and positions from the outside to the inside; deeper than payloads are, nothing is told. */
enum { SCOPEFLOW__PATH_LIMIT = SCOPEFLOW_PAYLOAD_DEPTH_LIMIT + 8 };

typedef struct scopeflow__path {
    struct {
        scopeflow_bytes key;
        uint32_t index;
        bool is_key;
    } steps[SCOPEFLOW__PATH_LIMIT];
    uint32_t len;
} scopeflow__path;

typedef struct scopeflow__merge {
    scopeflow__trees *trees;
    scopeflow__node *edits; /* An array of `[path, "set"|"remove"|"insert", value?]`. */
    scopeflow__path path;
} scopeflow__merge;

/* `original` with whatever differs between `before` and `after`; the edits are listed. */
scopeflow__node *scopeflow__merge_trees(scopeflow__merge *self, const scopeflow__node *original,
                                        const scopeflow__node *before,
                                        const scopeflow__node *after);

/* The path of an edit as a text, `messages[2].name`. */
scopeflow_bytes scopeflow__path_text(scopeflow__trees *trees, const scopeflow__node *steps);

/* Where two values that are not equal differ first, as `messages[2].name`. */
scopeflow_bytes scopeflow__first_difference(scopeflow__trees *trees, const scopeflow__node *a,
                                            const scopeflow__node *b);

#endif
