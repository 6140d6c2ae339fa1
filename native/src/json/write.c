#include "json/write.h"

#include "base/names.gen.h"
#include "base/sort.h"
#include "base/utf8.h"
#include "json/number.h"
#include "json/plain.h"
#include "json/writing.h"

#define TRUNCATED_KEY "\"" SCOPEFLOW__MARKER_TRUNCATED "\":"
#define MARKED(marker) "{\"" marker "\":"

enum { SPECIAL_SIZE_BYTES = 6 };

void scopeflow__json_writer_init(scopeflow__json_writer *self, scopeflow__buffer *out,
                                 uint32_t budget_bytes, bool canonical) {
    self->out = out;
    self->budget_bytes = budget_bytes;
    self->left_bytes = budget_bytes;
    self->canonical = canonical;
    self->truncated = false;
    self->is_marked = false;
}

/* --- Strings --- */

/* What stands for a byte that cannot stand for itself: its text and, last, how long that is. */
typedef struct escape {
    char text[7];
    unsigned char size;
} escape;

#define SIX(digits)                                                                                \
    { "\\u00" digits, 6 }
#define TWO(letter)                                                                                \
    { "\\" letter, 2 }
static const escape escapes[] = {
    SIX("00"), SIX("01"), SIX("02"), SIX("03"), SIX("04"), SIX("05"), SIX("06"),
    SIX("07"), TWO("b"),  TWO("t"),  TWO("n"),  SIX("0b"), TWO("f"),  TWO("r"),
    SIX("0e"), SIX("0f"), SIX("10"), SIX("11"), SIX("12"), SIX("13"), SIX("14"),
    SIX("15"), SIX("16"), SIX("17"), SIX("18"), SIX("19"), SIX("1a"), SIX("1b"),
    SIX("1c"), SIX("1d"), SIX("1e"), SIX("1f"), TWO("\""), TWO("\\"),
};
#undef SIX
#undef TWO

static const escape *escape_of(unsigned char byte) {
    size_t const beyond = byte == '"' ? 0x20 : 0x21;
    return &escapes[byte < 0x20 ? byte : beyond];
}

/* The inside of a string on its way out. */
typedef struct escaped_string {
    scopeflow__buffer *out;
    scopeflow_bytes text;
    size_t at;
    size_t limit; /* So many bytes may still be written. */
} escaped_string;

static void advance(escaped_string *self, size_t read, size_t written) {
    self->at += read;
    self->limit -= written;
    self->out->len += written;
}

/* Copies a block with its special bytes escaped and returns where that ends. Whole blocks are read
 * and written, up to one beyond. No step waits for another but in the sum of lengths. */
static char *copy_escaped(char *to, const char *from, uint32_t mask) {
    size_t done = 0;
    while (mask != SCOPEFLOW__ALL_PLAIN) {
        size_t const special = scopeflow__first_special(mask);
        const escape *const written = escape_of((unsigned char)from[special]);
        scopeflow__store_block(to, scopeflow__load_block(from + done));
        to += special - done;
        memcpy(to, written, sizeof *written);
        to += written->size;
        done = special + 1;
        mask |= 1u << special;
    }
    scopeflow__store_block(to, scopeflow__load_block(from + done));
    return to + SCOPEFLOW__PLAIN_BLOCK - done;
}

/* A block is copied only where another one can be read and all of both may become escapes. */
enum {
    BLOCK_READ_BYTES = 2 * SCOPEFLOW__PLAIN_BLOCK,
    CALM_BLOCKS = 4, /* After so many without a special byte groups are worth a try. */
    BLOCK_WRITTEN_BYTES = (SPECIAL_SIZE_BYTES + 1) * SCOPEFLOW__PLAIN_BLOCK + sizeof(escape)
};

/* Copies block after block, escaped, while there is one and room for it. Ends early at a byte
 * beyond ASCII if such bytes are not known to be well-formed. */
