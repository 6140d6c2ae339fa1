/* Values as trees: what codecs read, rearrange and compare. Nodes stand in blocks of memory that go
 * all at once; a tree made of tokens borrows their texts.
 *
 * When memory runs out or the limit is reached, `failed` says so, every new node is a spare one and
 * no link is changed any more: callers check once at the end. */
#ifndef SCOPEFLOW__CODEC_TREE_H
#define SCOPEFLOW__CODEC_TREE_H

#include "value/tape.h"

typedef struct scopeflow__node scopeflow__node;
typedef struct scopeflow__node_index scopeflow__node_index;
struct scopeflow__node {
    scopeflow_token kind; /* Of a set: array. */
    uint32_t count;       /* Of children. */
    uint64_t bits;        /* Of a number or cycle. */
    scopeflow_bytes key;  /* Of a member. */
    scopeflow_bytes text;
    union {
        size_t room_bytes;            /* Of a text that grows: how much there is for it. */
        scopeflow__node_index *index; /* Of an object, see lookup.c. */
    };
    scopeflow__node *first;
    scopeflow__node *last;
    scopeflow__node *next;
};

typedef struct scopeflow__tree_block scopeflow__tree_block;

typedef struct scopeflow__trees {
    const scopeflow__memory *memory;
    uint64_t seed; /* So that nobody can choose colliding keys. */
    scopeflow__tree_block *block;
    size_t used_bytes; /* Of that block. */
    size_t held_bytes; /* Of all blocks. */
    size_t limit_bytes;
    bool failed;
    bool is_full; /* It failed because of the limit. */
    scopeflow__node spare;
} scopeflow__trees;

void scopeflow__trees_init(scopeflow__trees *self, const scopeflow__memory *memory, uint64_t seed,
                           size_t limit_bytes);
void scopeflow__trees_deinit(scopeflow__trees *self);
/* Forgets all nodes and keeps the memory of one block. */
void scopeflow__trees_reset(scopeflow__trees *self);

/* NULL once it has failed. */
void *scopeflow__trees_allocate(scopeflow__trees *self, size_t size_bytes);

/* --- New nodes, none of which is a child yet. Texts are borrowed. --- */

scopeflow__node *scopeflow__node_new(scopeflow__trees *self, scopeflow_token kind);
scopeflow__node *scopeflow__node_text(scopeflow__trees *self, scopeflow_bytes text);
scopeflow__node *scopeflow__node_uint(scopeflow__trees *self, uint64_t value);
scopeflow__node *scopeflow__node_bool(scopeflow__trees *self, bool value);
/* The same value, with the same children: to stand in another place too. */
scopeflow__node *scopeflow__node_share(scopeflow__trees *self, const scopeflow__node *node);
/* A copy of all of it, the texts included. */
scopeflow__node *scopeflow__node_copy(scopeflow__trees *self, const scopeflow__node *node);
/* The value at the cursor. */
scopeflow__node *scopeflow__node_read(scopeflow__trees *self, scopeflow__cursor value);
/* The value of a JSON text, or NULL; its texts are in these trees. */
scopeflow__node *scopeflow__node_parse(scopeflow__trees *self, scopeflow_bytes json);

/* --- Building. A node that is put somewhere must not be a child elsewhere. --- */

void scopeflow__node_append(scopeflow__trees *self, scopeflow__node *array, scopeflow__node *child);
/* A member behind all others, whether there is one of that key or not. */
void scopeflow__node_add(scopeflow__trees *self, scopeflow__node *object, scopeflow_bytes key,
                         scopeflow__node *child);
/* In place of the member of that key, else behind all others. */
void scopeflow__node_set(scopeflow__trees *self, scopeflow__node *object, scopeflow_bytes key,
                         scopeflow__node *child);
/* The same with a value that stands elsewhere; nothing where there is none. */
void scopeflow__node_add_shared(scopeflow__trees *self, scopeflow__node *object,
                                scopeflow_bytes key, const scopeflow__node *value);
/* Appends to a string of these trees. */
void scopeflow__node_extend(scopeflow__trees *self, scopeflow__node *string, scopeflow_bytes more);

/* --- Looking --- */

/* The last member of that key; NULL if there is none or it is no object. Null is allowed. */
scopeflow__node *scopeflow__node_get(const scopeflow__node *object, scopeflow_bytes key);
/* The same for keys that somebody chose, who may have chosen many. No member may have been taken
 * out of the object before. */
scopeflow__node *scopeflow__node_find(scopeflow__trees *trees, const scopeflow__node *object,
                                      scopeflow_bytes key);
/* The same, which looks at `near`, a member of it or null, and behind it first. */
scopeflow__node *scopeflow__node_find_near(scopeflow__trees *trees, const scopeflow__node *object,
                                           scopeflow_bytes key, scopeflow__node *near);
bool scopeflow__node_is(const scopeflow__node *node, scopeflow_token kind);
/* Whether it is this very string. */
bool scopeflow__node_says(const scopeflow__node *node, scopeflow_bytes text);
/* The text of a string, else an empty one. */
scopeflow_bytes scopeflow__node_string(const scopeflow__node *node);
/* An unsigned whole number, of whichever kind; false if it is none, then `out` stays as it was. */
bool scopeflow__node_count(const scopeflow__node *node, uint64_t *out);
/* Whether two values are the same; the order of members plays no part. */
bool scopeflow__node_equal(scopeflow__trees *trees, const scopeflow__node *a,
                           const scopeflow__node *b);

void scopeflow__node_write(const scopeflow__node *node, scopeflow_tape *tape);

#endif
