/* Replays one case of the vectors through the core: the C host's driver and its contexts.
 *
 * The format is tests/vectors/README.md. With `failing_allocation` the n-th allocation fails once,
 * and an operation that reports it is simply repeated: since a failed operation leaves everything
 * as it was (S7.3), the case must come out the same. */
#ifndef SCOPEFLOW_TESTS_RUNNER_H
#define SCOPEFLOW_TESTS_RUNNER_H

#include "host.h"

typedef struct case_result {
    size_t failure_count;    /* Each was printed to stderr. */
    size_t allocation_count; /* Allocations that the core asked for. */
    bool ran_out;            /* The allocation that was to fail was reached. */
} case_result;

case_result run_case(const json *the_case, size_t failing_allocation);

#endif
