/* JSON strings at the edges of the blocks that they are scanned in: whatever stands at whatever
 * place of a text of whatever length comes out as a writer or reader that looks at one byte after
 * the other says. The texts stand in blocks of memory of just their size, so that AddressSanitizer
 * sees a read beyond the end. Built once for every width of a vector. */
#include "base/utf8.h"
#include "json/parse.h"
#include "json/plain.h"
#include "json/scan.h"
#include "json/write.h"

#include "check.h"

#include <stdlib.h>

enum { LONGEST = 80, LENGTHS = 5, TEXT_BYTES = 1024, LONG_BYTES = 900 };

/* Lengths around a few more blocks, beyond those that are tried one by one: long runs are copied
 * in another way. */
static const size_t long_lengths[LENGTHS] = {271, 272, 273, 337, 390};

static scopeflow__memory memory;

/* What is put into a run of `a`: one byte of each kind, sequences of each length and what comes
 * near one without being it. */
static const char *const pieces[] = {
    "\"",
    "\\",
    "\x01",
    "\x1f",
    "\n",
    " ",
    "!",
    "#",
    "[",
    "]",
    "\x7f",
    "\xC3\xA9",
    "\xE2\x82\xAC",
    "\xED\x9F\xBF",
    "\xEE\x80\x80",
    "\xF0\x9F\x98\x80",
    "\xF4\x8F\xBF\xBF",
    "\x80",
    "\xBF",
    "\xC0\x80",
    "\xC1\xBF",
    "\xC3",
    "\xE0\x9F\xBF",
    "\xE0\xA0",
    "\xE2\x82",
    "\xED\xA0\x80",
    "\xF0\x8F\xBF\xBF",
    "\xF0\x9F\x98",
    "\xF4\x90\x80\x80",
    "\xF5\x80\x80\x80",
    "\xFF",
    "\xC3\xA9\xA9",
    "\"\n\\",
    "\\\xC3\xA9",
};

/* Every length up to LONGEST, then the long ones; 0 after the last. */
static size_t next_length(size_t len) {
    if (len < LONGEST) return len + 1;
    for (size_t i = 0; i < LENGTHS; i++)
        if (long_lengths[i] > len) return long_lengths[i];
    return 0;
}

typedef void check_text(scopeflow_bytes text);

/* The piece at every place of a text of every length. */
static void for_each_place(const char *filler, const char *piece, check_text *check) {
    size_t const size = strlen(piece);
    size_t const step = strlen(filler);
    for (size_t len = size; len != 0; len = next_length(len)) {
        char *const text = (char *)malloc(len);
        for (size_t at = 0; at + size <= len; at++) {
            memset(text, 'a', len);
            for (size_t i = at + size; i + step <= len; i += step) memcpy(text + i, filler, step);
            for (size_t i = at % step; i + step <= at; i += step) memcpy(text + i, filler, step);
            memcpy(text + at, piece, size);
            check(scopeflow__text(text, len));
        }
        free(text);
    }
}

static void for_each_piece(check_text *check) {
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for_each_place("a", pieces[i], check);
        for_each_place("\xE2\x82\xAC", pieces[i], check);
    }
}

/* --- A byte after the other --- */

static size_t valid_length(scopeflow_bytes text) {
    size_t at = 0;
    while (at < text.len) {
        uint32_t code_point;
        bool valid;
        size_t const used = scopeflow__utf8_decode(text, at, &code_point, &valid);
        if (!valid) break;
        at += used;
    }
    return at;
}

