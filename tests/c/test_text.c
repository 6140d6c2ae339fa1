/* Ids and times as text: all at once in words, as against digit by digit. */
#include "event/text.h"

#include "check.h"

enum { FIRST_DAY = -106751, LAST_DAY = 106751, SECONDS_PER_DAY = 86400 };

static bool is_leap_year(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* Every day that 64 bits of nanoseconds reach, each at another moment. */
static void test_days(void) {
    scopeflow__second last;
    scopeflow__second_init(&last);
    int year = 1677, month = 9, day = 22; /* FIRST_DAY */
    uint64_t moment = 1;
    int wrong_count = 0;
    for (int64_t days = FIRST_DAY; days < LAST_DAY; days++) {
        char expected[64];
        char got[SCOPEFLOW__TIMESTAMP_TEXT_BYTES];
        moment = moment * 6364136223846793005u + 1442695040888963407u;
        int const second = (int)(moment >> 33) % SECONDS_PER_DAY;
        int const nanosecond = (int)(moment >> 32) & 0x1FFFFFFF;
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", year,
                       month, day, second / 3600, second / 60 % 60, second % 60, nanosecond);
        scopeflow__timestamp_write(
            &last, (days * SECONDS_PER_DAY + second) * 1000000000 + nanosecond, got);
        wrong_count += memcmp(got, expected, sizeof got) != 0;
        if (++day <= days_of_month(year, month)) continue;
        day = 1;
        if (++month <= 12) continue;
        month = 1;
        year++;
    }
    CHECK(wrong_count == 0);
    CHECK(year == 2262 && month == 4);
}

/* Twice: the second time its second is known. */
static void check_time_after(scopeflow__second *last, int64_t timestamp_ns, const char *expected) {
    for (int i = 0; i < 2; i++) {
        char got[SCOPEFLOW__TIMESTAMP_TEXT_BYTES + 1] = {0};
        scopeflow__timestamp_write(last, timestamp_ns, got);
        CHECK(strcmp(got, expected) == 0);
    }
}

static void check_time(int64_t timestamp_ns, const char *expected) {
    scopeflow__second last;
    scopeflow__second_init(&last);
    check_time_after(&last, timestamp_ns, expected);
}

static void test_edges_of_time(void) {
    check_time(INT64_MIN, "1677-09-21T00:12:43.145224192Z");
    check_time(-1, "1969-12-31T23:59:59.999999999Z");
    check_time(0, "1970-01-01T00:00:00.000000000Z");
    check_time(951782400000000000, "2000-02-29T00:00:00.000000000Z");
    check_time(4107542399999999999, "2100-02-28T23:59:59.999999999Z");
    check_time(INT64_MAX, "2262-04-11T23:47:16.854775807Z");
}

static void test_times_in_and_out_of_a_second(void) {
    scopeflow__second last;
    scopeflow__second_init(&last);
    check_time_after(&last, 1999999999, "1970-01-01T00:00:01.999999999Z");
    check_time_after(&last, 1000000000, "1970-01-01T00:00:01.000000000Z");
    check_time_after(&last, 2000000000, "1970-01-01T00:00:02.000000000Z");
    check_time_after(&last, -1, "1969-12-31T23:59:59.999999999Z");
    check_time_after(&last, -1000000000, "1969-12-31T23:59:59.000000000Z");
    check_time_after(&last, 0, "1970-01-01T00:00:00.000000000Z");
}

/* Every byte in every place. */
static void test_ids(void) {
    int wrong_count = 0;
    for (int value = 0; value < 256; value++) {
        scopeflow_uuid uuid;
        scopeflow_uuid read;
        char expected[SCOPEFLOW__UUID_TEXT_BYTES + 1];
        char got[SCOPEFLOW__UUID_TEXT_BYTES];
        char *at = expected;
        for (int i = 0; i < 16; i++) {
            uuid.bytes[i] = (uint8_t)(value + 37 * i);
            if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
            (void)snprintf(at, 3, "%02x", uuid.bytes[i]);
            at += 2;
        }
        scopeflow__uuid_write(&uuid, got);
        wrong_count += memcmp(got, expected, sizeof got) != 0;
        CHECK(scopeflow__uuid_read(scopeflow__text(got, sizeof got), &read));
        wrong_count += memcmp(&read, &uuid, sizeof read) != 0;
    }
    CHECK(wrong_count == 0);
}

int main(void) {
    static const test tests[] = {
        {"days", test_days},
        {"the edges of time", test_edges_of_time},
        {"times in and out of a second", test_times_in_and_out_of_a_second},
        {"ids", test_ids},
    };
    return RUN_TESTS(tests);
}
