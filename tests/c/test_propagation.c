/* The portable form of a context (S1.10), from the inside: no operation makes one by itself. */
#include "scope/propagation.h"

#include "check.h"
#include "host.h"

#define ROOT "01900000-0000-7000-8000-0000000000ab"
#define PARENT "01900000-0000-7000-8123-456789abcdef"
#define CONTEXT "{\"version\":1,\"root_uuid\":\"" ROOT "\",\"parent_uuid\":\"" PARENT "\"}"
#define TRACE                                                                                      \
    "0190000000007000"                                                                             \
    "80000000000000ab"
#define SPAN "8123456789abcdef"
#define TRACEPARENT "00-" TRACE "-" SPAN "-01"

static const scopeflow__propagation context = {
    {{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xAB}},
    {{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x81, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF}},
};
static const scopeflow__propagation nothing = {{{0}}, {{0}}};
static host h;
static scopeflow_error error;

static scopeflow__memory memory_of_host(void) {
    scopeflow__memory memory;
    memory.reallocate = h.table.reallocate;
    memory.context = h.table.context;
    return memory;
}

static bool is_same(const scopeflow__propagation *a, const scopeflow__propagation *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static void json_goes_there_and_back(void) {
    char out[SCOPEFLOW__PROPAGATION_JSON_BYTES];
    scopeflow__memory const memory = memory_of_host();
    scopeflow__propagation read = nothing;
    CHECK(sizeof out == strlen(CONTEXT));
    CHECK(scopeflow__propagation_write_json(&context, out, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(memcmp(out, CONTEXT, sizeof out) == 0);
    CHECK(scopeflow__propagation_read_json(&memory, scopeflow__text(out, sizeof out), &read,
                                           NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(is_same(&read, &context));
    CHECK(h.block_count == 0);
}

static void traceparent_goes_there_and_back(void) {
    char out[SCOPEFLOW__TRACEPARENT_BYTES];
    scopeflow__propagation read = nothing;
    scopeflow__propagation expected = context;
    memset(expected.parent_uuid.bytes, 0, 8);
    CHECK(scopeflow__propagation_write_traceparent(&context, out, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(sizeof out == strlen(TRACEPARENT) && memcmp(out, TRACEPARENT, sizeof out) == 0);
    CHECK(scopeflow__propagation_read_traceparent(scopeflow__text(out, sizeof out), &read, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(is_same(&read, &expected));
}

static void ids_of_zeros_are_not_written(void) {
    char written[SCOPEFLOW__PROPAGATION_JSON_BYTES] = "kept";
    char text[SCOPEFLOW__TRACEPARENT_BYTES] = "kept";
    scopeflow__propagation part = context;
    memset(&part.root_uuid, 0, sizeof part.root_uuid);
    CHECK(scopeflow__propagation_write_json(&part, written, &error) != 0);
    CHECK(strstr(error.message, "root_uuid is all zeros") != NULL);
    CHECK(scopeflow__propagation_write_traceparent(&part, text, &error) != 0);
    CHECK(strstr(error.message, "root_uuid is all zeros") != NULL);
    part = context;
    memset(part.parent_uuid.bytes + 8, 0, 8);
    CHECK(scopeflow__propagation_write_traceparent(&part, text, &error) != 0);
    CHECK(strstr(error.message, "parent_uuid ends in 8 zero bytes") != NULL);
    memset(&part.parent_uuid, 0, sizeof part.parent_uuid);
    CHECK(scopeflow__propagation_write_json(&part, written, &error) != 0);
    CHECK(strstr(error.message, "parent_uuid is all zeros") != NULL);
    CHECK(strcmp(written, "kept") == 0 && strcmp(text, "kept") == 0);
}

/* --- What is read --- */

typedef struct row {
    const char *text;
    const char *message; /* Null for a text that is right. */
} row;

#define IDS "\"root_uuid\":\"" ROOT "\",\"parent_uuid\":\"" PARENT "\""
#define ZEROS "00000000-0000-0000-0000-000000000000"

static const row json_rows[] = {
    {CONTEXT, NULL},
    {" { \"new\" : [{}] , " IDS " , \"version\" : 1 } ", NULL},
    {"{\"versio\\u006e\":1," IDS "}", NULL},
    {"{\"version\":1,\"root_uuid\":\"01900000-0000-7000-8000-0000000000AB\",\"parent_uuid\":"
     "\"" PARENT "\"}",
     NULL},
    {"{\"version\":2,\"version\":1," IDS "}", NULL},
    {"", "invalid JSON: a propagated context goes wrong at offset 0: the text ends too early"},
    {"{\"version\":1,}",
     "invalid JSON: a propagated context goes wrong at offset 13: a key must stand here"},
    {CONTEXT "x",
     "invalid JSON: a propagated context goes wrong at offset 117: nothing may follow the value"},
    {"[1]", "invalid argument: a propagated context is no object"},
    {"\"" ROOT "\"", "invalid argument: a propagated context is no object"},
    {"{}", "invalid argument: version is missing"},
    {"{\"version\":2," IDS "}", "invalid argument: version is not 1, the only one that is known"},
    {"{\"version\":\"1\"," IDS "}", "invalid argument: version is not 1"},
    {"{\"version\":1.0," IDS "}", "invalid argument: version is not 1"},
    {"{\"version\":true," IDS "}", "invalid argument: version is not 1"},
    {"{\"version\":1}", "invalid argument: parent_uuid is missing"},
    {"{\"version\":1,\"root_uuid\":\"" ROOT "\"}", "invalid argument: parent_uuid is missing"},
    {"{\"version\":1,\"root_uuid\":1,\"parent_uuid\":\"" PARENT "\"}",
     "invalid argument: root_uuid is no uuid"},
    {"{\"version\":1,\"root_uuid\":\"" ROOT "\",\"parent_uuid\":\"0" PARENT "\"}",
     "invalid argument: parent_uuid is no uuid"},
    {"{\"version\":1,\"root_uuid\":\"" ZEROS "\",\"parent_uuid\":\"" PARENT "\"}",
     "invalid argument: root_uuid is all zeros"},
    {"{\"version\":1,\"root_uuid\":\"" ROOT "\",\"parent_uuid\":\"" ZEROS "\"}",
     "invalid argument: parent_uuid is all zeros"},
};

static const row traceparent_rows[] = {
    {TRACEPARENT, NULL},
    {"00-" TRACE "-" SPAN "-00", NULL},
    {"00-" TRACE "-" SPAN "-ff", NULL},
    {"cc-" TRACE "-" SPAN "-01", NULL},
    {"cc-" TRACE "-" SPAN "-01-what the future-brings", NULL},
    {"fe-" TRACE "-" SPAN "-01-", NULL},
    {"", "is shorter than 55 characters"},
    {"00-" TRACE "-" SPAN "-0", "is shorter than 55 characters"},
    {"ff-" TRACE "-" SPAN "-01", "has no version from 00 to fe"},
    {"0x-" TRACE "-" SPAN "-01", "has no version from 00 to fe"},
    {"CC-" TRACE "-" SPAN "-01", "has no version from 00 to fe"},
    {" 0-" TRACE "-" SPAN "-01", "has no version from 00 to fe"},
    {TRACEPARENT "-", "of version 00 is longer than 55 characters"},
    {TRACEPARENT "-more", "of version 00 is longer than 55 characters"},
    {TRACEPARENT " ", "of version 00 is longer than 55 characters"},
    {"cc-" TRACE "-" SPAN "-01.more", "goes on without a hyphen after 55 characters"},
    {"cc-" TRACE "-" SPAN "-010", "goes on without a hyphen after 55 characters"},
    {"00_" TRACE "-" SPAN "-01", "has no hyphens after 2, 35 and 52 characters"},
    {"00-" TRACE "_" SPAN "-01", "has no hyphens after 2, 35 and 52 characters"},
    {"00-" TRACE "-" SPAN "_01", "has no hyphens after 2, 35 and 52 characters"},
    {"00-00000000000000000000000000000000-" SPAN "-01", "has no trace id"},
    {"00-019000000000700080000000000000AB-" SPAN "-01", "has no trace id"},
    {"00-019000000000700080000000000000 b-" SPAN "-01", "has no trace id"},
    {"00-" TRACE "-0000000000000000-01", "has no span id"},
    {"00-" TRACE "-8123456789ABCDEF-01", "has no span id"},
    {"00-" TRACE "-812345678g9abcde-01", "has no span id"},
    {"00-" TRACE "-" SPAN "-0A", "has no flags of 2 digits in lower case"},
    {"00-" TRACE "-" SPAN "-.1", "has no flags of 2 digits in lower case"},
};

static bool says(const row *expected, scopeflow_status status, const scopeflow__propagation *read) {
    bool const is_right = expected->message == NULL;
    bool const as_expected =
        is_right ? status == SCOPEFLOW_STATUS_OK
                 : status == error.status && strstr(error.message, expected->message) != NULL;
    if (!as_expected) fprintf(stderr, "%s: %d %s\n", expected->text, (int)status, error.message);
    return as_expected && is_same(read, &nothing) != is_right;
}

static void json_in_every_form(void) {
    scopeflow__memory const memory = memory_of_host();
    for (size_t i = 0; i < sizeof json_rows / sizeof json_rows[0]; i++) {
        scopeflow__propagation read = nothing;
        scopeflow_bytes const text = scopeflow__c_text(json_rows[i].text);
        error.status = 0;
        CHECK(says(&json_rows[i], scopeflow__propagation_read_json(&memory, text, &read, &error),
                   &read));
        if (json_rows[i].message == NULL) CHECK(is_same(&read, &context));
    }
    CHECK(h.block_count == 0);
}

/* As NeMo Relay writes it: the trace begins with the parent. */
static void json_without_a_root(void) {
    static const char *const texts[] = {
        "{\"version\":1,\"parent_uuid\":\"" PARENT "\"}",
        "{\"version\":1,\"root_uuid\":null,\"parent_uuid\":\"" PARENT "\"}",
    };
    scopeflow__memory const memory = memory_of_host();
    scopeflow__propagation expected = context;
    expected.root_uuid = context.parent_uuid;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        scopeflow__propagation read = nothing;
        scopeflow_bytes const text = scopeflow__c_text(texts[i]);
        CHECK(scopeflow__propagation_read_json(&memory, text, &read, &error) == 0);
        CHECK(is_same(&read, &expected));
    }
}

static void traceparents_in_every_form(void) {
    for (size_t i = 0; i < sizeof traceparent_rows / sizeof traceparent_rows[0]; i++) {
        scopeflow__propagation read = nothing;
        scopeflow_bytes const text = scopeflow__c_text(traceparent_rows[i].text);
        error.status = 0;
        CHECK(says(&traceparent_rows[i],
                   scopeflow__propagation_read_traceparent(text, &read, &error), &read));
    }
}

/* Any byte of a right text changed to any other: read or refused, but never read beyond. */
static void every_byte_may_be_wrong(void) {
    scopeflow__memory const memory = memory_of_host();
    for (size_t at = 0; at < sizeof CONTEXT - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof CONTEXT - 1];
            scopeflow__propagation read = nothing;
            memcpy(text, CONTEXT, sizeof text);
            text[at] = (char)byte;
            scopeflow_status const status = scopeflow__propagation_read_json(
                &memory, scopeflow__text(text, sizeof text), &read, &error);
            CHECK((status == SCOPEFLOW_STATUS_OK) != is_same(&read, &nothing));
        }
    }
    CHECK(h.block_count == 0);
}

/* S7.4 */
static void long_texts_are_refused(void) {
    static char text[SCOPEFLOW__PROPAGATION_LIMIT_BYTES + 1];
    scopeflow__memory const memory = memory_of_host();
    scopeflow__propagation read = nothing;
    memset(text, ' ', sizeof text);
    memcpy(text, CONTEXT, sizeof CONTEXT - 1);
    size_t const allocations = h.allocation_count;
    CHECK(scopeflow__propagation_read_json(&memory, scopeflow__text(text, sizeof text), &read,
                                           &error) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(strstr(error.message, "longer than 4096 bytes") != NULL);
    CHECK(h.allocation_count == allocations && is_same(&read, &nothing));
    CHECK(scopeflow__propagation_read_json(&memory, scopeflow__text(text, sizeof text - 1), &read,
                                           &error) == SCOPEFLOW_STATUS_OK);
    memcpy(text, "cc-" TRACE "-" SPAN "-01-", 56);
    CHECK(scopeflow__propagation_read_traceparent(scopeflow__text(text, sizeof text), &read,
                                                  &error) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(scopeflow__propagation_read_traceparent(scopeflow__text(text, sizeof text - 1), &read,
                                                  &error) == SCOPEFLOW_STATUS_OK);
}

static void every_allocation_fails_in_turn(void) {
    scopeflow__memory const memory = memory_of_host();
    size_t failures = 0;
    for (size_t nth = 1; nth < 100; nth++) {
        scopeflow__propagation read = nothing;
        h.failing_allocation = h.allocation_count + nth;
        scopeflow_status const status =
            scopeflow__propagation_read_json(&memory, scopeflow__c_text(CONTEXT), &read, NULL);
        CHECK(h.block_count == 0);
        if (status == SCOPEFLOW_STATUS_OK) break;
        CHECK(status == SCOPEFLOW_STATUS_NO_MEMORY && is_same(&read, &nothing));
        failures++;
    }
    h.failing_allocation = 0;
    CHECK(failures > 0);
}

int main(void) {
    static const test tests[] = {
        {"JSON goes there and back", json_goes_there_and_back},
        {"traceparent goes there and back", traceparent_goes_there_and_back},
        {"ids of zeros are not written", ids_of_zeros_are_not_written},
        {"JSON in every form", json_in_every_form},
        {"JSON without a root", json_without_a_root},
        {"traceparents in every form", traceparents_in_every_form},
        {"every byte may be wrong", every_byte_may_be_wrong},
        {"long texts are refused", long_texts_are_refused},
        {"every allocation fails in turn", every_allocation_fails_in_turn},
    };
    host_init(&h);
    return RUN_TESTS(tests);
}
