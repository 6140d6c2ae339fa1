/* Ids and times as text, and back. */
#ifndef SCOPEFLOW__EVENT_TEXT_H
#define SCOPEFLOW__EVENT_TEXT_H

#include "base/base.h"

enum {
    SCOPEFLOW__UUID_TEXT_BYTES = 36,
    SCOPEFLOW__TIMESTAMP_TEXT_BYTES = 30,
    SCOPEFLOW__SECOND_TEXT_BYTES = 20 /* Of them, up to and with the point. */
};

void scopeflow__uuid_write(const scopeflow_uuid *uuid, char out[SCOPEFLOW__UUID_TEXT_BYTES]);

/* The second that was written last: most times fall in the same one, and need not be worked out
 * again. */
typedef struct scopeflow__second {
    int64_t number; /* Since 1970-01-01 UTC. */
    char text[SCOPEFLOW__SECOND_TEXT_BYTES];
} scopeflow__second;
static inline void scopeflow__second_init(scopeflow__second *self) {
    self->number = INT64_MAX; /* Later than any. */
}

/* RFC 3339, UTC, `Z`, nine fractional digits (S2.3): 64 bits of nanoseconds can tell the years 1677
 * to 2262. */
void scopeflow__timestamp_write(scopeflow__second *last, int64_t timestamp_ns,
                                char out[SCOPEFLOW__TIMESTAMP_TEXT_BYTES]);

/* Hexadecimal digits of either case with the four hyphens. */
bool scopeflow__uuid_read(scopeflow_bytes text, scopeflow_uuid *out);

/* RFC 3339 with any offset and 0 to 9 fractional digits (S2.3); false also for a time that 64 bits
 * of nanoseconds cannot tell. A leap second is the first moment of the next minute. */
bool scopeflow__timestamp_read(scopeflow_bytes text, int64_t *out_timestamp_ns);

/* Whole microseconds since 1970-01-01 UTC as decimal digits, the other form of S2.3. */
bool scopeflow__epoch_microseconds_read(scopeflow_bytes digits, int64_t *out_timestamp_ns);

#endif
