/* Payloads: tokens, hostile token rows, JSON text that is none, budgets, both forms (S2.6, S2.7).
 */
#include "check.h"
#include "session.h"

#include <stdlib.h>

/* What the host appends when it is asked to encode its one object. */
typedef void walker(scopeflow_tape *tape);
static walker *current_walker;

static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    (void)ref;
    current_walker(tape);
}

typedef struct options {
    bool canonical;
    uint32_t budget_bytes;
} options;

static options const canonical = {true, 1 << 20};
static options const enumerated = {false, 1 << 20};
static options const small_enumerated = {false, 64};

/* The data of a mark whose payload the walker writes; static, until the next call. */
static const char *written(walker *walk, options how) {
    static char text[1 << 16];
    session s;
    scopeflow_runtime_new_options wanted = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_scope_event_options mark = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_bytes data;
    memset(&s, 0, sizeof s);
    host_init(&s.host);
    s.host.table.encode = encode;
    s.host.table.release = NULL;
    wanted.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC;
    if (how.canonical) wanted.flags |= SCOPEFLOW_RUNTIME_FLAG_CANONICAL;
    wanted.payload_budget_bytes = how.budget_bytes;
    CHECK(scopeflow_runtime_new(&s.host.table, &wanted, &s.runtime, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_register_subscriber(s.runtime, session_text("log"), 1, 0, NULL) ==
          SCOPEFLOW_STATUS_OK);
    current_walker = walk;
    mark.name = session_text("m");
    mark.data = 1;
    CHECK(scopeflow_scope_event(s.runtime, &mark, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    CHECK(scopeflow_event_json(step.event, SCOPEFLOW_EVENT_PART_DATA, &data, NULL) ==
          SCOPEFLOW_STATUS_OK);
    if (data.len >= sizeof text) abort();
    memcpy(text, data.ptr, data.len);
    text[data.len] = '\0';
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(session_deinit(&s));
    return text;
}

static void expect(walker *walk, options how, const char *expected) {
    const char *const text = written(walk, how);
    if (strcmp(text, expected) == 0) return;
    fprintf(stderr, "expected %s\nbut was  %s\n", expected, text);
    check_failure_count++;
}

static void put(scopeflow_tape *tape, scopeflow_token token) {
    scopeflow_tape_put_mark(tape, token);
}
static void put_string(scopeflow_tape *tape, const char *text) {
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, session_text(text));
}

/* --- Single tokens --- */

static void walk_every_token(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_ARRAY);
    scopeflow_tape_put_null(tape);
    scopeflow_tape_put_bool(tape, 0);
    scopeflow_tape_put_bool(tape, 2);
    scopeflow_tape_put_int(tape, -7);
    scopeflow_tape_put_uint(tape, 7);
    scopeflow_tape_put_double(tape, 0.1);
    put_string(tape, "t");
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_BYTES, session_text("a"));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_BYTES, session_text("ab"));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_BYTES, session_text("abc"));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_UNSERIALIZABLE, session_text("T\"x"));
    scopeflow_tape_put_cycle(tape, 1);
    put(tape, SCOPEFLOW_TOKEN_TOO_DEEP);
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put(tape, SCOPEFLOW_TOKEN_END);
    put(tape, SCOPEFLOW_TOKEN_SET);
    put(tape, SCOPEFLOW_TOKEN_END);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void every_token_has_its_text(void) {
    static const char expected[] =
        "[null,false,true,-7,7,0.1,\"t\",{\"$bytes\":\"YQ==\"},{\"$bytes\":\"YWI=\"},"
        "{\"$bytes\":\"YWJj\"},{\"$unserializable\":\"T\\\"x\"},{\"$cycle\":1},{\"$depth\":128},"
        "{},[]]";
    expect(walk_every_token, canonical, expected);
    expect(walk_every_token, enumerated, expected);
}

/* --- Order --- */

static void walk_object(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "b");
    scopeflow_tape_put_int(tape, 1);
    put_string(tape, "a");
    scopeflow_tape_put_int(tape, 2);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void walk_doubled_key(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "a");
    scopeflow_tape_put_int(tape, 1);
    put_string(tape, "a");
    scopeflow_tape_put_int(tape, 2);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void walk_set(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_SET);
    walk_object(tape);
    scopeflow_tape_put_int(tape, 2);
    scopeflow_tape_put_int(tape, 10);
    put_string(tape, "z");
    put(tape, SCOPEFLOW_TOKEN_END);
}

/* S2.7: keys stand in the host's order, except in canonical form; a set is always sorted. */
static void order_is_the_hosts_or_canonical(void) {
    expect(walk_object, enumerated, "{\"b\":1,\"a\":2}");
    expect(walk_object, canonical, "{\"a\":2,\"b\":1}");
    expect(walk_doubled_key, canonical, "{\"a\":2}");
    expect(walk_set, enumerated, "[\"z\",10,2,{\"b\":1,\"a\":2}]");
    expect(walk_set, canonical, "[\"z\",10,2,{\"a\":2,\"b\":1}]");
}

/* --- Walkers that are wrong --- */