static void copy_blocks(escaped_string *self, size_t end, bool high_is_plain) {
    size_t const room = self->out->capacity - self->out->len;
    const char *const start = self->text.ptr + self->at;
    char *const begin = self->out->ptr + self->out->len;
    const char *const from_end = self->text.ptr + end;
    char *const to_end = begin + (room < self->limit ? room : self->limit);
    const char *from = start;
    char *to = begin;
    /* Most texts are calm from the beginning; of the short ones those are written elsewhere. */
    int calm = self->text.len > SCOPEFLOW__SHORT_STRING_BYTES ? CALM_BLOCKS : 0;
    while (from_end - from >= BLOCK_READ_BYTES && to_end - to >= BLOCK_WRITTEN_BYTES) {
        if (calm >= CALM_BLOCKS) {
            size_t const left = (size_t)(from_end - from);
            size_t const to_left = (size_t)(to_end - to);
            size_t const copied =
                scopeflow__copy_groups(to, from, left < to_left ? left : to_left, high_is_plain);
            from += copied;
            to += copied;
            calm = 0;
            continue;
        }
        scopeflow__block const bytes = scopeflow__load_block(from);
        uint32_t const mask = scopeflow__plain_mask(bytes, high_is_plain);
        if (mask == SCOPEFLOW__ALL_PLAIN) {
            scopeflow__store_block(to, bytes);
            to += SCOPEFLOW__PLAIN_BLOCK;
            calm++;
        } else {
            if (!high_is_plain && scopeflow__has_high(bytes)) break;
            to = copy_escaped(to, from, mask);
            calm = 0;
        }
        from += SCOPEFLOW__PLAIN_BLOCK;
    }
    advance(self, (size_t)(from - start), (size_t)(to - begin));
}

/* Takes back the beginning of a code point that does not fit. Some of it may have been copied with
 * the blocks before. */
static void step_back(escaped_string *self) {
    size_t const back = self->at - scopeflow__utf8_cut(self->text, self->at);
    self->at -= back;
    self->out->len -= back;
    self->limit += back;
}

/* Copies what stands for itself; false if it does not fit and was cut, between two code points. */
static bool copy_run(escaped_string *self, size_t end, bool high_is_plain) {
    const char *const from = self->text.ptr + self->at;
    char *const to = self->out->ptr + self->out->len;
    size_t const whole = end - self->at;
    size_t const left = whole < self->limit ? whole : self->limit;
    size_t const run = scopeflow__copy_plain(to, from, left, high_is_plain);
    bool const is_cut = run == left && left < whole;
    advance(self, run, run);
    if (is_cut && high_is_plain) step_back(self);
    return !is_cut;
}

static bool write_escape(escaped_string *self) {
    const escape *const written = escape_of((unsigned char)self->text.ptr[self->at]);
    if (written->size > self->limit) return false;
    memcpy(self->out->ptr + self->out->len, written->text, written->size);
    advance(self, 1, written->size);
    return true;
}

/* Writes a code point beyond ASCII, or U+FFFD for what is no UTF-8. False if it does not fit. */
static bool write_beyond_ascii(escaped_string *self) {
    char encoded[4];
    uint32_t code_point;
    bool valid;
    size_t const used = scopeflow__utf8_decode(self->text, self->at, &code_point, &valid);
    size_t const size = scopeflow__utf8_encode(code_point, encoded);
    if (size > self->limit) return false;
    memcpy(self->out->ptr + self->out->len, encoded, size);
    advance(self, used, size);
    return true;
}

/* Writes up to `end`, or up to a byte beyond ASCII that has not been checked; false if it was
 * cut. */
