/* One line of an event file, read (S2.1, S2.3, S2.9). */
#ifndef SCOPEFLOW__EVENT_ATOF_LINE_H
#define SCOPEFLOW__EVENT_ATOF_LINE_H

#include "value/tape.h"

/* Where texts with escapes are decoded; those without are borrowed from the line. */
typedef struct scopeflow__line_texts {
    scopeflow_tape name;
    scopeflow_tape category;
    scopeflow_tape passing; /* Of what is only compared or converted. */
} scopeflow__line_texts;

void scopeflow__line_texts_init(scopeflow__line_texts *self, const scopeflow__memory *memory);
void scopeflow__line_texts_deinit(scopeflow__line_texts *self);

/* What is wrong with a line: "<subject> <problem>" at an offset in it. */
typedef struct scopeflow__line_fault {
    scopeflow_status status;
    size_t at;
    const char *subject;
    const char *problem;
} scopeflow__line_fault;

/* Fills in all of the item that stands in the line. False says why in the fault; its status is
 * `no_memory` if the line itself may be right. */
bool scopeflow__atof_line_read(scopeflow_bytes line, uint32_t depth_limit,
                               scopeflow__line_texts *texts, scopeflow_atof_item *out,
                               scopeflow__line_fault *fault);

#endif
