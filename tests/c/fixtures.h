/* The host fixtures of tests/vectors/README.md, written token by token (S2.6). */
#ifndef SCOPEFLOW_TESTS_FIXTURES_H
#define SCOPEFLOW_TESTS_FIXTURES_H

#include "scopeflow/scopeflow.h"

/* Appends the fixture of that name; an unknown name ends the program. */
void fixture_encode(const char *name, scopeflow_tape *tape);

#endif
