/* A mixture of operations, read from bytes of any kind: what a host could do at its worst, without
 * breaking the rules of the header (S4.3, S7.3, S7.4).
 *
 * Several tasks are under way at once and are answered in any order, with any answer and any
 * payload; what is borrowed is given back as soon as it may be, so that a sanitizer sees who looks
 * at it later. After `mix_settle` every start that was seen has one end, and nothing is left. */
#ifndef SCOPEFLOW_TESTS_MIX_H
#define SCOPEFLOW_TESTS_MIX_H

#include "host.h"
#include "spans.h"

enum {
    MIX_SCOPES = 8,
    MIX_WORKS = 6,
    MIX_EVENTS = 4,
    MIX_EMITTERS = 2,
    MIX_GIVEN = 8,
    MIX_NAMES = 8
};

/* An operation that may be waiting for an answer. */
typedef struct mix_work {
    scopeflow_task task;
    scopeflow_step step;
    bool is_waiting;
    object *given[MIX_GIVEN]; /* Lent until the last step. */
    size_t given_count;
    object *taken[MIX_GIVEN]; /* The task's, if the operation goes well. */
    size_t taken_count;
} mix_work;

typedef struct mix {
    host host;
    scopeflow_runtime *runtime;
    scopeflow_emitter emitters[MIX_EMITTERS];
    scopeflow_scope *scopes[MIX_SCOPES];
    scopeflow_event *events[MIX_EVENTS];
    mix_work works[MIX_WORKS];
    const object *observer; /* The subscriber that sees everything. */
    spans spans;
    bool is_orderly;
    const uint8_t *at;
    const uint8_t *end;
    uint64_t operation_count;
    uint64_t dropped_before;
} mix;

/* An orderly host has one thread, whose emitter it gives with every answer, subscribers that are
 * done at once, as S3.8 asks, memory enough, and closes its runtime last. Then no start comes
 * after its end, and no end is missing, whatever tasks it lets go of. */
void mix_init(mix *self, bool is_orderly);

/* Carries out what the bytes say. */
void mix_run(mix *self, const uint8_t *program, size_t size);

/* Lets go of all that is held and of all registrations but the observer's, and aborts if a start
 * has no end or an end no start, unless an event was dropped and counted. */
void mix_settle(mix *self);

/* Settles, closes and frees the runtime, and aborts if an object or a block is left. */
void mix_deinit(mix *self);

/* --- What the parts of the mixture share. --- */

#define MIX_MUST(condition) mix_must(condition, #condition, __FILE__, __LINE__)
void mix_must(bool holds, const char *condition, const char *file, int line);

/* The next byte, 0 behind the last one. */
uint8_t mix_byte(mix *self);
/* A number below `count`. */
uint32_t mix_choice(mix *self, uint32_t count);

/* A reference to a payload of any kind, or 0: lent to a work, or to be taken by its operation. */
object *mix_payload(mix *self);
scopeflow_ref mix_lend(mix *self, mix_work *work);
scopeflow_ref mix_give(mix *self, mix_work *work);
scopeflow_bytes mix_name_at(uint32_t index);
scopeflow_bytes mix_name(mix *self);
scopeflow_scope *mix_scope(mix *self);
scopeflow_emitter *mix_emitter(mix *self);
int64_t mix_time(mix *self);

/* Whether the operation went well; what it was given is treated accordingly. */
void mix_began(mix *self, mix_work *work, scopeflow_status status, const scopeflow_error *error);
/* Gives the work some answer. */
void mix_answer(mix *self, mix_work *work, bool plainly);
void mix_abandon(mix *self, mix_work *work);

/* Begins an operation, as the bytes say. */
void mix_operate(mix *self);
void mix_deregister_all(mix *self);

#endif
