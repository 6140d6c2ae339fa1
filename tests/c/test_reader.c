/* The reader of event files (S2.9, S2.3): whatever the chunks, whatever stands in the lines, and
 * within its limits (S7.4). */
#include "check.h"
#include "reading.h"

#include <stdlib.h>

#define A "\"00000000-0000-7000-8000-00000000000a\""
#define B "\"00000000-0000-7000-8000-00000000000b\""
#define COMMON(at) "\"uuid\":" A ",\"timestamp\":" at ",\"name\":\"n\""
#define MARK_HEAD "{\"kind\":\"mark\"," COMMON("1")
#define MARK(more) MARK_HEAD more "}"
#define WHOLE                                                                                      \
    "{\"kind\":\"scope\",\"atof_version\":\"0.1\",\"parent_uuid\":" B ",\"uuid\":" A               \
    ",\"timestamp\":\"2026-11-22T14:04:09.098078062+00:00\",\"name\":\"plan\\u0065r\\n\","         \
    "\"data\":{\"a\":[1,2.5e3,{}]},\"data_schema\":null,\"metadata\":{\"s\":\"\xC3\xA9\"},"        \
    "\"scope_category\":\"end\",\"attributes\":[\"remote\", \"x\"],\"category\":\"t\\u006fol\","   \
    "\"category_profile\":{\"tool_call_id\":\"7\"}}"

static session s;
static reading r;

static scopeflow_bytes bytes_of(const char *text) {
    return session_text(text);
}

static bool read_whole(const char *text) {
    scopeflow_bytes const input = bytes_of(text);
    return reading_of_pieces(&r, input, &input.len, 1);
}

static bool log_is(const char *expected) {
    if (strcmp(r.log, expected) == 0) return true;
    fprintf(stderr, "read:\n%sexpected:\n%s", r.log, expected);
    return false;
}

/* --- What is read --- */

static void an_event_with_all_keys(void) {
    CHECK(read_whole(WHOLE "\n"));
    CHECK(log_is("1@0 kind 0/2 parent 1 0000000000007000800000000000000a "
                 "0000000000007000800000000000000b 1795356249098078062 name=planer\n"
                 " category=tool attributes=[\"remote\", \"x\"] data={\"a\":[1,2.5e3,{}]} "
                 "data_schema=null metadata={\"s\":\"\xC3\xA9\"} "
                 "profile={\"tool_call_id\":\"7\"} line=" WHOLE "\n"));
}

static void a_mark_with_the_keys_that_it_needs(void) {
    CHECK(read_whole(MARK("")));
    CHECK(log_is("1@0 kind 1/0 parent 0 0000000000007000800000000000000a "
                 "00000000000000000000000000000000 1000 name=n category= attributes= data= "
                 "data_schema= metadata= profile= line=" MARK("") "\n"));
}

static void order_blanks_unknown_keys_and_duplicates(void) {
    CHECK(read_whole(" { \"new\" : {\"kind\":1} , \"name\" : \"old\", \"uuid\":5,\"n\\u0061me\":"
                     "\"last\",\t\"timestamp\" : -2, \"uuid\" : " A
                     ",\"category\":\"no such\",\"kind\":\"m\\u0061rk\",\"parent_uuid\":null } "));
    CHECK(r.event_count == 1 && r.bad_line_count == 0);
    CHECK(strstr(r.log, " -2000 name=last category=no such attributes=") != NULL);
}

static void uuids_in_either_case(void) {
    CHECK(read_whole("{\"kind\":\"mark\",\"uuid\":\"ABCDEF01-2345-6789-abcd-EF0123456789\","
                     "\"timestamp\":0,\"name\":\"\"}"));
    CHECK(strstr(r.log, " abcdef0123456789abcdef0123456789 ") != NULL);
}

static void marks_blanks_and_line_ends(void) {
    CHECK(read_whole("\xEF\xBB\xBF" MARK("") "\r\n\r\n \t\n\n" MARK("") "\n  " MARK("") "\r"));
    CHECK(r.event_count == 3 && r.bad_line_count == 0);
    CHECK(strncmp(r.log, "1@3 ", 4) == 0);
    CHECK(strstr(r.log, "\n5@") != NULL && strstr(r.log, "\n6@") != NULL);
    CHECK(strchr(r.log, '\r') == NULL);
    CHECK(read_whole("\xEF\xBB\xBF{") && strncmp(r.log, "1@4 invalid_json", 16) == 0);
    CHECK(read_whole("") && r.len == 0);
    CHECK(read_whole("\n\r\n\xEF\xBB\xBF") && r.event_count == 0 && r.bad_line_count == 1);
}