static void walk_nothing(scopeflow_tape *tape) {
    (void)tape;
}
static void walk_two_values(scopeflow_tape *tape) {
    scopeflow_tape_put_null(tape);
    scopeflow_tape_put_int(tape, 1);
}
static void walk_open_array(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_ARRAY);
}
static void walk_end_alone(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_END);
}
static void walk_key_alone(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "k");
    put(tape, SCOPEFLOW_TOKEN_END);
}
static void walk_key_no_text(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow_tape_put_int(tape, 1);
    scopeflow_tape_put_int(tape, 1);
    put(tape, SCOPEFLOW_TOKEN_END);
}
static void walk_no_such_mark(scopeflow_tape *tape) {
    put(tape, 99);
}

static void a_walker_that_is_wrong_writes_null(void) {
    expect(walk_nothing, canonical, "null");
    expect(walk_two_values, canonical, "null");
    expect(walk_open_array, canonical, "null");
    expect(walk_end_alone, canonical, "null");
    expect(walk_key_alone, canonical, "null");
    expect(walk_key_no_text, canonical, "null");
    expect(walk_no_such_mark, canonical, "null");
}

/* --- Rows of tokens made elsewhere --- */

typedef struct row {
    const char *bytes;
    size_t len;
    const char *expected;
} row;

#define ROW(literal, expected)                                                                     \
    { literal, sizeof(literal) - 1, expected }

static const row *current_row;

static void walk_row(scopeflow_tape *tape) {
    scopeflow_bytes tokens;
    tokens.ptr = current_row->bytes;
    tokens.len = current_row->len;
    scopeflow_tape_put_tokens(tape, tokens);
}

static void rows_of_tokens_are_checked(void) {
    static const row rows[] = {
        ROW("\x02", "true"),
        ROW("\x03\xff\xff\xff\xff\xff\xff\xff\xff", "-1"),
        ROW("\x06\x02\x00\x00\x00hi", "\"hi\""),
        ROW("\x0d\x00\x0d\x0f\x0f", "[null,[]]"),
        ROW("\x0c\x06\x01\x00\x00\x00k\x00\x0f", "{\"k\":null}"),
        ROW("", "null"),
        ROW("\x10", "null"),                              /* No such token. */
        ROW("\xff", "null"),                              /* No such token. */
        ROW("\x03\x01\x02", "null"),                      /* An integer cut short. */
        ROW("\x06\x05\x00\x00\x00hi", "null"),            /* A text cut short. */
        ROW("\x06\xff\xff\xff\xffhi", "null"),            /* A length beyond all memory. */
        ROW("\x06\x02\x00", "null"),                      /* A length cut short. */
        ROW("\x0d", "null"),                              /* An array without an end. */
        ROW("\x0f", "null"),                              /* An end without a container. */
        ROW("\x00\x00", "null"),                          /* Two values. */
        ROW("\x0d\x0f\x0f", "null"),                      /* One end too many. */
        ROW("\x0c\x00\x00\x0f", "null"),                  /* A key that is no text. */
        ROW("\x0c\x06\x01\x00\x00\x00k\x0f", "null"),     /* A key without a value. */
        ROW("\x0c\x07\x01\x00\x00\x00k\x00\x0f", "null"), /* A key of bytes. */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        current_row = &rows[i];
        expect(walk_row, canonical, rows[i].expected);
    }
}

/* 129 containers in a row of tokens: a host that does not count its levels is refused. */
static void walk_deep_row(scopeflow_tape *tape) {
    char tokens[2 * 129];
    scopeflow_bytes bytes;
    memset(tokens, SCOPEFLOW_TOKEN_ARRAY, 129);
    memset(tokens + 129, SCOPEFLOW_TOKEN_END, 129);
    bytes.ptr = tokens;
    bytes.len = sizeof tokens;
    scopeflow_tape_put_tokens(tape, bytes);
}

static void a_row_that_is_too_deep_writes_null(void) {
    expect(walk_deep_row, canonical, "null");
}

/* --- JSON text --- */

static const char *current_text;

static void walk_text(scopeflow_tape *tape) {
    scopeflow_tape_put_json(tape, session_text(current_text));
}

/* clang-format off */
static const char *const valid[] = {
    "null", " [ ] ", "{}", "{\"a\":{\"b\":[]}}", "-0", "0", "0.5", "1e5", "1E+5", "1e-5", "-1",
    "\"\\u0000\"", "\"\\ud834\\udd1e\"", "\"\\/\"", "[1,2]", "\t\r\n 1 \n", "\"\x7f\"",
    "[[[[]]]]", "\"\xF0\x9F\x98\x80\"", "1.0000000000000000000000000000001",
    "123456789012345678901234567890",
};

static const char *const invalid[] = {
    "", " ", "nul", "nulll", "tru", "True", "NaN", "Infinity", "+1", "01", "-", "-01", ".5", "1.",
    "1.e5", "1e", "1e+", "0x1", "[1,]", "[,1]", "[1 2]", "[", "]", "[1", "{", "}", "{\"a\"}",
    "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{1:1}", "\"", "\"a", "'a'", "\"\t\"",
    "\"\n\"", "\"\x1f\"", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\", "1 2", "[] []", "{}x",
    "/**/1", "1//", "\xEF\xBB\xBF\x31", "[1}", "{\"a\":1]", "\"\\a\"", "--1", "1-", "1.2.3",
};
/* clang-format on */

