/* A strict reader of JSON text (RFC 8259) that appends to a tape. */
#ifndef SCOPEFLOW__JSON_PARSE_H
#define SCOPEFLOW__JSON_PARSE_H

#include "value/tape.h"

/* Appends the one value of the text. On a syntax error nothing is appended and the offset of the
 * first byte that cannot be right is given. Containers beyond the depth limit are kept as
 * `too_deep`. */
bool scopeflow__json_parse(scopeflow_tape *tape, scopeflow_bytes text, size_t *out_error_offset);

#endif
