/* Sets, which hosts give in any order: S2.6 wants them sorted by their canonical bytes. */
#ifndef SCOPEFLOW__SETS_H
#define SCOPEFLOW__SETS_H

#include "value/tape.h"

/* Sorts every set of the value whose tokens begin at `from`, in place. Tokens that are not exactly
 * one value are left alone; without memory the tape fails. What the sets hold is gone through once
 * for each set that it stands in, and these are at most `payload_depth_limit` deep. */
void scopeflow__tape_sort_sets(scopeflow_tape *self, size_t from);

#endif
