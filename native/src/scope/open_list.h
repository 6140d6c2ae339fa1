/* The row of open scopes, in shards: what `runtime_close` has to end (S6.1). */
#ifndef SCOPEFLOW__OPEN_LIST_H
#define SCOPEFLOW__OPEN_LIST_H

#include "scope/scope.h"

void scopeflow__open_list_add(scopeflow_scope *self);
void scopeflow__open_list_remove(scopeflow_scope *self);
/* Whether an open scope has the middleware of this one, or may have: the search is bounded. */
bool scopeflow__is_inherited_by_open(const scopeflow_scope *self);

#endif
