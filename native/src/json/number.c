/* Shortest doubles by Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles",
 * 2020). Reading multiplies by the same powers of ten; where 128 bits do not tell which double is
 * the nearest, an estimate is put right by a comparison in whole numbers. */
#include "json/number.h"

#include "json/powers_of_ten.gen.h"

/* 00 to 99. */
static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

size_t scopeflow__number_write_uint(uint64_t value, char *out) {
    char digits[20];
    char *at = digits + sizeof digits;
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, &digit_pairs[2 * (value % 100)], 2);
    }
    if (value >= 10) {
        at -= 2;
        memcpy(at, &digit_pairs[2 * value], 2);
    } else {
        *--at = (char)('0' + value);
    }
    size_t const len = (size_t)(digits + sizeof digits - at);
    for (size_t i = 0; i < len; i++) out[i] = at[i];
    return len;
}

size_t scopeflow__number_write_int(int64_t value, char *out) {
    if (value >= 0) return scopeflow__number_write_uint((uint64_t)value, out);
    out[0] = '-';
    return 1 + scopeflow__number_write_uint(0 - (uint64_t)value, out + 1);
}

/* --- Writing doubles --- */

typedef struct decimal {
    uint64_t digits;
    int32_t exponent; /* value = digits * 10^exponent */
} decimal;

/* a * b = high * 2^64 + low. 128-bit integers are no standard C, and WebAssembly's need a library
 * that is not there: elsewhere in halves. */
#if defined(__SIZEOF_INT128__) && !defined(__wasm__)
__extension__ typedef unsigned __int128 wide;
static uint64_t multiply_wide(uint64_t a, uint64_t b, uint64_t *out_low) {
    wide const product = (wide)a * b;
    *out_low = (uint64_t)product;
    return (uint64_t)(product >> 64);
}
#else
static uint64_t multiply_wide(uint64_t a, uint64_t b, uint64_t *out_low) {
    uint64_t const a_low = a & 0xFFFFFFFFu, a_high = a >> 32;
    uint64_t const b_low = b & 0xFFFFFFFFu, b_high = b >> 32;
    uint64_t const low = a_low * b_low;
    uint64_t const middle = a_high * b_low + (low >> 32);
    uint64_t const middle_low = (middle & 0xFFFFFFFFu) + a_low * b_high;
    *out_low = (middle_low << 32) | (low & 0xFFFFFFFFu);
    return a_high * b_high + (middle >> 32) + (middle_low >> 32);
}
#endif

/* floor(g * factor / 2^128) with the lowest bit set if anything was cut off. */
static uint64_t round_to_odd(const uint64_t g[2], uint64_t factor) {
    uint64_t low_of_low;
    uint64_t middle;
    uint64_t const carried = multiply_wide(g[1], factor, &low_of_low);
    uint64_t high = multiply_wide(g[0], factor, &middle);
    middle += carried;
    high += middle < carried;
    return high | (middle > 1);
}

static int32_t floor_log2_of_power_of_ten(int32_t k) {
    return (int32_t)(((int64_t)k * 1741647) >> 19);
}