/* --- Times (S2.3) --- */

typedef struct time_row {
    const char *text;
    const char *expected; /* Null for none. */
} time_row;

static const time_row times[] = {
    {"\"1970-01-01T00:00:00Z\"", "0"},
    {"\"1970-01-01t00:00:00.5z\"", "500000000"},
    {"\"1970-01-01 00:00:00.123456789Z\"", "123456789"},
    {"\"1970-01-01T05:30:00.000000001+05:30\"", "1"},
    {"\"1969-12-31T16:00:00-08:00\"", "0"},
    {"\"1969-12-31T23:59:59.999999999Z\"", "-1"},
    {"\"2000-02-29T00:00:00Z\"", "951782400000000000"},
    {"\"2016-12-31T23:59:60Z\"", "1483228800000000000"},
    {"\"2262-04-11T23:47:16.854775807Z\"", "9223372036854775807"},
    {"\"1677-09-21T00:12:43.145224193Z\"", "-9223372036854775807"},
    {"\"1970-01-01T00:00:00\\u005a\"", "0"},
    {"0", "0"},
    {"-1", "-1000"},
    {"9223372036854775", "9223372036854775000"},
    {"9223372036854776", NULL},
    {"92233720368547750000", NULL},
    {"1.5", NULL},
    {"1e3", NULL},
    {"null", NULL},
    {"true", NULL},
    {"[0]", NULL},
    {"\"\"", NULL},
    {"\"2262-04-11T23:47:16.854775808Z\"", NULL},
    {"\"1677-09-21T00:12:43.145224192Z\"", NULL},
    {"\"0000-01-01T00:00:00Z\"", NULL},
    {"\"9999-12-31T23:59:59Z\"", NULL},
    {"\"2026-02-29T00:00:00Z\"", NULL},
    {"\"1900-02-29T00:00:00Z\"", NULL},
    {"\"2026-00-01T00:00:00Z\"", NULL},
    {"\"2026-13-01T00:00:00Z\"", NULL},
    {"\"2026-01-00T00:00:00Z\"", NULL},
    {"\"2026-04-31T00:00:00Z\"", NULL},
    {"\"2026-01-01T24:00:00Z\"", NULL},
    {"\"2026-01-01T00:60:00Z\"", NULL},
    {"\"2026-01-01T00:00:61Z\"", NULL},
    {"\"2026-01-01T00:00:00.Z\"", NULL},
    {"\"2026-01-01T00:00:00.1234567890Z\"", NULL},
    {"\"2026-01-01T00:00:00+24:00\"", NULL},
    {"\"2026-01-01T00:00:00+01:60\"", NULL},
    {"\"2026-01-01T00:00:00+0100\"", NULL},
    {"\"2026-01-01T00:00:00\"", NULL},
    {"\"2026-01-01T00:00:00ZZ\"", NULL},
    {"\"2026-01-01\"", NULL},
    {"\"26-01-01T00:00:00Z\"", NULL},
    {"\"2026-1-1T00:00:00Z\"", NULL},
    {"\"-2026-01-01T00:00:00Z\"", NULL},
};

static void times_in_every_form(void) {
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char line[300];
        char expected[80];
        (void)snprintf(line, sizeof line,
                       "{\"timestamp\":%s,\"kind\":\"mark\",\"uuid\":" A ",\"name\":\"n\"}",
                       times[i].text);
        CHECK(read_whole(line));
        if (times[i].expected == NULL)
            (void)snprintf(expected, sizeof expected, "1@13 invalid_argument:");
        else
            (void)snprintf(expected, sizeof expected, " %s name=n", times[i].expected);
        if (strstr(r.log, expected) == NULL) fprintf(stderr, "%s: %s", times[i].text, r.log);
        CHECK(strstr(r.log, expected) != NULL);
    }
}

/* --- What is no event --- */

typedef struct fault_row {
    const char *line;
    size_t offset;
    scopeflow_status status;
    const char *message;
} fault_row;

#define JSON SCOPEFLOW_STATUS_INVALID_JSON
#define TEXT SCOPEFLOW_STATUS_INVALID_UTF8
#define EVENT SCOPEFLOW_STATUS_INVALID_ARGUMENT
#define SCOPE_HEAD "{\"kind\":\"scope\"," COMMON("1")