static bool write_part(escaped_string *self, size_t end, bool high_is_plain) {
    while (self->at < end) {
        /* Room for one special behind the run. If there is none, the buffer says it failed. */
        if (!scopeflow__buffer_reserve(self->out, end - self->at + SPECIAL_SIZE_BYTES))
            return false;
        copy_blocks(self, end, high_is_plain);
        if (!scopeflow__buffer_reserve(self->out, end - self->at + SPECIAL_SIZE_BYTES) ||
            !copy_run(self, end, high_is_plain))
            return false;
        if (self->at == end || (unsigned char)self->text.ptr[self->at] >= 0x80) return true;
        if (!write_escape(self)) return false;
    }
    return true;
}

/* Writes the inside of a string while it fits in `limit` bytes; returns whether all of it did. It
 * is checked only where it leaves ASCII. */
static bool write_string_content(scopeflow__buffer *out, scopeflow_bytes text, size_t limit) {
    escaped_string self = {out, text, 0, limit};
    while (self.at < text.len) {
        if (!write_part(&self, text.len, false)) return out->failed;
        if (self.at == text.len) break;
        scopeflow_bytes const rest = scopeflow__text(text.ptr + self.at, text.len - self.at);
        size_t const valid = scopeflow__utf8_valid_length(rest);
        if (valid > 0 ? !write_part(&self, self.at + valid, true) : !write_beyond_ascii(&self))
            return out->failed;
    }
    return true;
}

bool scopeflow__json_copy_longer(char *to, scopeflow_bytes text) {
    return scopeflow__copy_plain(to, text.ptr, text.len, false) == text.len;
}

void scopeflow__json_write_string(scopeflow__buffer *out, scopeflow_bytes text) {
    if (scopeflow__json_write_short_string(out, text)) return;
    scopeflow__buffer_put_byte(out, '"');
    (void)write_string_content(out, text, SIZE_MAX);
    scopeflow__buffer_put_byte(out, '"');
}

/* --- Scalars --- */

void scopeflow__write_base64(scopeflow__buffer *out, scopeflow_bytes bytes) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t const left = bytes.len - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        if (left > 1) group |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
        if (left > 2) group |= (unsigned char)bytes.ptr[i + 2];
        char four[4];
        four[0] = alphabet[group >> 18];
        four[1] = alphabet[(group >> 12) & 63];
        four[2] = left > 1 ? alphabet[(group >> 6) & 63] : '=';
        four[3] = left > 2 ? alphabet[group & 63] : '=';
        scopeflow__buffer_put(out, four, sizeof four);
    }
}

static void write_marked_text(scopeflow__buffer *out, const char *opening, scopeflow_bytes text) {
    scopeflow__buffer_put_text(out, scopeflow__c_text(opening));
    scopeflow__json_write_string(out, text);
    scopeflow__buffer_put_byte(out, '}');
}

static void write_marked_number(scopeflow__buffer *out, const char *opening, uint64_t number) {
    char digits[SCOPEFLOW__NUMBER_SIZE_BYTES];
    scopeflow__buffer_put_text(out, scopeflow__c_text(opening));
    scopeflow__buffer_put(out, digits, scopeflow__number_write_uint(number, digits));
    scopeflow__buffer_put_byte(out, '}');
}

/* The buffer says when there is no memory. */
static void write_number(scopeflow__buffer *out, const scopeflow__token *token) {
    if (!scopeflow__buffer_reserve(out, SCOPEFLOW__NUMBER_SIZE_BYTES)) return;
    char *const to = out->ptr + out->len;
    if (token->kind == SCOPEFLOW_TOKEN_INT)
        out->len += scopeflow__number_write_int(token->number.as_int, to);
    else if (token->kind == SCOPEFLOW_TOKEN_UINT)
        out->len += scopeflow__number_write_uint(token->number.as_uint, to);
    else
        out->len += scopeflow__number_write_double(token->number.as_double, to);
}

