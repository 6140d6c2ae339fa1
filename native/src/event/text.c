#include "event/text.h"

#include "base/vector.h"

#define NS_PER_SECOND 1000000000
#define SECONDS_PER_DAY 86400

/* --- Characters in words --- */

/* A word holds eight characters or their values, a byte each, the first in the lowest byte whatever
 * the machine's order of bytes is. Whole words are stored: to copy as words what was just put
 * together byte by byte takes many times as long. */
#define EACH_BYTE(value) (0x0101010101010101ull * (value))

/* The first `count` characters, which is a constant. */
static inline char *put_characters(char *at, uint64_t characters, size_t count) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    characters = __builtin_bswap64(characters);
#endif
    memcpy(at, &characters, count);
    return at + count;
}

#if SCOPEFLOW__VECTOR_BITS >= 128
/* All 32 digits at once: the halves of the bytes in the order of the text, and those from ten on
 * take 39 more, from behind '9' to 'a'. */
static inline __m128i hex_digits(__m128i halves) {
    __m128i const letters = _mm_cmpgt_epi8(halves, _mm_set1_epi8(9));
    return _mm_add_epi8(_mm_add_epi8(halves, _mm_set1_epi8('0')),
                        _mm_and_si128(letters, _mm_set1_epi8('a' - '9' - 1)));
}

static inline void put_four(char *at, __m128i characters) {
    int const lowest = _mm_cvtsi128_si32(characters);
    memcpy(at, &lowest, 4);
}

static inline void put_eight(char *at, __m128i characters) {
    _mm_storel_epi64((__m128i *)(void *)at, characters);
}

void scopeflow__uuid_write(const scopeflow_uuid *uuid, char out[SCOPEFLOW__UUID_TEXT_BYTES]) {
    __m128i const lower = _mm_set1_epi8(15);
    __m128i const bytes = _mm_loadu_si128((const __m128i *)(const void *)uuid->bytes);
    __m128i const high = _mm_and_si128(_mm_srli_epi16(bytes, 4), lower);
    __m128i const low = _mm_and_si128(bytes, lower);
    __m128i const first = hex_digits(_mm_unpacklo_epi8(high, low));
    __m128i const second = hex_digits(_mm_unpackhi_epi8(high, low));
    put_eight(out, first);
    out[8] = '-';
    put_four(out + 9, _mm_srli_si128(first, 8));
    out[13] = '-';
    put_four(out + 14, _mm_srli_si128(first, 12));
    out[18] = '-';
    put_four(out + 19, second);
    out[23] = '-';
    put_four(out + 24, _mm_srli_si128(second, 4));
    put_eight(out + 28, _mm_srli_si128(second, 8));
}
#else
/* Eight hexadecimal digits of four bytes, all at once: each byte of a word takes one half of a
 * byte, and those from ten on take 39 more, from behind '9' to 'a'. */
static inline uint64_t hex_digits(const uint8_t *bytes) {
    uint64_t const lower = 0x000F000F000F000Full;
    uint64_t const spread = (uint64_t)bytes[0] | (uint64_t)bytes[1] << 16 |
                            (uint64_t)bytes[2] << 32 | (uint64_t)bytes[3] << 48;
    uint64_t const halves = (spread >> 4 & lower) | (spread & lower) << 8;
    uint64_t const letters = (halves + EACH_BYTE(6)) >> 4 & EACH_BYTE(1);
    return halves + EACH_BYTE('0') + letters * ('a' - '9' - 1);
}

void scopeflow__uuid_write(const scopeflow_uuid *uuid, char out[SCOPEFLOW__UUID_TEXT_BYTES]) {
    uint64_t const second = hex_digits(uuid->bytes + 4);
    uint64_t const third = hex_digits(uuid->bytes + 8);
    char *at = put_characters(out, hex_digits(uuid->bytes), 8);
    *at++ = '-';
    at = put_characters(at, second, 4);
    *at++ = '-';
    at = put_characters(at, second >> 32, 4);
    *at++ = '-';
    at = put_characters(at, third, 4);
    *at++ = '-';
    at = put_characters(at, third >> 32, 4);
    put_characters(at, hex_digits(uuid->bytes + 12), 8);
}
#endif

/* The digits of four numbers below 100, which stand in the four 16-bit parts of a word: a
 * multiplication takes the tens of all of them. */
static inline uint64_t pair_digits(uint64_t pairs) {
    uint64_t const tens = pairs * 103 >> 10 & 0x000F000F000F000Full;
    return tens + ((pairs - tens * 10) << 8) + EACH_BYTE('0');
}

