/* Merge sort from the bottom up: stable, no recursion, its cost bounded for hostile input. */
#ifndef SCOPEFLOW__SORT_H
#define SCOPEFLOW__SORT_H

#include "base/base.h"

/* Below 0, 0 or above 0, as for `qsort`. */
typedef int scopeflow__compare(const void *a, const void *b);

/* Sorts `count` items of `size` bytes in place; false when memory ran out, with the items as they
 * were. */
bool scopeflow__sort_stable(const scopeflow__memory *memory, void *items, size_t count, size_t size,
                            scopeflow__compare *compare);

#endif
