/* What a replay reaches, for the coverage gate: `vectors --reached` prints a line for each thing,
 * the first time that it is met. */
#ifndef SCOPEFLOW_TESTS_REACHED_H
#define SCOPEFLOW_TESTS_REACHED_H

#include "scopeflow/scopeflow.h"

void reached_wanted(void);
void reached_operation(const char *name);
/* How an operation failed. */
void reached_error(const char *operation, scopeflow_status status);
void reached_answer(scopeflow_answer_kind answer, scopeflow_step_kind step);
/* A native callable of a registry was asked, and what one decided. */
void reached_native(scopeflow_registry registry);
void reached_decision(scopeflow_native_decision decision, scopeflow_native_moment moment);
/* Steps other than DONE have more than their kind to tell. */
void reached_step(const scopeflow_step *step);

#endif
