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
/* Steps other than DONE have more than their kind to tell. */
void reached_step(const scopeflow_step *step);

#endif