static void json_text_is_read_strictly(void) {
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        current_text = valid[i];
        const char *const text = written(walk_text, canonical);
        bool const was_string = valid[i][0] == '"';
        if ((text[0] == '"') == was_string) continue;
        fprintf(stderr, "valid, but refused: %s\n", valid[i]);
        check_failure_count++;
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        current_text = invalid[i];
        const char *const text = written(walk_text, canonical);
        /* It is kept as a text, so a quote at its begin is doubled by an escape. */
        bool const is_text = text[0] == '"' && (invalid[i][0] != '"' || text[1] == '\\');
        if (is_text) continue;
        fprintf(stderr, "invalid, but read: %s -> %s\n", invalid[i], text);
        check_failure_count++;
    }
}

static void json_values_are_kept(void) {
    current_text =
        "{\"b\":[1,2.50,-0.0,\"\\u00e9\\ud83d\\ude00\\ud800\"],\"a\":18446744073709551615}";
    expect(walk_text, enumerated,
           "{\"b\":[1,2.5,0,\"\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBD\"],\"a\":18446744073709551615}");
    current_text = "-9223372036854775808";
    expect(walk_text, canonical, "-9223372036854775808");
    current_text = "18446744073709551616";
    expect(walk_text, canonical, "{\"$integer\":\"18446744073709551616\"}");
    current_text = "-9223372036854775809";
    expect(walk_text, canonical, "{\"$integer\":\"-9223372036854775809\"}");
}

/* Ill-formed UTF-8: each maximal ill-formed part becomes one U+FFFD (Unicode, 3.9). */
static void walk_bad_utf8(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_ARRAY);
    put_string(tape, "a\xff"
                     "b");
    put_string(tape, "\xC3");
    put_string(tape, "\xE2\x82");
    put_string(tape, "\xF0\x9F\x98x");
    put_string(tape, "\xC0\x80");
    put_string(tape, "\x80\x80");
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void ill_formed_texts_are_replaced(void) {
#define R "\xEF\xBF\xBD"
    expect(walk_bad_utf8, canonical,
           "[\"a" R "b\",\"" R "\",\"" R "\",\"" R "x\",\"" R R "\",\"" R R "\"]");
#undef R
}

/* --- Budget --- */

static uint32_t was_full_before;
static uint32_t was_full_after;
static size_t full_at;

static void walk_until_full(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_ARRAY);
    was_full_before = scopeflow_tape_is_full(tape);
    for (int i = 0; i < 2000; i++) put_string(tape, "text");
    was_full_after = scopeflow_tape_is_full(tape);
    full_at = scopeflow_tape_full_at(tape);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void a_host_can_stop_walking(void) {
    expect(walk_until_full, small_enumerated,
           "[\"text\",\"text\",\"text\",\"text\",\"text\",\"text\",\"text\",\"text\",\"text\","
           "{\"$truncated\":64}]");
    CHECK(was_full_before == 0);
    CHECK(was_full_after == 1);
    CHECK(full_at == 64);
}

static void walk_wide_object(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "z");
    put_string(tape, "0123456789012345678901234567890123456789");
    put_string(tape, "y");
    scopeflow_tape_put_int(tape, 1);
    put_string(tape, "x");
    put(tape, SCOPEFLOW_TOKEN_ARRAY);
    put_string(tape, "0123456789");
    put(tape, SCOPEFLOW_TOKEN_END);
    put(tape, SCOPEFLOW_TOKEN_END);
}

/* Depth first in the order being written: what is cut depends on the form. */
static void the_budget_follows_the_order_being_written(void) {
    options const small_canonical = {true, 64};
    expect(walk_wide_object, small_enumerated,
           "{\"z\":\"0123456789012345678901234567890123456789\",\"y\":1,\"x\":[\"012\","
           "{\"$truncated\":64}]}");
    expect(walk_wide_object, small_canonical,
           "{\"x\":[\"0123456789\"],\"y\":1,\"z\":\"012345678901234567890123456789012\","
           "\"$truncated\":64}");
}

int main(void) {
    static const test tests[] = {
        {"every token has its text", every_token_has_its_text},
        {"order is the host's or canonical", order_is_the_hosts_or_canonical},
        {"a walker that is wrong writes null", a_walker_that_is_wrong_writes_null},
        {"rows of tokens are checked", rows_of_tokens_are_checked},
        {"a row that is too deep writes null", a_row_that_is_too_deep_writes_null},
        {"JSON text is read strictly", json_text_is_read_strictly},
        {"JSON values are kept", json_values_are_kept},
        {"ill-formed texts are replaced", ill_formed_texts_are_replaced},
        {"a host can stop walking", a_host_can_stop_walking},
        {"the budget follows the order being written", the_budget_follows_the_order_being_written},
    };
    return RUN_TESTS(tests);
}