/* A line in two parts: the fault is found where the second begins. */
#define FAULT(before, after, status, message)                                                      \
    { before after, sizeof(before) - 1, status, message }

static const fault_row faults[] = {
    FAULT("", "[]", JSON, "a line holds one object"),
    FAULT(" ", "null", JSON, "a line holds one object"),
    FAULT("{", "", JSON, "the text ends too early"),
    FAULT("{", ",}", JSON, "a key must stand here"),
    FAULT("{\"a\"", "}", JSON, "a colon must follow the key"),
    FAULT("{\"a\":", "}", JSON, "a value must stand here"),
    FAULT("{\"a\":1", "", JSON, "the text ends too early"),
    FAULT("{\"a\":1,", "}", JSON, "a key must stand here"),
    FAULT("{\"a\":1", "]", JSON, "a comma or the end of the object must stand here"),
    FAULT("{\"a\":[1", "}", JSON, "a comma or the end of the container must stand here"),
    FAULT("{\"a\":[1,", "]}", JSON, "a value must stand here"),
    FAULT("{\"a\":[", "}", JSON, "a value must stand here"),
    FAULT("{\"a\":{\"b\" ", "1}}", JSON, "a colon must follow the key"),
    FAULT("{\"a\":{", "1:2}}", JSON, "a key must stand here"),
    FAULT("{\"a\":0", "1}", JSON, "a comma or the end of the object must stand here"),
    FAULT("{\"a\":-", "}", JSON, "a digit must stand here"),
    FAULT("{\"a\":1.", "}", JSON, "a digit must stand here"),
    FAULT("{\"a\":1e+", "}", JSON, "a digit must stand here"),
    FAULT("{\"a\":", "+1}", JSON, "a value must stand here"),
    FAULT("{\"a\":nul", "}", JSON, "no value is written so"),
    FAULT("{\"a\":tr", "Ue}", JSON, "no value is written so"),
    FAULT("{\"a\":", "NaN}", JSON, "a value must stand here"),
    FAULT("{\"a\":\"", "\t\"}", JSON, "a control character stands in a string"),
    FAULT("{\"a\":\"123",
          "\x1F"
          "45678901\"}",
          JSON, "a control character stands in a string"),
    FAULT("{\"a\":\"123",
          "\xFF"
          "45678901\"}",
          TEXT, "a string is no UTF-8"),
    FAULT("{\"a\":\"12345678", "\x1F\"}", JSON, "a control character stands in a string"),
    FAULT("{\"a\":\"\\", "x\"}", JSON, "there is no such escape"),
    FAULT("{\"a\":\"\\u12", "g4\"}", JSON, "an escape needs four hexadecimal digits"),
    FAULT("{\"a\":\"\\u12", "", JSON, "the text ends too early"),
    FAULT("{\"a\":\"x", "", JSON, "the text ends too early"),
    FAULT("{\"a\":\"x\\", "", JSON, "the text ends too early"),
    FAULT("{\"a\":\"12345678", "\xFF\"}", TEXT, "a string is no UTF-8"),
    FAULT("{\"a\":\"", "\xED\xA0\x80\"}", TEXT, "a string is no UTF-8"),
    FAULT("{\"", "\xC3\":1}", TEXT, "a string is no UTF-8"),
    FAULT("{\"a\":", "\xC3\xA9}", JSON, "a value must stand here"),
    FAULT("{} ", "{}", JSON, "something follows the object"),
    FAULT("", "{}", EVENT, "kind is missing"),
    FAULT("{\"kind\":", "1}", EVENT, "kind is no text"),
    FAULT("{\"kind\":", "\"Mark\"}", EVENT, "kind is neither scope nor mark"),
    FAULT("{\"kind\":", "\"\"}", EVENT, "kind is neither scope nor mark"),
    FAULT("", SCOPE_HEAD "}", EVENT, "scope_category is missing"),
    FAULT(SCOPE_HEAD ",\"scope_category\":", "null}", EVENT, "scope_category is no text"),
    FAULT(SCOPE_HEAD ",\"scope_category\":", "\"middle\"}", EVENT,
          "scope_category is neither start nor end"),
    FAULT("", "{\"kind\":\"mark\"}", EVENT, "uuid is missing"),
    FAULT("{\"kind\":\"mark\",\"uuid\":", "null}", EVENT, "uuid is no text"),
    FAULT("{\"kind\":\"mark\",\"uuid\":", "\"a\"}", EVENT, "uuid is no uuid"),
    FAULT("{\"kind\":\"mark\",\"uuid\":", "\"00000000-0000-7000-8000-00000000000g\"}", EVENT,
          "uuid is no uuid"),
    FAULT("{\"kind\":\"mark\",\"uuid\":", "\"000000000000-7000-8000-0000-00000000000\"}", EVENT,
          "uuid is no uuid"),
    FAULT("", "{\"kind\":\"mark\",\"uuid\":" A "}", EVENT, "timestamp is missing"),
    FAULT("", "{\"kind\":\"mark\",\"uuid\":" A ",\"timestamp\":1}", EVENT, "name is missing"),
    FAULT(MARK_HEAD ",\"name\":", "5}", EVENT, "name is no text"),
    FAULT(MARK_HEAD ",\"parent_uuid\":", "\"x\"}", EVENT, "parent_uuid is no uuid"),
    FAULT(MARK_HEAD ",\"parent_uuid\":", "0}", EVENT, "parent_uuid is no text"),
    FAULT(MARK_HEAD ",\"atof_version\":", "\"1.0\"}", EVENT,
          "atof_version is not 0.1 or another 0.x"),
    FAULT(MARK_HEAD ",\"atof_version\":", "0.1}", EVENT, "atof_version is no text"),
    FAULT(MARK_HEAD ",\"category\":", "{}}", EVENT, "category is no text"),
    FAULT(MARK_HEAD ",\"attributes\":", "{}}", EVENT, "attributes is no array"),
    FAULT(MARK_HEAD ",\"attributes\":", "[\"a\",[]]}", EVENT, "attributes is no array of texts"),
    FAULT(MARK_HEAD ",\"category_profile\":", "[]}", EVENT, "category_profile is no object"),
    FAULT(MARK_HEAD ",\"data_schema\":", "\"s\"}", EVENT, "data_schema is no object"),
};