/* The eight digits of a number below 100,000,000: its halves, then the halves of both. */
static inline uint64_t decimal_digits(uint32_t number) {
    uint64_t const upper = number / 10000;
    uint64_t const fours = upper | (uint64_t)(number - upper * 10000) << 32;
    uint64_t const hundreds = fours * 10486 >> 20 & 0x0000007F0000007Full;
    return pair_digits(hundreds | (fours - hundreds * 100) << 16);
}

/* --- Times --- */

/* Floor division: times before 1970 round towards the past. */
static int64_t divide_down(int64_t value, int64_t by, int64_t *out_rest) {
    int64_t quotient = value / by;
    int64_t rest = value % by;
    if (rest < 0) {
        rest += by;
        quotient--;
    }
    *out_rest = rest;
    return quotient;
}

/* Day 0 is 1970-01-01; the earliest that there is lies in 1677. Years begin in March here, so that
 * the leap day comes last, and are counted from year 0, by multiplications instead of divisions
 * (the algorithm of Cassio Neri and Lorenz Schneider, "Euclidean affine functions and their
 * application to calendar algorithms"). */
static char *put_date(char *at, int64_t day) {
    uint32_t const quarter_days = 4 * (uint32_t)(day + 719468) + 3;
    uint32_t const century = quarter_days / 146097;
    uint64_t const in_century = 2939745ull * (quarter_days % 146097 | 3);
    uint32_t const year_of_century = (uint32_t)(in_century >> 32);
    uint32_t const day_of_year = (uint32_t)in_century / 2939745 / 4;
    uint32_t const month_and_day = 2141 * day_of_year + 197913;
    uint32_t const month = month_and_day >> 16;
    bool const is_next_year = month > 12;
    uint32_t const year = 100 * century + year_of_century + is_next_year;

    uint64_t const date = pair_digits(year / 100 | (uint64_t)(year % 100) << 16 |
                                      (uint64_t)(month - 12 * is_next_year) << 32 |
                                      (uint64_t)((month_and_day & 0xFFFF) / 2141 + 1) << 48);
    at = put_characters(at, date, 4);
    *at++ = '-';
    at = put_characters(at, date >> 32, 2);
    *at++ = '-';
    return put_characters(at, date >> 48, 2);
}

static char *put_time_of_day(char *at, uint32_t second) {
    uint32_t const minute = second / 60;
    uint64_t const time = pair_digits(second / 3600 | (uint64_t)(minute % 60) << 16 |
                                      (uint64_t)(second - minute * 60) << 32);
    at = put_characters(at, time, 2);
    *at++ = ':';
    at = put_characters(at, time >> 16, 2);
    *at++ = ':';
    return put_characters(at, time >> 32, 2);
}

static void write_second(scopeflow__second *self, int64_t number) {
    int64_t second_of_day;
    int64_t const day = divide_down(number, SECONDS_PER_DAY, &second_of_day);
    char *at = put_date(self->text, day);
    *at++ = 'T';
    at = put_time_of_day(at, (uint32_t)second_of_day);
    *at = '.';
    self->number = number;
}

static char *put_nanoseconds(char *at, uint32_t nanosecond) {
    uint32_t const tenths = nanosecond / 100000000;
    *at++ = (char)('0' + tenths);
    return put_characters(at, decimal_digits(nanosecond - tenths * 100000000), 8);
}

void scopeflow__timestamp_write(scopeflow__second *last, int64_t timestamp_ns,
                                char out[SCOPEFLOW__TIMESTAMP_TEXT_BYTES]) {
    int64_t nanosecond;
    int64_t const second = divide_down(timestamp_ns, NS_PER_SECOND, &nanosecond);
    if (last->number != second) write_second(last, second);
    memcpy(out, last->text, SCOPEFLOW__SECOND_TEXT_BYTES);
    *put_nanoseconds(out + SCOPEFLOW__SECOND_TEXT_BYTES, (uint32_t)nanosecond) = 'Z';
}

/* --- Reading --- */

static int hex_value(char digit) {
    char const lower = (char)(digit | 0x20);
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
    return -1;
}

bool scopeflow__uuid_read(scopeflow_bytes text, scopeflow_uuid *out) {
    if (text.len != SCOPEFLOW__UUID_TEXT_BYTES) return false;
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text.ptr[at++] != '-') return false;
        int const high = hex_value(text.ptr[at++]);
        int const low = hex_value(text.ptr[at++]);
        if (high < 0 || low < 0) return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* A text that is taken from the left, part by part; once a part is missing, `failed`. */
typedef struct time_text {
    scopeflow_bytes rest;
    bool failed;
} time_text;

static char take_character(time_text *self) {
    if (self->rest.len == 0) {
        self->failed = true;
        return '\0';
    }
    self->rest.len--;
    return *self->rest.ptr++;
}