void scopeflow__json_write_scalar(scopeflow__buffer *out, const scopeflow__token *token) {
    switch (token->kind) {
    case SCOPEFLOW_TOKEN_FALSE: scopeflow__buffer_put(out, "false", 5); return;
    case SCOPEFLOW_TOKEN_TRUE: scopeflow__buffer_put(out, "true", 4); return;
    case SCOPEFLOW_TOKEN_INT:
    case SCOPEFLOW_TOKEN_UINT:
    case SCOPEFLOW_TOKEN_DOUBLE: write_number(out, token); return;
    case SCOPEFLOW_TOKEN_BYTES:
        scopeflow__buffer_put_text(out, SCOPEFLOW__TEXT(MARKED(SCOPEFLOW__MARKER_BYTES) "\""));
        scopeflow__write_base64(out, token->text);
        scopeflow__buffer_put_text(out, SCOPEFLOW__TEXT("\"}"));
        return;
    case SCOPEFLOW_TOKEN_BIG_INTEGER:
        write_marked_text(out, MARKED(SCOPEFLOW__MARKER_INTEGER), token->text);
        return;
    case SCOPEFLOW_TOKEN_UNSERIALIZABLE:
        write_marked_text(out, MARKED(SCOPEFLOW__MARKER_UNSERIALIZABLE), token->text);
        return;
    case SCOPEFLOW_TOKEN_CYCLE:
        write_marked_number(out, MARKED(SCOPEFLOW__MARKER_CYCLE), token->number.as_levels);
        return;
    case SCOPEFLOW_TOKEN_TOO_DEEP:
        write_marked_number(out, MARKED(SCOPEFLOW__MARKER_DEPTH), SCOPEFLOW_PAYLOAD_DEPTH_LIMIT);
        return;
    default: scopeflow__buffer_put(out, "null", 4); return;
    }
}

/* --- The budget --- */

/* What stands before a value: a comma, and a key in an object. */
typedef struct lead {
    bool comma;
    bool has_key;
    scopeflow_bytes key;
} lead;

static void write_lead(scopeflow__buffer *out, const lead *before) {
    if (before->comma) scopeflow__buffer_put_byte(out, ',');
    if (!before->has_key) return;
    scopeflow__json_write_string(out, before->key);
    scopeflow__buffer_put_byte(out, ':');
}

void scopeflow__json_write_truncation(scopeflow__json_writer *self, bool comma, bool in_object) {
    if (self->is_marked) return;
    self->is_marked = true;
    char digits[SCOPEFLOW__NUMBER_SIZE_BYTES];
    if (comma) scopeflow__buffer_put_byte(self->out, ',');
    if (!in_object) scopeflow__buffer_put_byte(self->out, '{');
    scopeflow__buffer_put_text(self->out, SCOPEFLOW__TEXT(TRUNCATED_KEY));
    scopeflow__buffer_put(self->out, digits,
                          scopeflow__number_write_uint(self->budget_bytes, digits));
    if (!in_object) scopeflow__buffer_put_byte(self->out, '}');
}

bool scopeflow__json_charge(scopeflow__json_writer *self, size_t from) {
    size_t const written = self->out->len - from;
    if (written <= self->left_bytes) {
        self->left_bytes -= written;
        return true;
    }
    self->out->len = from;
    self->truncated = true;
    return false;
}

bool scopeflow__json_write_string_from(scopeflow__json_writer *self, size_t from,
                                       scopeflow_bytes text) {
    size_t const used = self->out->len - from + 2;
    if (used > self->left_bytes) {
        self->out->len = from;
        self->truncated = true;
        return false;
    }
    if (text.len > self->left_bytes - used ||
        !scopeflow__json_write_short_string(self->out, text)) {
        scopeflow__buffer_put_byte(self->out, '"');
        if (!write_string_content(self->out, text, self->left_bytes - used)) self->truncated = true;
        scopeflow__buffer_put_byte(self->out, '"');
    }
    self->left_bytes -= self->out->len - from;
    return true;
}

/* --- Containers --- */

static bool write_value(scopeflow__json_writer *self, const lead *before, scopeflow__cursor *next);

/* Once it does not, nothing more is visited, and it does not matter where a cursor stands. */
static bool is_going_on(const scopeflow__json_writer *self) {
    return !self->truncated && !self->out->failed;
}