/* Each stands between two events, which both are read. */
static void faults_are_told_with_line_and_offset(void) {
    size_t const before = strlen(MARK("")) + 1;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char input[600];
        char expected[300];
        (void)snprintf(input, sizeof input, MARK("") "\n%s\r\n" MARK(""), faults[i].line);
        size_t const offset = before + faults[i].offset;
        const char *const prefix = faults[i].status == JSON   ? "invalid JSON"
                                   : faults[i].status == TEXT ? "invalid UTF-8"
                                                              : "invalid argument";
        (void)snprintf(expected, sizeof expected,
                       "\n2@%zu %s: message=%s: line 2, offset %zu: %s line=%s\n3@", offset,
                       scopeflow_status_name(faults[i].status), prefix, offset, faults[i].message,
                       faults[i].status == TEXT ? "" : faults[i].line);
        CHECK(read_whole(input));
        if (strstr(r.log, expected) == NULL)
            fprintf(stderr, "%s\nread: %s\nexpected: %s\n", faults[i].line, r.log, expected);
        CHECK(strstr(r.log, expected) != NULL);
        CHECK(r.event_count == 2 && r.bad_line_count == 1);
    }
}

static void a_null_byte_is_no_end(void) {
    static const char text[] = "{\"a\":\"\0\"}\n" MARK("");
    scopeflow_bytes input;
    input.ptr = text;
    input.len = sizeof text - 1;
    CHECK(reading_of_equal_pieces(&r, input, 4));
    CHECK(r.event_count == 1);
    CHECK(strstr(r.log, "1@6 invalid_json: message=invalid JSON: line 1, "
                        "offset 6: a control character") == r.log);
}

/* --- Chunks --- */

/* Everything that a chunk may cut: a mark, line ends, escapes, long lines, a last line. */
#define LONG_LINE MARK(",\"data\":\"0123456789012345678901234567890123456789\"")
static const char mixture[] = "\xEF\xBB\xBF" MARK("") "\r\n\n" LONG_LINE "\n" WHOLE
                                                      "\n{\"kind\"\r\n" LONG_LINE "\r\n" LONG_LINE;

