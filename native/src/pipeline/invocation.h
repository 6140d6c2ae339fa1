/* Inside of an invocation: what a native callable is about, and what it has answered so far. It
 * lives on the stack while the callable runs. */
#ifndef SCOPEFLOW__INVOCATION_H
#define SCOPEFLOW__INVOCATION_H

#include "pipeline/task.h"

typedef enum scopeflow__verdict {
    SCOPEFLOW__VERDICT_NONE = 0, /* Everything goes on as it was. */
    SCOPEFLOW__VERDICT_REFUSE,   /* `text` is the reason. */
    SCOPEFLOW__VERDICT_REPLACE,  /* `text` is JSON, here and below. */
    SCOPEFLOW__VERDICT_SHORT_CIRCUIT,
    SCOPEFLOW__VERDICT_RETRY, /* Without a text: with the same request. */
    SCOPEFLOW__VERDICT_FAIL   /* `text` is the message of `status`. */
} scopeflow__verdict;

enum { SCOPEFLOW__PART_COUNT = SCOPEFLOW_NATIVE_PART_OUTCOME + 1 };

struct scopeflow_invocation {
    scopeflow__task *task;
    const scopeflow__entry *entry;
    const scopeflow_step *step;
    const scopeflow_answer *outcome; /* Null before the rest of the chain. */
    uint32_t attempt;
    uint8_t verdict;    /* A scopeflow__verdict. */
    uint8_t made_parts; /* A bit for each part that is in `parts`. */
    bool has_text;      /* `text` is initialised. */
    scopeflow_status status;

    /* From here on nothing has an initial value. */
    scopeflow__buffer text;
    scopeflow__buffer parts[SCOPEFLOW__PART_COUNT];
};

static inline void scopeflow__invocation_begin(scopeflow_invocation *self, scopeflow__task *task,
                                               const scopeflow__entry *entry,
                                               const scopeflow_step *step) {
    self->task = task;
    self->entry = entry;
    self->step = step;
    self->outcome = NULL;
    self->attempt = 0;
    self->verdict = SCOPEFLOW__VERDICT_NONE;
    self->made_parts = 0;
    self->has_text = false;
    self->status = SCOPEFLOW_STATUS_OK;
}

void scopeflow__invocation_free_texts(scopeflow_invocation *self);
static inline void scopeflow__invocation_end(scopeflow_invocation *self) {
    if (self->has_text || self->made_parts != 0) scopeflow__invocation_free_texts(self);
}

static inline scopeflow_bytes scopeflow__invocation_text(const scopeflow_invocation *self) {
    return self->has_text ? scopeflow__text(self->text.ptr, self->text.len) : SCOPEFLOW__TEXT("");
}

/* Whether the JSON text is null. */
bool scopeflow__invocation_says_null(const scopeflow_invocation *self);

/* --- native.c: what becomes of it --- */

/* What the host makes of the answer's JSON; 0 if it could not. */
scopeflow_ref scopeflow__native_decode(const scopeflow_invocation *self,
                                       scopeflow_decode_shape shape);
/* The answer is an error of the runtime's own. */
void scopeflow__native_error(scopeflow_runtime *runtime, scopeflow_status status,
                             scopeflow_bytes message, scopeflow_answer *out);
/* The answer is the failure that the callable reported. */
void scopeflow__native_failure(const scopeflow_invocation *self, scopeflow_answer *out);

#endif