static size_t put_escape(char *out, uint32_t byte) {
    static const char named[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    for (size_t i = 0; named[i] != '\0'; i += 2)
        if ((uint32_t)named[i] == byte) {
            out[0] = '\\';
            out[1] = named[i + 1];
            return 2;
        }
    return (size_t)sprintf(out, "\\u%04x", byte);
}

static size_t quoted(scopeflow_bytes text, char *out) {
    size_t len = 0;
    out[len++] = '"';
    for (size_t at = 0; at < text.len;) {
        uint32_t code_point;
        bool valid;
        at += scopeflow__utf8_decode(text, at, &code_point, &valid);
        if (code_point < 0x20 || code_point == '"' || code_point == '\\')
            len += put_escape(out + len, code_point);
        else
            len += scopeflow__utf8_encode(code_point, out + len);
    }
    out[len++] = '"';
    return len;
}

static bool is_content(scopeflow_bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (!scopeflow__is_plain((unsigned char)text.ptr[i], true)) return false;
    return valid_length(text) == text.len;
}

/* --- Tests --- */

static void check_plain(scopeflow_bytes text) {
    for (int high = 0; high < 2; high++) {
        size_t expected = 0;
        while (expected < text.len &&
               scopeflow__is_plain((unsigned char)text.ptr[expected], high != 0))
            expected++;
        char *const copy = (char *)malloc(text.len);
        CHECK(scopeflow__copy_plain(copy, text.ptr, text.len, high != 0) == expected);
        CHECK(memcmp(copy, text.ptr, expected) == 0);
        CHECK(scopeflow__plain_length(text.ptr, text.len, high != 0) == expected);
        free(copy);
    }
}

static void check_valid_length(scopeflow_bytes text) {
    CHECK(scopeflow__utf8_valid_length(text) == valid_length(text));
}

static void check_written(scopeflow_bytes text) {
    char expected[TEXT_BYTES * 6];
    scopeflow__buffer out;
    size_t const len = quoted(text, expected);
    scopeflow__buffer_init(&out, &memory);
    scopeflow__json_write_string(&out, text);
    CHECK(out.len == len && memcmp(out.ptr, expected, len) == 0);
    scopeflow__buffer_deinit(&out);
}

/* Parses a text that stands in memory of just its size; what the parser refuses the scanner does,
 * too, and nothing else. */
static bool parse(scopeflow_tape *tape, const char *json, size_t len) {
    char *const exact = (char *)malloc(len);
    scopeflow__json_fault fault;
    memcpy(exact, json, len);
    bool const is_read = scopeflow__json_parse(tape, scopeflow__text(exact, len));
    CHECK(is_read != scopeflow__json_find_fault(scopeflow__text(exact, len), &fault));
    if (!is_read) CHECK(fault.at <= len && tape->bytes.len == 0);
    free(exact);
    return is_read;
}

/* The parser takes it for a string, the same one, if it may stand between quotes as it is. */
static void check_read(scopeflow_bytes content) {
    char json[TEXT_BYTES];
    scopeflow_tape tape;
    json[0] = json[content.len + 1] = '"';
    memcpy(json + 1, content.ptr, content.len);
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    if (parse(&tape, json, content.len + 2)) {
        scopeflow__cursor cursor = scopeflow__tape_value(&tape);
        bool const is_same = scopeflow__same_text(scopeflow__cursor_read(&cursor).text, content);
        CHECK(is_same || memchr(content.ptr, '\\', content.len) != NULL);
    } else {
        CHECK(!is_content(content));
    }
    scopeflow__tape_deinit(&tape);
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    (void)parse(&tape, json, content.len + 1); /* And where its end is missing. */
    scopeflow__tape_deinit(&tape);
}

/* What the writer makes of a text the parser makes into that text again. */
static void check_there_and_back(scopeflow_bytes text) {
    if (valid_length(text) < text.len) return;
    char json[TEXT_BYTES * 6];
    size_t const len = quoted(text, json);
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    CHECK(parse(&tape, json, len));
    scopeflow__cursor cursor = scopeflow__tape_value(&tape);
    CHECK(scopeflow__same_text(scopeflow__cursor_read(&cursor).text, text));
    scopeflow__tape_deinit(&tape);
}

static void plain_bytes_are_told(void) {
    for_each_piece(check_plain);
}
static void valid_utf8_is_told(void) {
    for_each_piece(check_valid_length);
}
static void strings_are_written(void) {
    for_each_piece(check_written);
}
static void strings_are_read(void) {
    for_each_piece(check_read);
}
static void strings_come_back(void) {
    for_each_piece(check_there_and_back);
}

/* NUL, too, and all that have no escape of one letter. */
static void every_byte_is_written(void) {
    char text[3 * SCOPEFLOW__PLAIN_BLOCK];
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'a', sizeof text);
            text[at] = (char)byte;
            check_written(scopeflow__text(text, sizeof text));
            check_there_and_back(scopeflow__text(text, sizeof text));
        }
}

/* Where a budget ends, what was written so far is a beginning of the whole. */
static void check_every_budget(scopeflow_bytes text) {
    char whole[TEXT_BYTES];
    size_t const whole_len = quoted(text, whole);
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    scopeflow__tape_put_string(&tape, text);
    for (uint32_t budget = 2; budget < whole_len; budget++) {
        scopeflow__buffer out;
        scopeflow__json_writer writer;
        scopeflow__buffer_init(&out, &memory);
        scopeflow__json_writer_init(&writer, &out, budget, false);
        scopeflow__json_write(&writer, scopeflow__tape_value(&tape));
        CHECK(writer.truncated && out.len <= budget && out.len + 6 > budget);
        CHECK(memcmp(out.ptr, whole, out.len - 1) == 0 && out.ptr[out.len - 1] == '"');
        CHECK(valid_length(scopeflow__text(out.ptr, out.len)) == out.len);
        scopeflow__buffer_deinit(&out);
    }
    scopeflow__tape_deinit(&tape);
}

static void strings_are_cut_between_code_points(void) {
    static const char *const texts[] = {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"
        "\\",
        "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 "
        "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 \n\n",
        "\n\"\\\x01\n\"\\\x02\n\"\\\x03\n\"\\\x04\n\"\\\x05\n\"\\\x06\n\"\\\x07\n\"\\\x08\xFF\xC3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_every_budget(scopeflow__c_text(texts[i]));
}

/* Those too that begin in a block, or in a group of blocks, that fits as a whole. */
static void long_strings_are_cut_between_code_points(void) {
    static const char *const code_points[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < sizeof code_points / sizeof *code_points; i++)
        for (size_t offset = 0; offset < 4; offset++) {
            char text[LONG_BYTES];
            size_t const size = strlen(code_points[i]);
            size_t len = offset;
            memset(text, 'a', offset);
            for (; len + size <= sizeof text; len += size) memcpy(text + len, code_points[i], size);
            check_every_budget(scopeflow__text(text, len));
        }
}

int main(void) {
    static const test tests[] = {
        {"plain_bytes_are_told", plain_bytes_are_told},
        {"valid_utf8_is_told", valid_utf8_is_told},
        {"strings_are_written", strings_are_written},
        {"strings_are_read", strings_are_read},
        {"strings_come_back", strings_come_back},
        {"every_byte_is_written", every_byte_is_written},
        {"strings_are_cut_between_code_points", strings_are_cut_between_code_points},
        {"long_strings_are_cut_between_code_points", long_strings_are_cut_between_code_points},
    };
    memory = scopeflow__memory_default();
    return RUN_TESTS(tests);
}