static void take_one_of(time_text *self, const char *characters) {
    char const c = take_character(self);
    while (*characters != '\0' && *characters != c) characters++;
    if (*characters == '\0') self->failed = true;
}

static bool is_at_digit(const time_text *self) {
    return self->rest.len > 0 && *self->rest.ptr >= '0' && *self->rest.ptr <= '9';
}

/* A number of that many digits, from 0 to `most`. */
static int64_t take_number_of(time_text *self, int digits, int64_t most) {
    int64_t value = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_at_digit(self)) self->failed = true;
        value = value * 10 + (take_character(self) - '0');
    }
    if (value > most) self->failed = true;
    return value;
}

static int64_t days_of_month(int64_t year, int64_t month) {
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool const is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

/* The inverse of `put_date`, with the same years from March to February. */
static int64_t take_day(time_text *self) {
    int64_t year = take_number_of(self, 4, 9999);
    take_one_of(self, "-");
    int64_t const month = take_number_of(self, 2, 12);
    take_one_of(self, "-");
    int64_t const day_of_month = take_number_of(self, 2, 31);
    if (self->failed || month == 0 || day_of_month == 0 ||
        day_of_month > days_of_month(year, month)) {
        self->failed = true;
        return 0;
    }
    if (month <= 2) year--;
    int64_t year_of_era;
    int64_t const era = divide_down(year, 400, &year_of_era);
    int64_t const month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t const day_of_year = (153 * month_from_march + 2) / 5 + day_of_month - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static int64_t take_second_of_day(time_text *self) {
    int64_t const hour = take_number_of(self, 2, 23);
    take_one_of(self, ":");
    int64_t const minute = take_number_of(self, 2, 59);
    take_one_of(self, ":");
    return (hour * 60 + minute) * 60 + take_number_of(self, 2, 60);
}

static int64_t take_nanosecond(time_text *self) {
    if (self->rest.len == 0 || *self->rest.ptr != '.') return 0;
    (void)take_character(self);
    if (!is_at_digit(self)) self->failed = true;
    int64_t value = 0;
    int64_t unit = NS_PER_SECOND;
    while (is_at_digit(self) && unit > 1) {
        unit /= 10;
        value += unit * (take_character(self) - '0');
    }
    return value;
}

static int64_t take_offset_seconds(time_text *self) {
    char const sign = take_character(self);
    if (sign == 'Z' || sign == 'z') return 0;
    if (sign != '+' && sign != '-') self->failed = true;
    int64_t const hours = take_number_of(self, 2, 23);
    take_one_of(self, ":");
    int64_t const seconds = (hours * 60 + take_number_of(self, 2, 59)) * 60;
    return sign == '-' ? -seconds : seconds;
}

/* Seconds and 0 to 999999999 ns as nanoseconds; false where 64 bits cannot tell them. */
static bool join_seconds(int64_t seconds, int64_t nanosecond, int64_t *out_timestamp_ns) {
    if (seconds < 0) { /* Of one sign both, so that no part passes the limit before the sum. */
        seconds++;
        nanosecond -= NS_PER_SECOND;
    }
    if (seconds > INT64_MAX / NS_PER_SECOND || seconds < INT64_MIN / NS_PER_SECOND) return false;
    int64_t const whole = seconds * NS_PER_SECOND;
    if (nanosecond > 0 ? whole > INT64_MAX - nanosecond : whole < INT64_MIN - nanosecond)
        return false;
    *out_timestamp_ns = whole + nanosecond;
    return *out_timestamp_ns != SCOPEFLOW_TIMESTAMP_NONE;
}

bool scopeflow__timestamp_read(scopeflow_bytes text, int64_t *out_timestamp_ns) {
    time_text rest;
    rest.rest = text;
    rest.failed = false;
    int64_t const day = take_day(&rest);
    take_one_of(&rest, "Tt ");
    int64_t const second = take_second_of_day(&rest);
    int64_t const nanosecond = take_nanosecond(&rest);
    int64_t const offset = take_offset_seconds(&rest);
    if (rest.failed || rest.rest.len > 0) return false;
    return join_seconds(day * SECONDS_PER_DAY + second - offset, nanosecond, out_timestamp_ns);
}

bool scopeflow__epoch_microseconds_read(scopeflow_bytes digits, int64_t *out_timestamp_ns) {
    bool const is_negative = digits.len > 0 && digits.ptr[0] == '-';
    int64_t value = 0;
    if (digits.len == is_negative || digits.len > 17) return false;
    for (size_t i = is_negative; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') return false;
        value = value * 10 + (digits.ptr[i] - '0');
    }
    if (value > INT64_MAX / 1000) return false;
    *out_timestamp_ns = (is_negative ? -value : value) * 1000;
    return true;
}