static bool has_more(const scopeflow__json_writer *self, const scopeflow__cursor *inside) {
    return is_going_on(self) && scopeflow__cursor_peek(inside) != SCOPEFLOW_TOKEN_END;
}

static size_t count_values(scopeflow__cursor inside) {
    size_t count = 0;
    while (scopeflow__cursor_peek(&inside) != SCOPEFLOW_TOKEN_END) {
        (void)scopeflow__cursor_take(&inside);
        count++;
    }
    return count;
}

static int compare_members(const void *a, const void *b) {
    return scopeflow__utf8_compare_as_utf16(((const scopeflow__member *)a)->key,
                                            ((const scopeflow__member *)b)->key);
}

/* Keys that are no UTF-8 stand there as they are written, with U+FFFD: those that are the same then
 * are one. `keys` holds the texts. False when memory ran out. */
static bool mend_keys(scopeflow__member *members, size_t count, scopeflow__buffer *keys) {
    size_t room_bytes = 0;
    for (size_t i = 0; i < count; i++)
        if (!scopeflow__utf8_is_valid(members[i].key)) room_bytes += 3 * members[i].key.len;
    if (room_bytes == 0) return true;
    if (!scopeflow__buffer_reserve(keys, room_bytes)) return false; /* So that no text moves. */
    for (size_t i = 0; i < count; i++) {
        scopeflow_bytes const key = members[i].key;
        if (scopeflow__utf8_is_valid(key)) continue;
        size_t const from = keys->len;
        for (size_t at = 0; at < key.len;) {
            uint32_t code_point;
            bool is_valid;
            char encoded[4];
            at += scopeflow__utf8_decode(key, at, &code_point, &is_valid);
            scopeflow__buffer_put(keys, encoded, scopeflow__utf8_encode(code_point, encoded));
        }
        members[i].key = scopeflow__text(keys->ptr + from, keys->len - from);
    }
    return true;
}

static bool sort_members(const scopeflow__json_writer *self, scopeflow__member *members,
                         size_t count, scopeflow__buffer *keys) {
    return mend_keys(members, count, keys) &&
           scopeflow__sort_stable(self->out->memory, members, count, sizeof *members,
                                  compare_members);
}

/* Writes members until the budget is spent; after that only the runtime's own. */
static void write_members(scopeflow__json_writer *self, const scopeflow__member *members,
                          size_t count) {
    bool comma = false;
    for (size_t i = 0; i < count; i++) {
        const scopeflow__member *const member = &members[i];
        /* Equal keys stand together after sorting: the last one wins (S2.6). */
        if (self->canonical && i + 1 < count &&
            scopeflow__same_text(member->key, members[i + 1].key))
            continue;
        lead before;
        before.comma = comma;
        before.has_key = true;
        before.key = member->key;
        scopeflow__cursor value = member->value;
        if (member->is_free) {
            scopeflow__json_writer unlimited = *self;
            unlimited.left_bytes = SIZE_MAX;
            unlimited.truncated = false;
            comma = write_value(&unlimited, &before, &value) || comma;
            continue;
        }
        if (self->truncated) continue;
        comma = write_value(self, &before, &value) || comma;
        if (!self->truncated) continue;
        scopeflow__json_write_truncation(self, comma, true);
        comma = true;
    }
}

void scopeflow__json_write_members(scopeflow__json_writer *self, scopeflow__member *members,
                                   size_t count) {
    scopeflow__buffer keys;
    scopeflow__buffer_init(&keys, self->out->memory);
    if (self->canonical && !sort_members(self, members, count, &keys)) {
        self->out->failed = true;
    } else {
        size_t const from = self->out->len;
        scopeflow__buffer_put_byte(self->out, '{');
        (void)scopeflow__json_charge(self, from); /* The smallest budget has room for it. */
        write_members(self, members, count);
        scopeflow__buffer_put_byte(self->out, '}');
    }
    scopeflow__buffer_deinit(&keys);
}