static void every_split_reads_the_same(void) {
    static const uint32_t limits[] = {0, 100, sizeof(MARK("")) - 1, sizeof(LONG_LINE) - 1,
                                      sizeof(LONG_LINE) - 2};
    scopeflow_bytes const input = bytes_of(mixture);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        reading whole;
        reading_init(&whole, s.runtime);
        whole.line_limit_bytes = limits[i];
        CHECK(reading_of_pieces(&whole, input, &input.len, 1));
        r.line_limit_bytes = limits[i];
        for (size_t cut = 0; cut <= input.len; cut++) {
            size_t const sizes[] = {cut, input.len - cut};
            CHECK(reading_of_pieces(&r, input, sizes, 2));
            CHECK(log_is(whole.log));
        }
        for (size_t size = 1; size < 9; size++) {
            CHECK(reading_of_equal_pieces(&r, input, size));
            CHECK(log_is(whole.log));
        }
        reading_deinit(&whole);
    }
    r.line_limit_bytes = 0;
}

static void a_chunk_waits_for_the_one_before(void) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader = NULL;
    scopeflow_atof_item item;
    scopeflow_error error;
    options.runtime = s.runtime;
    CHECK(scopeflow_atof_reader_new(&options, &reader, &error) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of(MARK("") "\n"), NULL) == 0);
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of("\n"), &error) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "not read up to `more`") != NULL);
    CHECK(scopeflow_atof_reader_next(reader, &item, NULL) == 0);
    CHECK(item.item == SCOPEFLOW_ATOF_ITEM_KIND_EVENT);
    CHECK(scopeflow_atof_reader_next(reader, &item, NULL) == 0);
    CHECK(item.item == SCOPEFLOW_ATOF_ITEM_KIND_MORE && item.line.len == 0);
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of(""), NULL) == 0);
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of("{"), NULL) == 0);
    CHECK(scopeflow_atof_reader_finish(reader, NULL) == 0);
    CHECK(scopeflow_atof_reader_finish(reader, NULL) == 0);
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of("}"), &error) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "was finished") != NULL);
    CHECK(scopeflow_atof_reader_next(reader, &item, NULL) == 0);
    CHECK(item.item == SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE && item.line_number == 2);
    for (int i = 0; i < 2; i++) {
        CHECK(scopeflow_atof_reader_next(reader, &item, NULL) == 0);
        CHECK(item.item == SCOPEFLOW_ATOF_ITEM_KIND_END);
    }
    scopeflow_atof_reader_free(reader);
    scopeflow_atof_reader_free(NULL);
}

/* --- Limits (S7.4) --- */

static void a_long_line_is_passed_over(void) {
    r.line_limit_bytes = sizeof(LONG_LINE) - 2;
    CHECK(read_whole(LONG_LINE "\n" MARK("") "\n" LONG_LINE));
    CHECK(r.event_count == 1 && r.bad_line_count == 2);
    CHECK(strncmp(r.log,
                  "1@0 limit_exceeded: message=limit exceeded: line 1, offset 0: the line "
                  "is longer than line_limit_bytes line=\n2@",
                  90) == 0);
    r.line_limit_bytes = sizeof(LONG_LINE) - 1;
    CHECK(read_whole(LONG_LINE "\r\n") && r.event_count == 1);
    r.line_limit_bytes = 0;
}

static void depth_has_a_limit(void) {
    char line[9000];
    size_t const head = strlen(MARK("")) - 1;
    for (uint32_t limit = 1; limit <= 4096; limit = limit * 3 + 1) {
        r.depth_limit = limit;
        for (uint32_t more = 0; more < 2; more++) {
            uint32_t const depth = limit - 1 + more;
            size_t at = head + (size_t)sprintf(line + head, ",\"data\":");
            memcpy(line, MARK(""), head);
            memset(line + at, '[', depth);
            at += depth;
            if (depth == 0) line[at++] = '0';
            memset(line + at, ']', depth);
            at += depth;
            memcpy(line + at, "}", 2);
            CHECK(read_whole(line));
            CHECK(r.event_count == !more);
            if (more) CHECK(strstr(r.log, "nested deeper than depth_limit") != NULL);
        }
    }
    r.depth_limit = 0;
}

