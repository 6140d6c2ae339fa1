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
