/* JSON written while tokens come is what is written of the row of tokens, at every budget, and
 * whatever a host does wrong. */
#include "json/direct.h"
#include "json/sets.h"

#include "check.h"

#include <stdlib.h>

enum { MOST_BUDGET_BYTES = 2500, TOO_DEEP = SCOPEFLOW_PAYLOAD_DEPTH_LIMIT + 3 };

/* --- What a host may put --- */

static void put_text(scopeflow_tape *tape, const char *text) {
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, scopeflow__c_text(text));
}

static void begin(scopeflow_tape *tape, scopeflow_token container) {
    scopeflow_tape_put_mark(tape, container);
}

static void end(scopeflow_tape *tape) {
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

static void put_scalars(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_ARRAY);
    scopeflow_tape_put_null(tape);
    scopeflow_tape_put_bool(tape, 1);
    scopeflow_tape_put_int(tape, -7);
    scopeflow_tape_put_uint(tape, UINT64_MAX);
    scopeflow_tape_put_double(tape, 0.5);
    put_text(tape, "a\"b\n");
    put_text(tape, "");
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_BYTES, scopeflow__text("\0\1\2", 3));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_BIG_INTEGER, scopeflow__c_text("123"));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_UNSERIALIZABLE, scopeflow__c_text("Socket"));
    scopeflow_tape_put_cycle(tape, 1);
    end(tape);
}

static void put_object(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_text(tape, "role");
    put_text(tape, "user");
    put_text(tape, "tags");
    begin(tape, SCOPEFLOW_TOKEN_ARRAY);
    put_text(tape, "deploys \xC3\xA9");
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    end(tape);
    end(tape);
    put_text(tape, "a \"key\"");
    scopeflow_tape_put_json(tape, scopeflow__c_text("{\"x\": [1, {\"y\": null}], \"z\": \"t\"}"));
    put_text(tape, "no json");
    scopeflow_tape_put_json(tape, scopeflow__c_text("{\"x\": "));
    end(tape);
}

static void put_member(scopeflow_tape *tape, const char *key, const char *text) {
    scopeflow_tape_put_member(tape, scopeflow__c_text(key), scopeflow__c_text(text));
}

static void put_members(scopeflow_tape *tape) {
    static char longer[700];
    memset(longer, 'x', sizeof longer - 1);
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_member(tape, "role", "user");
    put_member(tape, "", "");
    put_member(tape, "k", "a text of more bytes than a block has");
    put_member(tape, "a key of more bytes than a block has", "v");
    put_member(tape, "a \"key\"", "plain");
    put_member(tape, "plain", "a\nb");
    put_member(tape, "a key of more bytes than a block, and \t", "a text of as many bytes \x01");
    put_member(tape, "beyond ASCII", "\xC3\xA9 and \xFF");
    put_text(tape, "inside");
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_member(tape, "name", "query");
    end(tape);
    put_text(tape, "elements");
    begin(tape, SCOPEFLOW_TOKEN_ARRAY);
    put_member(tape, "two", "strings");
    end(tape);
    put_text(tape, "set");
    begin(tape, SCOPEFLOW_TOKEN_SET);
    put_member(tape, "b", "a");
    end(tape);
    put_member(tape, "long", longer);
    put_member(tape, longer, "long");
    end(tape);
}

static void put_sets(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_ARRAY);
    begin(tape, SCOPEFLOW_TOKEN_SET);
    put_text(tape, "b");
    begin(tape, SCOPEFLOW_TOKEN_SET);
    scopeflow_tape_put_int(tape, 2);
    scopeflow_tape_put_int(tape, 1);
    end(tape);
    put_text(tape, "a");
    end(tape);
    begin(tape, SCOPEFLOW_TOKEN_SET);
    end(tape);
    put_text(tape, "behind");
    end(tape);
}

static void put_deep(scopeflow_tape *tape) {
    for (int i = 0; i < TOO_DEEP; i++) begin(tape, SCOPEFLOW_TOKEN_ARRAY);
    put_text(tape, "never seen");
    for (int i = 0; i < TOO_DEEP; i++) end(tape);
}

static void put_deep_sets(scopeflow_tape *tape) {
    for (int i = 0; i < TOO_DEEP; i++) {
        begin(tape, i % 2 == 0 ? SCOPEFLOW_TOKEN_ARRAY : SCOPEFLOW_TOKEN_SET);
        scopeflow_tape_put_int(tape, i);
    }
    for (int i = 0; i < TOO_DEEP; i++) end(tape);
}

static void put_row(scopeflow_tape *tape) {
    static const char row[] = {SCOPEFLOW_TOKEN_ARRAY, SCOPEFLOW_TOKEN_TRUE, SCOPEFLOW_TOKEN_END};
    scopeflow_tape_put_tokens(tape, scopeflow__text(row, sizeof row));
}

static void put_one_string(scopeflow_tape *tape) {
    put_text(tape, "a text that stands alone, and is longer than what is written in one go: \x01");
}

static void put_one_null(scopeflow_tape *tape) {
    scopeflow_tape_put_null(tape);
}

/* --- What it may not --- */

static void put_nothing(scopeflow_tape *tape) {
    (void)tape;
}

static void put_two_values(scopeflow_tape *tape) {
    put_text(tape, "one");
    put_text(tape, "two");
}

static void leave_open(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_ARRAY);
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    end(tape);
}

static void leave_a_set_open(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_SET);
    put_text(tape, "a");
}

static void end_too_often(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_ARRAY);
    end(tape);
    end(tape);
}

static void end_behind_a_key(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_text(tape, "key");
    end(tape);
}

