/* Numbers as JSON text and back, without the C library: no locale, no rounding surprises. */
#ifndef SCOPEFLOW__NUMBER_H
#define SCOPEFLOW__NUMBER_H

#include "base/base.h"

enum { SCOPEFLOW__NUMBER_SIZE_BYTES = 32 };

/* Each writes into at least SCOPEFLOW__NUMBER_SIZE_BYTES and returns the length. */
size_t scopeflow__number_write_uint(uint64_t value, char *out);
size_t scopeflow__number_write_int(int64_t value, char *out);
/* The shortest text that reads back as the same double, laid out as ECMAScript does (RFC 8785,
 * 3.2.2.3); -0 is `0`, NaN and the infinities are `null` (S2.6). */
size_t scopeflow__number_write_double(double value, char *out);

/* The double nearest to a JSON number, ties to even; too large gives infinity. */
double scopeflow__number_read_double(scopeflow_bytes number);

/* The bits of the double nearest to digits * 10^exponent, negated or not, where that can be told
 * quickly; false for the few where it cannot. */
bool scopeflow__number_bits(uint64_t digits, int64_t exponent, bool is_negative,
                            uint64_t *out_bits);

#endif
