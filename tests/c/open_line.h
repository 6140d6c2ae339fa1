/* What hosts do with the line of an event whose data they keep for later. */
#ifndef OPEN_LINE_H
#define OPEN_LINE_H

#include "scopeflow/scopeflow.h"

/* The line of an open one with the text of its data in it, with a NUL behind it; the caller frees
 * it. NULL where the line is whole, or the data null, of which the metadata may tell. Asks again
 * where memory is missing. */
char *open_line_text(scopeflow_runtime *runtime, scopeflow_event *event);

#endif
