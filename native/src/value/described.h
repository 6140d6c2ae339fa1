/* Reading small facts out of a row of tokens. */
#ifndef SCOPEFLOW__DESCRIBED_H
#define SCOPEFLOW__DESCRIBED_H

#include "value/tape.h"

/* The value of an object's member; the last one of that key counts. False if there is none. */
bool scopeflow__member_find(scopeflow__cursor object, scopeflow_bytes key, scopeflow__cursor *out);

/* The text of a member of the host's description of an error; empty if there is none. */
scopeflow_bytes scopeflow__described(scopeflow__cursor error, const char *key);

#endif
