/* What a fuzz target demands: a condition that does not hold ends the program, and libFuzzer keeps
 * the input. */
#ifndef SCOPEFLOW_FUZZ_MUST_H
#define SCOPEFLOW_FUZZ_MUST_H

#include <stdlib.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

#endif