/* A closer of the wrong kind is found at any depth. */
static void brackets_match(void) {
    char line[200];
    for (int wrong = 0; wrong < 20; wrong++) {
        size_t at = (size_t)sprintf(line, "{\"a\":");
        for (int i = 0; i < 20; i++) at += (size_t)sprintf(line + at, i % 3 ? "[" : "{\"\":");
        at += (size_t)sprintf(line + at, "0");
        for (int i = 20; i-- > 0;) line[at++] = (i % 3 != 0) == (i != wrong) ? ']' : '}';
        memcpy(line + at, "}", 2);
        CHECK(read_whole(line));
        CHECK(strstr(r.log, "a comma or the end of the container must stand here") != NULL);
    }
}

/* Memory, measured: an allocator that knows how much is held at most. */
typedef struct meter {
    size_t held;
    size_t most;
} meter;

static void *reallocate_metered(void *context, void *block, size_t old_size, size_t new_size) {
    meter *const self = context;
    self->held += new_size - old_size;
    if (self->held > self->most) self->most = self->held;
    if (new_size > 0) return realloc(block, new_size);
    free(block);
    return NULL;
}

/* Endless lines, and a name of nothing but escapes, which are decoded. */
static void memory_is_bounded_by_the_limit_and_the_chunk(void) {
    enum { LIMIT = 4096, CHUNK = 1024, INPUT = 1 << 20 };
    static char input[INPUT];
    meter measured = {0, 0};
    scopeflow_host table = SCOPEFLOW_HOST_INIT;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    reading counted;
    table.reallocate = reallocate_metered;
    table.context = &measured;
    reading_init(&counted, NULL);
    counted.line_limit_bytes = LIMIT;
    CHECK(scopeflow_runtime_new(&table, &options, &counted.runtime, NULL) == 0);
    size_t const before = measured.held;

    memset(input, 'x', sizeof input);
    size_t const head =
        (size_t)sprintf(input, "{\"kind\":\"mark\",\"uuid\":" A ",\"timestamp\":1,\"name\":\"");
    for (size_t at = head; at + 2 < LIMIT - 2; at += 2) memcpy(input + at, "\\n", 2);
    memcpy(input + LIMIT - 2 - (LIMIT - head) % 2, "\"}\n", 3);
    scopeflow_bytes bytes;
    bytes.ptr = input;
    bytes.len = sizeof input;
    measured.most = 0;
    CHECK(reading_of_equal_pieces(&counted, bytes, CHUNK));
    CHECK(counted.event_count == 1 && counted.bad_line_count == 1);
    CHECK(measured.most - before <= 4 * (LIMIT + CHUNK));
    CHECK(measured.held == before);
    scopeflow_runtime_free(counted.runtime);
    CHECK(measured.held == 0);
    reading_deinit(&counted);
}

/* --- Memory that is not to be had --- */

static void every_allocation_fails_in_turn(void) {
    scopeflow_bytes const input = bytes_of(mixture);
    CHECK(reading_of_equal_pieces(&r, input, 50));
    size_t failures = 0;
    for (size_t nth = 1; nth < 1000; nth++) {
        size_t const blocks = s.host.block_count;
        reading broken;
        reading_init(&broken, s.runtime);
        s.host.failing_allocation = s.host.allocation_count + nth;
        bool const is_read = reading_of_equal_pieces(&broken, input, 50);
        s.host.failing_allocation = 0;
        CHECK(s.host.block_count == blocks);
        CHECK(is_read || broken.status == SCOPEFLOW_STATUS_NO_MEMORY);
        CHECK(strncmp(r.log, broken.log, broken.len) == 0);
        if (is_read) CHECK(broken.len == r.len);
        reading_deinit(&broken);
        if (is_read) break;
        failures++;
    }
    CHECK(failures > 3);
}

