/* A strict reader of JSON text (RFC 8259) that appends to a tape. */
#ifndef SCOPEFLOW__JSON_PARSE_H
#define SCOPEFLOW__JSON_PARSE_H

#include "value/tape.h"

/* Appends the one value of the text. False, with nothing appended, if it is no JSON, is beyond one
 * of the limits in spec/api/payload.yaml, or memory ran out, which the tape remembers; see
 * `scopeflow__json_find_fault`. Containers beyond the tape's limit of depth are kept as
 * `too_deep`. */
bool scopeflow__json_parse(scopeflow_tape *tape, scopeflow_bytes text);

#endif
