#include "event/text.h"

#define NS_PER_SECOND 1000000000
#define SECONDS_PER_DAY 86400

void scopeflow__uuid_write(const scopeflow_uuid *uuid, char out[SCOPEFLOW__UUID_TEXT_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
        out[at++] = digits[uuid->bytes[i] >> 4];
        out[at++] = digits[uuid->bytes[i] & 15];
    }
}

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

static size_t put_number(char *out, size_t at, int64_t value, int digits) {
    for (int i = digits; i-- > 0; value /= 10) out[at + (size_t)i] = (char)('0' + value % 10);
    return at + (size_t)digits;
}

/* Day 0 is 1970-01-01. Years begin in March here, so that the leap day comes last (the algorithm
 * of Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static size_t put_date(char *out, int64_t day) {
    int64_t day_of_era;
    int64_t const era = divide_down(day + 719468, 146097, &day_of_era);
    int64_t const year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t const day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t const month_from_march = (5 * day_of_year + 2) / 153;
    int64_t const month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t const year = year_of_era + era * 400 + (month <= 2);

    size_t at = put_number(out, 0, year, 4);
    out[at++] = '-';
    at = put_number(out, at, month, 2);
    out[at++] = '-';
    return put_number(out, at, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

size_t scopeflow__timestamp_write(int64_t timestamp_ns, char out[SCOPEFLOW__TIMESTAMP_TEXT_BYTES]) {
    int64_t nanosecond;
    int64_t second;
    int64_t const seconds = divide_down(timestamp_ns, NS_PER_SECOND, &nanosecond);
    int64_t const day = divide_down(seconds, SECONDS_PER_DAY, &second);

    size_t at = put_date(out, day);
    out[at++] = 'T';
    at = put_number(out, at, second / 3600, 2);
    out[at++] = ':';
    at = put_number(out, at, second / 60 % 60, 2);
    out[at++] = ':';
    at = put_number(out, at, second % 60, 2);
    out[at++] = '.';
    at = put_number(out, at, nanosecond, 9);
    out[at++] = 'Z';
    return at;
}