/* S7.3: what failed for want of memory succeeds when it is asked for again. */
static void a_failure_changes_nothing(void) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader = NULL;
    scopeflow_atof_item item;
    options.runtime = s.runtime;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == SCOPEFLOW_STATUS_OK);
    s.host.failing_allocation = s.host.allocation_count + 1;
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of(WHOLE), NULL) == SCOPEFLOW_STATUS_NO_MEMORY);
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of(WHOLE), NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_reader_finish(reader, NULL) == SCOPEFLOW_STATUS_OK);
    s.host.failing_allocation = s.host.allocation_count + 1;
    CHECK(scopeflow_atof_reader_next(reader, &item, NULL) == SCOPEFLOW_STATUS_NO_MEMORY);
    CHECK(scopeflow_atof_reader_next(reader, &item, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(item.item == SCOPEFLOW_ATOF_ITEM_KIND_EVENT && item.name.len == 7);
    scopeflow_atof_reader_free(reader);
    s.host.failing_allocation = 0;
}

/* --- The rest --- */

static void wrong_arguments_are_refused(void) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader = NULL;
    scopeflow_atof_item item;
    scopeflow_bytes broken = {NULL, 3};
    CHECK(options.line_limit_bytes == 16u << 20);
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == EVENT); /* Without a runtime. */
    options.runtime = s.runtime;
    CHECK(scopeflow_atof_reader_new(NULL, &reader, NULL) == EVENT);
    CHECK(scopeflow_atof_reader_new(&options, NULL, NULL) == EVENT);
    options.line_limit_bytes = 63;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == EVENT);
    options.line_limit_bytes = (1u << 30) + 1;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == EVENT);
    options.line_limit_bytes = 64;
    options.depth_limit = 4097;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == EVENT);
    options.depth_limit = 0;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == EVENT);
    CHECK(reader == NULL);
    options.depth_limit = 1;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_reader_feed(NULL, bytes_of(""), NULL) == EVENT);
    CHECK(scopeflow_atof_reader_feed(reader, broken, NULL) == EVENT);
    CHECK(scopeflow_atof_reader_finish(NULL, NULL) == EVENT);
    CHECK(scopeflow_atof_reader_next(NULL, &item, NULL) == EVENT);
    CHECK(scopeflow_atof_reader_next(reader, NULL, NULL) == EVENT);
    scopeflow_atof_reader_free(reader);
}

/* What the core writes it can read, with the same facts (S2.9). */
static void what_is_written_can_be_read(void) {
    session written;
    session_init(&written);
    session_subscribe(&written, "log");
    scopeflow_scope *const scope = session_push(&written, NULL, "a \"name\"");
    session_mark(&written, scope, "m");
    session_call(&written, scope, "search");
    session_pop(&written, scope);
    CHECK(written.line_count == 5);
    for (size_t i = 0; i < written.line_count; i++) {
        CHECK(read_whole(written.lines[i]));
        CHECK(r.event_count == 1 && r.bad_line_count == 0);
        CHECK(strstr(r.log, i == 0 ? "kind 0/1" : i == 1 ? "kind 1/0" : "kind 0/") != NULL);
    }
    CHECK(strstr(r.log, "name=a \"name\" category=function attributes=[]") != NULL);
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&written));
}

/* The reader holds its runtime, as it has its memory from there. */
static void a_reader_may_outlive_its_runtime(void) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader = NULL;
    session gone;
    session_init(&gone);
    options.runtime = gone.runtime;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_runtime_free(gone.runtime);
    CHECK(scopeflow_atof_reader_feed(reader, bytes_of(MARK("")), NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(gone.host.block_count > 0);
    scopeflow_atof_reader_free(reader);
    CHECK(gone.host.block_count == 0);
}

int main(void) {
    static const test tests[] = {
        {"an event with all keys", an_event_with_all_keys},
        {"a mark with the keys that it needs", a_mark_with_the_keys_that_it_needs},
        {"order, blanks, unknown keys and duplicates", order_blanks_unknown_keys_and_duplicates},
        {"uuids in either case", uuids_in_either_case},
        {"byte order mark, blank lines and line ends", marks_blanks_and_line_ends},
        {"times in every form", times_in_every_form},
        {"faults are told with line and offset", faults_are_told_with_line_and_offset},
        {"a null byte is no end", a_null_byte_is_no_end},
        {"every split reads the same", every_split_reads_the_same},
        {"a chunk waits for the one before", a_chunk_waits_for_the_one_before},
        {"a long line is passed over", a_long_line_is_passed_over},
        {"depth has a limit", depth_has_a_limit},
        {"brackets match", brackets_match},
        {"memory is bounded by the limit and the chunk",
         memory_is_bounded_by_the_limit_and_the_chunk},
        {"every allocation fails in turn", every_allocation_fails_in_turn},
        {"a failure changes nothing", a_failure_changes_nothing},
        {"wrong arguments are refused", wrong_arguments_are_refused},
        {"what is written can be read", what_is_written_can_be_read},
        {"a reader may outlive its runtime", a_reader_may_outlive_its_runtime},
    };
    session_init(&s);
    reading_init(&r, s.runtime);
    int const failed = RUN_TESTS(tests);
    reading_deinit(&r);
    return failed || !session_deinit(&s);
}
