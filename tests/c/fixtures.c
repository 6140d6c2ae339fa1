#include "fixtures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    const char *name;
    void (*encode)(scopeflow_tape *tape);
} fixture;

static void put(scopeflow_tape *tape, scopeflow_token token) {
    scopeflow_tape_put_mark(tape, token);
}

static void put_text(scopeflow_tape *tape, scopeflow_token token, const char *text, size_t len) {
    scopeflow_bytes bytes;
    bytes.ptr = text;
    bytes.len = len;
    scopeflow_tape_put_text(tape, token, bytes);
}

static void put_string(scopeflow_tape *tape, const char *text) {
    put_text(tape, SCOPEFLOW_TOKEN_STRING, text, strlen(text));
}

static void encode_cycle(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "child");
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "list");
    put(tape, SCOPEFLOW_TOKEN_ARRAY);
    scopeflow_tape_put_cycle(tape, 3);
    scopeflow_tape_put_cycle(tape, 2);
    put(tape, SCOPEFLOW_TOKEN_END);
    put(tape, SCOPEFLOW_TOKEN_END);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_shared(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    for (int i = 0; i < 2; i++) {
        put_string(tape, i == 0 ? "a" : "b");
        put(tape, SCOPEFLOW_TOKEN_ARRAY);
        scopeflow_tape_put_int(tape, 1);
        put(tape, SCOPEFLOW_TOKEN_END);
    }
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_integers(scopeflow_tape *tape) {
    static const char over[] = "18446744073709551616";
    static const char under[] = "-9223372036854775809";
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "max");
    scopeflow_tape_put_uint(tape, UINT64_MAX);
    put_string(tape, "min");
    scopeflow_tape_put_int(tape, INT64_MIN);
    put_string(tape, "over");
    put_text(tape, SCOPEFLOW_TOKEN_BIG_INTEGER, over, sizeof over - 1);
    put_string(tape, "under");
    put_text(tape, SCOPEFLOW_TOKEN_BIG_INTEGER, under, sizeof under - 1);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_not_finite(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "nan");
    scopeflow_tape_put_double(tape, (double)NAN);
    put_string(tape, "plus");
    scopeflow_tape_put_double(tape, (double)INFINITY);
    put_string(tape, "minus");
    scopeflow_tape_put_double(tape, -(double)INFINITY);
    put_string(tape, "zero");
    scopeflow_tape_put_double(tape, -0.0);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_bytes(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "empty");
    put_text(tape, SCOPEFLOW_TOKEN_BYTES, "", 0);
    put_string(tape, "some");
    put_text(tape, SCOPEFLOW_TOKEN_BYTES, "\x00\x01\x02\xfe\xff", 5);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_set(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_SET);
    scopeflow_tape_put_int(tape, 10);
    put_string(tape, "b");
    scopeflow_tape_put_int(tape, 2);
    put_string(tape, "a");
    scopeflow_tape_put_int(tape, 1);
    put(tape, SCOPEFLOW_TOKEN_END);
}

/* A host says `too_deep` itself where it stops; here the core is left to find out. */
static void encode_too_deep(scopeflow_tape *tape) {
    for (int i = 0; i < 130; i++) put(tape, SCOPEFLOW_TOKEN_ARRAY);
    for (int i = 0; i < 130; i++) put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_foreign(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "value");
    put_text(tape, SCOPEFLOW_TOKEN_UNSERIALIZABLE, "Foreign", 7);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_opaque(scopeflow_tape *tape) {
    put_text(tape, SCOPEFLOW_TOKEN_UNSERIALIZABLE, "Foreign", 7);
}

static void encode_surrogate(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "text");
    put_text(tape, SCOPEFLOW_TOKEN_STRING,
             "a\xff"
             "b",
             3);
    put(tape, SCOPEFLOW_TOKEN_END);
}

static void encode_integer_key(scopeflow_tape *tape) {
    put(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_string(tape, "7");
    put_string(tape, "seven");
    put(tape, SCOPEFLOW_TOKEN_END);
}

void fixture_encode(const char *name, scopeflow_tape *tape) {
    static const fixture fixtures[] = {
        {"cycle", encode_cycle},         {"shared", encode_shared},
        {"integers", encode_integers},   {"not_finite", encode_not_finite},
        {"bytes", encode_bytes},         {"set", encode_set},
        {"too_deep", encode_too_deep},   {"foreign", encode_foreign},
        {"surrogate", encode_surrogate}, {"integer_key", encode_integer_key},
        {"opaque", encode_opaque},
    };
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++)
        if (strcmp(fixtures[i].name, name) == 0) {
            fixtures[i].encode(tape);
            return;
        }
    fprintf(stderr, "there is no fixture '%s'\n", name);
    abort();
}