static decimal shortest_decimal(uint64_t fraction, uint32_t biased_exponent) {
    uint64_t c = fraction;
    int32_t q = -1074;
    if (biased_exponent != 0) {
        c |= 1ull << 52;
        q = (int32_t)biased_exponent - 1075;
        if (q <= 0 && q > -53 && (c & ((1ull << -q) - 1)) == 0) {
            decimal const whole = {c >> -q, 0};
            return whole;
        }
    }

    bool const even = (c & 1) == 0;
    bool const lower_is_closer = fraction == 0 && biased_exponent > 1;
    int32_t const k = (int32_t)(((int64_t)q * 1262611 - (lower_is_closer ? 524031 : 0)) >> 22);
    uint32_t const h = (uint32_t)(q + floor_log2_of_power_of_ten(-k) + 1);
    const uint64_t *const g = scopeflow__powers_of_ten[-k - SCOPEFLOW__POWER_OF_TEN_FIRST];

    uint64_t const lower = round_to_odd(g, (4 * c - 2 + lower_is_closer) << h) + !even;
    uint64_t const value = round_to_odd(g, (4 * c) << h);
    uint64_t const upper = round_to_odd(g, (4 * c + 2) << h) - !even;

    uint64_t const s = value / 4;
    if (s >= 10) {
        uint64_t const tens = s / 10;
        bool const down_fits = lower <= 40 * tens;
        bool const up_fits = 40 * tens + 40 <= upper;
        if (down_fits != up_fits) {
            decimal const shorter = {tens + up_fits, k + 1};
            return shorter;
        }
    }
    bool const down_fits = lower <= 4 * s;
    bool const up_fits = 4 * s + 4 <= upper;
    bool const round_up =
        down_fits != up_fits ? up_fits : value > 4 * s + 2 || (value == 4 * s + 2 && (s & 1) != 0);
    decimal const result = {s + round_up, k};
    return result;
}

static size_t put_zeros(char *out, size_t len, size_t count) {
    memset(out + len, '0', count);
    return len + count;
}

/* ECMAScript's Number::toString for digits * 10^exponent. */
static size_t write_decimal(decimal value, char *out) {
    while (value.digits % 10 == 0) {
        value.digits /= 10;
        value.exponent++;
    }
    char digits[20];
    size_t const count = scopeflow__number_write_uint(value.digits, digits);
    int32_t const point = (int32_t)count + value.exponent; /* Digits before the point. */

    size_t len = 0;
    if (value.exponent >= 0 && point <= 21) {
        memcpy(out, digits, count);
        return put_zeros(out, count, (size_t)value.exponent);
    }
    if (point > 0 && point <= 21) {
        memcpy(out, digits, (size_t)point);
        out[point] = '.';
        memcpy(out + point + 1, digits + point, count - (size_t)point);
        return count + 1;
    }
    if (point > -6 && point <= 0) {
        memcpy(out, "0.", 2);
        len = put_zeros(out, 2, (size_t)-point);
        memcpy(out + len, digits, count);
        return len + count;
    }

    out[len++] = digits[0];
    if (count > 1) {
        out[len++] = '.';
        memcpy(out + len, digits + 1, count - 1);
        len += count - 1;
    }
    out[len++] = 'e';
    out[len++] = point > 0 ? '+' : '-';
    return len +
           scopeflow__number_write_uint((uint64_t)(point > 0 ? point - 1 : 1 - point), out + len);
}

size_t scopeflow__number_write_double(double value, char *out) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t const fraction = bits & ((1ull << 52) - 1);
    uint32_t const biased_exponent = (uint32_t)(bits >> 52) & 0x7FFu;
    if (biased_exponent == 0x7FF) {
        memcpy(out, "null", 4);
        return 4;
    }
    if (fraction == 0 && biased_exponent == 0) {
        out[0] = '0';
        return 1;
    }

    size_t const sign = (size_t)(bits >> 63);
    if (sign) out[0] = '-';
    return sign + write_decimal(shortest_decimal(fraction, biased_exponent), out + sign);
}

/* --- Reading doubles --- */

/* A whole number of up to 2^(32 * LIMBS): 800 digits times 5^342 or 2^1200 fit with room. */
enum { LIMBS = 160, SIGNIFICANT_DIGITS = 800 };
#define INFINITY_BITS 0x7FF0000000000000ull
typedef struct big {
    uint32_t limbs[LIMBS];
    uint32_t count;
} big;

static void multiply_add(big *self, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (uint32_t i = 0; i < self->count; i++) {
        carry += (uint64_t)self->limbs[i] * factor;
        self->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0 && self->count < LIMBS) self->limbs[self->count++] = (uint32_t)carry;
}

