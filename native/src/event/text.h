/* Ids and times as text. */
#ifndef SCOPEFLOW__EVENT_TEXT_H
#define SCOPEFLOW__EVENT_TEXT_H

#include "base/base.h"

enum { SCOPEFLOW__UUID_TEXT_BYTES = 36, SCOPEFLOW__TIMESTAMP_TEXT_BYTES = 40 };

void scopeflow__uuid_write(const scopeflow_uuid *uuid, char out[SCOPEFLOW__UUID_TEXT_BYTES]);

/* RFC 3339, UTC, `Z`, nine fractional digits (S2.3). Returns the length, 30 for the years 1677 to
 * 2262 that 64 bits of nanoseconds can tell. */
size_t scopeflow__timestamp_write(int64_t timestamp_ns, char out[SCOPEFLOW__TIMESTAMP_TEXT_BYTES]);

#endif
