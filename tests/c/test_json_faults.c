/* What is wrong with a text that is no JSON, and at which byte; and the limits of one that is. */
#include "json/parse.h"
#include "json/scan.h"

#include "check.h"

#include <stdlib.h>

typedef struct row {
    const char *text;
    size_t at;
    const char *problem;
} row;

/* clang-format off */
static const row rows[] = {
    {"", 0, "the text ends too early"},
    {" \n", 2, "the text ends too early"},
    {"nul", 3, "the text ends too early"},
    {"nulL", 3, "no value is written so"},
    {"True", 0, "a value must stand here"},
    {"\xEF\xBB\xBF" "1", 0, "a value must stand here"},
    {"01", 1, "nothing may follow the value"},
    {"-", 1, "the text ends too early"},
    {"-x", 1, "a digit must stand here"},
    {"[1.]", 3, "a digit must stand here"},
    {"[1e+]", 4, "a digit must stand here"},
    {"[1 2]", 3, "a comma or the end of the container must stand here"},
    {"[1,]", 3, "a value must stand here"},
    {"[1}", 2, "a comma or the end of the container must stand here"},
    {"{\"a\"}", 4, "a colon must follow the key"},
    {"{\"a\":1,}", 7, "a key must stand here"},
    {"{1:1}", 1, "a key must stand here"},
    {"\"abc", 4, "the text ends too early"},
    {"\"a\nb\"", 2, "a control character stands in a string"},
    {"\"a\\xb\"", 3, "there is no such escape"},
    {"\"\\u12G4\"", 5, "an escape needs four hexadecimal digits"},
    {"\"a long text that fills more than one block \xC3\"", 44, "a string is no UTF-8"},
    {"\"\xE2\x82\xAC and \xED\xA0\x80\"", 9, "a string is no UTF-8"},
    {"[] []", 3, "nothing may follow the value"},
};
/* clang-format on */

static scopeflow__memory memory;

static bool is_read(scopeflow_bytes text) {
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    bool const result = scopeflow__json_parse(&tape, text);
    scopeflow__tape_deinit(&tape);
    return result;
}

static void faults_are_told(void) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scopeflow_bytes const text = scopeflow__c_text(rows[i].text);
        scopeflow__json_fault fault = {SCOPEFLOW_STATUS_OK, 0, ""};
        CHECK(!is_read(text) && scopeflow__json_find_fault(text, &fault));
        bool const is_utf8 = strcmp(rows[i].problem, "a string is no UTF-8") != 0;
        CHECK(fault.status ==
              (is_utf8 ? SCOPEFLOW_STATUS_INVALID_JSON : SCOPEFLOW_STATUS_INVALID_UTF8));
        if (fault.at == rows[i].at && strcmp(fault.problem, rows[i].problem) == 0) continue;
        fprintf(stderr, "%s: at %zu: %s\n", rows[i].text, fault.at, fault.problem);
        check_failure_count++;
    }
}

/* Arrays inside arrays, closed again. */
static char *nested(size_t depth) {
    char *const text = (char *)malloc(2 * depth);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

static void depth_has_a_limit(void) {
    size_t const limit = SCOPEFLOW_JSON_DEPTH_LIMIT;
    scopeflow__json_fault fault;
    char *text = nested(limit);
    CHECK(is_read(scopeflow__text(text, 2 * limit)));
    CHECK(!scopeflow__json_find_fault(scopeflow__text(text, 2 * limit), &fault));
    free(text);
    text = nested(limit + 1);
    CHECK(!is_read(scopeflow__text(text, 2 * limit + 2)));
    CHECK(scopeflow__json_find_fault(scopeflow__text(text, 2 * limit + 2), &fault));
    CHECK(fault.status == SCOPEFLOW_STATUS_LIMIT_EXCEEDED && fault.at == limit);
    CHECK(strcmp(fault.problem, "containers are nested deeper than json_depth_limit") == 0);
    free(text);
}

/* Nothing of a text that is too long is looked at, so that it need not be there. */
static void size_has_a_limit(void) {
    size_t const limit = SCOPEFLOW_JSON_SIZE_LIMIT_BYTES;
    if (limit == SIZE_MAX) return;
    scopeflow_bytes const text = scopeflow__text("1", limit + 1);
    scopeflow__json_fault fault;
    CHECK(!is_read(text) && scopeflow__json_find_fault(text, &fault));
    CHECK(fault.status == SCOPEFLOW_STATUS_LIMIT_EXCEEDED && fault.at == limit);
}

/* A text that is refused half-way leaves the row as it was. */
static void a_refused_text_leaves_nothing(void) {
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    scopeflow_tape_put_mark(&tape, SCOPEFLOW_TOKEN_ARRAY);
    size_t const before = tape.bytes.len;
    CHECK(!scopeflow__json_parse(&tape, SCOPEFLOW__TEXT("[{\"a\":[1,\"b\",")));
    CHECK(tape.bytes.len == before && tape.depth == 1 && tape.least_output == 1);
    scopeflow__tape_deinit(&tape);
}

int main(void) {
    static const test tests[] = {
        {"faults_are_told", faults_are_told},
        {"depth_has_a_limit", depth_has_a_limit},
        {"size_has_a_limit", size_has_a_limit},
        {"a_refused_text_leaves_nothing", a_refused_text_leaves_nothing},
    };
    memory = scopeflow__memory_default();
    return RUN_TESTS(tests);
}