/* Its own key is the text of the one before, its text the next key. */
static void put_a_member_behind_a_key(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_text(tape, "key");
    put_member(tape, "text", "key without a text");
    end(tape);
}

static void put_a_member_alone(scopeflow_tape *tape) {
    put_member(tape, "one", "two");
}

static void put_a_number_as_key(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow_tape_put_int(tape, 1);
    scopeflow_tape_put_int(tape, 1);
    end(tape);
}

static void put_an_ill_formed_set(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_SET);
    put_a_number_as_key(tape);
    end(tape);
}

static void put_no_token(scopeflow_tape *tape) {
    scopeflow_tape_put_mark(tape, 99);
}

static void put_a_string_without_text(scopeflow_tape *tape) {
    begin(tape, SCOPEFLOW_TOKEN_SET);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_STRING);
    end(tape);
}

typedef void put_function(scopeflow_tape *tape);

static put_function *const well_formed[] = {put_scalars,    put_object,    put_sets,
                                            put_deep,       put_deep_sets, put_row,
                                            put_one_string, put_one_null,  put_members};
static put_function *const ill_formed[] = {put_nothing,
                                           put_two_values,
                                           leave_open,
                                           leave_a_set_open,
                                           end_too_often,
                                           end_behind_a_key,
                                           put_a_number_as_key,
                                           put_an_ill_formed_set,
                                           put_no_token,
                                           put_a_string_without_text,
                                           put_a_member_behind_a_key,
                                           put_a_member_alone};

/* --- Both ways --- */

static size_t countdown; /* Allocations until one fails; 0 for never. */

static void *reallocate(void *context, void *block, size_t old_size, size_t new_size) {
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    if (countdown > 0 && --countdown == 0) return NULL;
    return realloc(block, new_size);
}

static scopeflow__memory memory;

static void write_row(put_function *put, scopeflow__buffer *out, uint32_t budget) {
    scopeflow_tape tape;
    scopeflow__json_writer writer;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    put(&tape);
    scopeflow__tape_sort_sets(&tape, 0);
    scopeflow__json_writer_init(&writer, out, budget, false);
    scopeflow__json_write(&writer, scopeflow__tape_value(&tape));
    scopeflow__tape_deinit(&tape);
}

static bool write_direct(put_function *put, scopeflow__buffer *out, uint32_t budget) {
    scopeflow_tape tape;
    scopeflow__json_writer writer;
    scopeflow__json_direct direct;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    scopeflow__json_writer_init(&writer, out, budget, false);
    scopeflow__json_direct_begin(&direct, &tape, &writer);
    put(&tape);
    bool const is_null = scopeflow__json_direct_end(&direct);
    if (tape.bytes.failed) out->failed = true;
    scopeflow__tape_deinit(&tape);
    return is_null;
}

static bool is_same(put_function *put, uint32_t budget) {
    scopeflow__buffer expected;
    scopeflow__buffer out;
    scopeflow__buffer_init(&expected, &memory);
    scopeflow__buffer_init(&out, &memory);
    write_row(put, &expected, budget);
    (void)write_direct(put, &out, budget);
    bool const is_same = scopeflow__same_text(scopeflow__text(expected.ptr, expected.len),
                                              scopeflow__text(out.ptr, out.len));
    scopeflow__buffer_deinit(&expected);
    scopeflow__buffer_deinit(&out);
    return is_same;
}

static void every_budget_gives_the_same(void) {
    for (size_t i = 0; i < sizeof well_formed / sizeof *well_formed; i++)
        for (uint32_t budget = 2; budget < MOST_BUDGET_BYTES; budget++)
            CHECK(is_same(well_formed[i], budget));
}

static void what_is_ill_formed_is_null(void) {
    for (size_t i = 0; i < sizeof ill_formed / sizeof *ill_formed; i++) {
        scopeflow__buffer out;
        scopeflow__buffer_init(&out, &memory);
        scopeflow__buffer_put(&out, "before:", 7);
        CHECK(write_direct(ill_formed[i], &out, UINT32_MAX));
        CHECK(scopeflow__same_text(scopeflow__text(out.ptr, out.len),
                                   SCOPEFLOW__TEXT("before:null")));
        CHECK(is_same(ill_formed[i], UINT32_MAX));
        scopeflow__buffer_deinit(&out);
    }
}

static void only_null_is_null(void) {
    for (size_t i = 0; i < sizeof well_formed / sizeof *well_formed; i++) {
        scopeflow__buffer out;
        scopeflow__buffer_init(&out, &memory);
        CHECK(write_direct(well_formed[i], &out, UINT32_MAX) == (well_formed[i] == put_one_null));
        scopeflow__buffer_deinit(&out);
    }
}

/* Each allocation in turn: the buffer knows, or it was one that was not needed. */
static void memory_that_runs_out_is_told(void) {
    for (size_t i = 0; i < sizeof well_formed / sizeof *well_formed; i++) {
        size_t nth = 0;
        bool is_through = false;
        while (!is_through) {
            scopeflow__buffer out;
            scopeflow__buffer_init(&out, &memory);
            countdown = ++nth;
            (void)write_direct(well_formed[i], &out, UINT32_MAX);
            is_through = countdown > 0;
            countdown = 0;
            CHECK(out.failed != is_through);
            scopeflow__buffer_deinit(&out);
        }
    }
}

int main(void) {
    memory = scopeflow__memory_default();
    memory.reallocate = reallocate;
    static const test tests[] = {
        {"every budget gives the same", every_budget_gives_the_same},
        {"what is ill-formed is null", what_is_ill_formed_is_null},
        {"only null is null", only_null_is_null},
        {"memory that runs out is told", memory_that_runs_out_is_told},
    };
    return RUN_TESTS(tests);
}