static void write_object_sorted(scopeflow__json_writer *self, scopeflow__cursor *inside) {
    const scopeflow__memory *const memory = self->out->memory;
    size_t const count = count_values(*inside) / 2;
    if (count == 0) return;
    scopeflow__member *const members =
        (scopeflow__member *)scopeflow__allocate(memory, count * sizeof *members);
    if (members == NULL) {
        self->out->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        members[i].key = scopeflow__cursor_read(inside).text;
        members[i].value = scopeflow__cursor_take(inside);
        members[i].is_free = false;
    }
    scopeflow__buffer keys;
    scopeflow__buffer_init(&keys, memory);
    if (sort_members(self, members, count, &keys))
        write_members(self, members, count);
    else
        self->out->failed = true;
    scopeflow__buffer_deinit(&keys);
    scopeflow__deallocate(memory, members, count * sizeof *members);
}

static void write_object(scopeflow__json_writer *self, scopeflow__cursor *inside) {
    if (self->canonical) {
        write_object_sorted(self, inside);
        return;
    }
    bool comma = false;
    while (has_more(self, inside)) {
        lead before;
        before.comma = comma;
        before.has_key = true;
        before.key = scopeflow__cursor_read(inside).text;
        comma = write_value(self, &before, inside) || comma;
        if (self->truncated) scopeflow__json_write_truncation(self, comma, true);
    }
}

static void write_elements(scopeflow__json_writer *self, scopeflow__cursor *next, bool *comma) {
    lead before;
    before.comma = *comma;
    before.has_key = false;
    before.key = SCOPEFLOW__TEXT("");
    *comma = write_value(self, &before, next) || *comma;
    if (self->truncated) scopeflow__json_write_truncation(self, *comma, false);
}

static void write_array(scopeflow__json_writer *self, scopeflow__cursor *inside) {
    bool comma = false;
    while (has_more(self, inside)) write_elements(self, inside, &comma);
}

bool scopeflow__json_write_from(scopeflow__json_writer *self, size_t from,
                                scopeflow__cursor *next) {
    scopeflow__token const token = scopeflow__cursor_read(next);
    if (token.kind == SCOPEFLOW_TOKEN_STRING)
        return scopeflow__json_write_string_from(self, from, token.text);
    if (!scopeflow__is_container(token.kind)) {
        scopeflow__json_write_scalar(self->out, &token);
        return scopeflow__json_charge(self, from);
    }

    bool const is_object = token.kind == SCOPEFLOW_TOKEN_OBJECT;
    scopeflow__buffer_put_byte(self->out, is_object ? '{' : '[');
    if (!scopeflow__json_charge(self, from)) return false;
    if (is_object)
        write_object(self, next);
    else
        write_array(self, next); /* A set too: its elements are in order already. */
    scopeflow__buffer_put_byte(self->out, is_object ? '}' : ']');
    if (is_going_on(self)) (void)scopeflow__cursor_read(next); /* Its end. */
    return true;
}

/* Writes the next value with what stands before it, and passes over it; false if it was dropped for
 * want of budget. */
static bool write_value(scopeflow__json_writer *self, const lead *before, scopeflow__cursor *next) {
    size_t const from = self->out->len;
    write_lead(self->out, before);
    return scopeflow__json_write_from(self, from, next);
}

void scopeflow__json_write(scopeflow__json_writer *self, scopeflow__cursor value) {
    lead nothing;
    nothing.comma = false;
    nothing.has_key = false;
    nothing.key = SCOPEFLOW__TEXT("");
    /* Most tokens are about as long as their text. */
    size_t const size_bytes = (size_t)(value.end - value.at);
    (void)scopeflow__buffer_reserve(self->out,
                                    size_bytes < self->left_bytes ? size_bytes : self->left_bytes);
    if (!write_value(self, &nothing, &value)) scopeflow__json_write_truncation(self, false, false);
}
