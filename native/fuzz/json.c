/* JSON of any kind, and rows of tokens of any kind: the parser against the scanner, and what the
 * writer makes of both against the parser. */
#include "base/names.gen.h"
#include "base/utf8.h"
#include "json/direct.h"
#include "json/parse.h"
#include "json/scan.h"
#include "json/sets.h"
#include "json/write.h"

#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static scopeflow__memory memory;

static void write(const scopeflow_tape *tape, scopeflow__buffer *out, uint32_t budget_bytes,
                  bool canonical) {
    scopeflow__json_writer writer;
    scopeflow__buffer_init(out, &memory);
    scopeflow__json_writer_init(&writer, out, budget_bytes, canonical);
    scopeflow__json_write(&writer, scopeflow__tape_value(tape));
    MUST(!out->failed);
    MUST(scopeflow__utf8_is_valid(scopeflow__text(out->ptr, out->len)));
}

static bool parse(scopeflow_tape *tape, scopeflow_bytes text) {
    scopeflow__tape_init(tape, &memory, SIZE_MAX);
    return scopeflow__json_parse(tape, text);
}

static bool contains(scopeflow_bytes text, scopeflow_bytes part) {
    for (size_t at = 0; at + part.len <= text.len; at++)
        if (memcmp(text.ptr + at, part.ptr, part.len) == 0) return true;
    return false;
}

/* What need not come back the same: a double beyond 64 bits, which RFC 8785 writes as what reads as
 * a wide integer, and a marker of the budget where no container may stand any more. */
static bool may_differ(scopeflow_bytes text) {
    return contains(text, SCOPEFLOW__TEXT("{\"" SCOPEFLOW__MARKER_INTEGER "\":")) ||
           contains(text, SCOPEFLOW__TEXT("{\"" SCOPEFLOW__MARKER_DEPTH "\":"));
}

/* What is written can be read, and written again it is the same. */
static void check_written(const scopeflow_tape *tape, uint32_t budget_bytes, bool canonical) {
    scopeflow__buffer first;
    scopeflow__buffer second;
    scopeflow_tape again;
    write(tape, &first, budget_bytes, canonical);
    MUST(parse(&again, scopeflow__text(first.ptr, first.len)));
    write(&again, &second, UINT32_MAX, canonical);
    scopeflow_bytes const text = scopeflow__text(second.ptr, second.len);
    MUST(scopeflow__same_text(scopeflow__text(first.ptr, first.len), text) || may_differ(text));
    scopeflow__tape_deinit(&again);
    scopeflow__buffer_deinit(&first);
    scopeflow__buffer_deinit(&second);
}

/* Written while the tokens come it is the same text. */
static void check_direct(const scopeflow_tape *tape, uint32_t budget_bytes) {
    scopeflow__buffer expected;
    scopeflow__buffer out;
    scopeflow__json_writer writer;
    scopeflow__json_direct direct;
    scopeflow_tape handing_on;
    write(tape, &expected, budget_bytes, false);
    scopeflow__buffer_init(&out, &memory);
    scopeflow__tape_init(&handing_on, &memory, SIZE_MAX);
    scopeflow__json_writer_init(&writer, &out, budget_bytes, false);
    scopeflow__json_direct_begin(&direct, &handing_on, &writer);
    scopeflow_tape_put_tokens(&handing_on, scopeflow__text(tape->bytes.ptr, tape->bytes.len));
    (void)scopeflow__json_direct_end(&direct);
    MUST(scopeflow__same_text(scopeflow__text(expected.ptr, expected.len),
                              scopeflow__text(out.ptr, out.len)));
    scopeflow__tape_deinit(&handing_on);
    scopeflow__buffer_deinit(&expected);
    scopeflow__buffer_deinit(&out);
}

static void check_tape(const scopeflow_tape *tape, size_t size) {
    uint32_t const budgets[] = {UINT32_MAX, (uint32_t)(2 + size % 97), (uint32_t)(2 + size / 2)};
    check_written(tape, UINT32_MAX, true);
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        check_written(tape, budgets[i], false);
        check_direct(tape, budgets[i]);
    }
}

static void check_text(scopeflow_bytes text) {
    scopeflow_tape tape;
    scopeflow__json_fault fault;
    bool const is_read = parse(&tape, text);
    MUST(is_read != scopeflow__json_find_fault(text, &fault));
    if (is_read)
        check_tape(&tape, text.len);
    else
        MUST(fault.at <= text.len && fault.problem[0] != '\0' && tape.bytes.len == 0);
    scopeflow__tape_deinit(&tape);
}

static void check_row(scopeflow_bytes row) {
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    scopeflow_tape_put_tokens(&tape, row);
    scopeflow__tape_sort_sets(&tape, 0);
    check_tape(&tape, row.len);
    scopeflow__tape_deinit(&tape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    scopeflow_bytes const input = scopeflow__text((const char *)data, size);
    memory = scopeflow__memory_default();
    check_text(input);
    check_row(input);
    return 0;
}