static void multiply_power(big *self, uint32_t base, int32_t exponent) {
    for (; exponent > 0; exponent--) multiply_add(self, base, 0);
}

static void shift_left(big *self, int32_t bits) {
    for (; bits >= 31; bits -= 31) multiply_add(self, 1u << 31, 0);
    if (bits > 0) multiply_add(self, 1u << bits, 0);
}

static int compare_big(const big *a, const big *b) {
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (uint32_t i = a->count; i-- > 0;)
        if (a->limbs[i] != b->limbs[i]) return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* digits * 10^exponent against c * 2^q: <0, 0, >0. All in whole numbers: factors of a negative
 * exponent go to the other side. */
static int compare_to_binary(const big *digits, int32_t exponent, uint64_t c, int32_t q) {
    big left = *digits;
    big right;
    memset(&right, 0, sizeof right);
    right.limbs[0] = (uint32_t)c;
    right.limbs[1] = (uint32_t)(c >> 32);
    right.count = right.limbs[1] != 0 ? 2 : (right.limbs[0] != 0 ? 1 : 0);

    multiply_power(exponent >= 0 ? &left : &right, 5, exponent >= 0 ? exponent : -exponent);
    int32_t const shift = exponent - q;
    shift_left(shift >= 0 ? &left : &right, shift >= 0 ? shift : -shift);
    return compare_big(&left, &right);
}

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Moves an estimate to the double nearest to digits * 10^exponent. The bits of positive doubles
 * count up in order of size, so the neighbour is one away. */
static uint64_t settle(uint64_t bits, const big *digits, int32_t exponent) {
    for (;;) {
        uint64_t const raised = bits >> 52 != 0 ? (1ull << 52) : 0;
        uint64_t const c = (bits & ((1ull << 52) - 1)) | raised;
        int32_t const q = raised ? (int32_t)(bits >> 52) - 1075 : -1074;
        int const above =
            bits == INFINITY_BITS ? -1 : compare_to_binary(digits, exponent, 2 * c + 1, q - 1);
        if (above > 0 || (above == 0 && (c & 1) != 0)) {
            bits++;
            continue;
        }
        if (bits == 0) return bits;
        /* The gap below a power of two is half as wide. */
        bool const narrow = (c == 1ull << 52) && bits >> 52 > 1;
        int const below = narrow ? compare_to_binary(digits, exponent, 4 * c - 1, q - 2)
                                 : compare_to_binary(digits, exponent, 2 * c - 1, q - 1);
        if (below < 0 || (below == 0 && (c & 1) != 0)) {
            bits--;
            continue;
        }
        return bits;
    }
}

/* The powers of ten that a double holds exactly. */
static const double exact_powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Within a few units of the last place; `settle` does the rest. */
static uint64_t estimate(uint64_t leading_digits, int32_t exponent) {
    double value = (double)leading_digits;
    for (; exponent > 22; exponent -= 22) value *= exact_powers[22];
    for (; exponent < -22; exponent += 22) value /= exact_powers[22];
    value = exponent >= 0 ? value * exact_powers[exponent] : value / exact_powers[-exponent];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The written exponent, at `e` or behind the end; beyond 100000 its size plays no part. */
static int64_t written_exponent(scopeflow_bytes number, size_t at) {
    int64_t written = 0;
    if (at >= number.len) return 0;
    bool const minus = number.ptr[++at] == '-';
    if (number.ptr[at] == '+' || minus) at++;
    for (; at < number.len; at++)
        if (written < 100000) written = written * 10 + (number.ptr[at] - '0');
    return minus ? -written : written;
}

static bool is_exponent_mark(char c) {
    return (c | 0x20) == 'e';
}

/* The nearest double's bits by whole numbers alone, whatever the count of digits. */
static uint64_t read_exactly(scopeflow_bytes number) {
    big digits;
    memset(&digits, 0, sizeof digits);
    uint64_t leading = 0;
    int64_t exponent = 0;
    int32_t leading_exponent = 0;
    int32_t count = 0;
    size_t at = number.ptr[0] == '-';
    bool after_point = false;
    bool beyond = false; /* A non-zero digit was cut off. */
    for (; at < number.len && !is_exponent_mark(number.ptr[at]); at++) {
        if (number.ptr[at] == '.') {
            after_point = true;
            continue;
        }
        uint32_t const digit = (uint32_t)(number.ptr[at] - '0');
        if (count == SIGNIFICANT_DIGITS) {
            beyond = beyond || digit != 0;
            exponent += !after_point;
            continue;
        }
        exponent -= after_point;
        if (count == 0 && digit == 0) continue;
        multiply_add(&digits, 10, digit);
        if (count < 18)
            leading = leading * 10 + digit;
        else
            leading_exponent++;
        count++;
    }
    exponent += written_exponent(number, at);
    if (count == 0 || exponent + count < -330) return 0;
    if (exponent + count > 310) return INFINITY_BITS;
    if (beyond) { /* Sticky: one more digit breaks every tie the right way. */
        multiply_add(&digits, 10, 1);
        exponent--;
    }
    int32_t const scale = (int32_t)exponent + leading_exponent + beyond;
    return settle(estimate(leading, scale), &digits, (int32_t)exponent);
}

static uint32_t leading_zeros(uint64_t value) {
#if defined(__GNUC__)
    return (uint32_t)__builtin_clzll(value);
#else
    uint32_t count = 0;
    while ((value >> (63 - count)) == 0) count++;
    return count;
#endif
}

/* The nearest double by the upper 128 bits u of digits * g, both with their highest bit set. What
 * was cut off, and g being rounded up, put the product anywhere between u - 1 and u + 1: only where
 * u is just halfway between two doubles the nearest one cannot be told. False for that, and for
 * what is too small or too large. */
static bool read_by_product(uint64_t digits, int64_t power, uint64_t *out_bits) {
    if (power < SCOPEFLOW__POWER_OF_TEN_FIRST || power > SCOPEFLOW__POWER_OF_TEN_LAST) return false;
    const uint64_t *const g = scopeflow__powers_of_ten[power - SCOPEFLOW__POWER_OF_TEN_FIRST];
    uint32_t const shift = leading_zeros(digits);
    uint64_t low, ignored;
    uint64_t high = multiply_wide(digits << shift, g[0], &low);
    uint64_t const carried = multiply_wide(digits << shift, g[1], &ignored);
    low += carried;
    high += low < carried;

    uint32_t const upper = (uint32_t)(high >> 63);
    uint32_t const cut = 10 + upper;
    uint64_t const half = 1ull << (cut - 1);
    uint64_t const rest = high & ((1ull << cut) - 1);
    if (rest == half && low == 0) return false;
    uint64_t const mantissa = (high >> cut) + (rest >= half);
    int32_t const exponent =
        floor_log2_of_power_of_ten((int32_t)power) + 1086 - (int32_t)shift + (int32_t)upper;
    if (exponent > 2046) return false; /* The powers end before doubles cease to be normal. */
    /* Its highest bit, or the carry of rounding, counts the exponent up. */
    *out_bits = ((uint64_t)(exponent - 1) << 52) + mantissa;
    return true;
}

bool scopeflow__number_bits(uint64_t digits, int64_t exponent, bool is_negative,
                            uint64_t *out_bits) {
    *out_bits = 0;
    if (digits != 0 && !read_by_product(digits, exponent, out_bits)) return false;
    *out_bits |= (uint64_t)is_negative << 63;
    return true;
}

double scopeflow__number_read_double(scopeflow_bytes number) {
    bool const is_negative = number.ptr[0] == '-';
    return from_bits(read_exactly(number) | (uint64_t)is_negative << 63);
}
