/* Replays one case of the vectors through the core: the C host's driver and its contexts.
 *
 * The format is tests/vectors/README.md. With a failing allocation an operation that reports it is
 * simply repeated: since a failed operation leaves everything as it was (S7.3), the case must come
 * out the same. Other faults are those of faults.h. */
#ifndef SCOPEFLOW_TESTS_RUNNER_H
#define SCOPEFLOW_TESTS_RUNNER_H

#include "faults.h"

typedef struct case_result {
    size_t failure_count; /* Each was printed to stderr. */
    size_t place_count;   /* Places at which the fault could have struck. */
} case_result;

case_result run_case(const json *the_case, fault_kind fault, size_t at);

#endif
