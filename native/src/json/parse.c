#include "json/parse.h"

#include "base/utf8.h"
#include "json/number.h"

/* One bit for each open container, as the depth is not bounded by the text's author: beyond the
 * tape's own limit the kind of each container must still be known to match its closer. */
enum { STACK_BITS = 4096 };

typedef struct reader {
    scopeflow_bytes text;
    size_t at;
    scopeflow_tape *tape;
    scopeflow__buffer scratch; /* A string with escapes, decoded. */
    uint32_t depth;
    unsigned char is_object[STACK_BITS / 8];
} reader;

static void skip_space(reader *self) {
    while (self->at < self->text.len) {
        char const c = self->text.ptr[self->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
        self->at++;
    }
}

static bool at_byte(const reader *self, char byte) {
    return self->at < self->text.len && self->text.ptr[self->at] == byte;
}

static bool take_literal(reader *self, const char *literal) {
    size_t const len = strlen(literal);
    for (size_t i = 0; i < len; i++, self->at++)
        if (!at_byte(self, literal[i])) return false;
    return true;
}

static bool take_hex4(reader *self, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < 4; i++, self->at++) {
        if (self->at >= self->text.len) return false;
        char const c = self->text.ptr[self->at];
        char const lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            *out = *out * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *out = *out * 16 + (uint32_t)(lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

static bool is_high_surrogate(uint32_t unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}
static bool is_low_surrogate(uint32_t unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* After `\u`. A surrogate without its partner becomes U+FFFD (S2.6). */
static bool take_unicode_escape(reader *self) {
    uint32_t unit;
    if (!take_hex4(self, &unit)) return false;
    if (is_high_surrogate(unit) && self->text.len - self->at >= 6 &&
        self->text.ptr[self->at] == '\\' && self->text.ptr[self->at + 1] == 'u') {
        size_t const before = self->at;
        uint32_t low;
        self->at += 2;
        if (!take_hex4(self, &low)) return false;
        if (is_low_surrogate(low))
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        else
            self->at = before;
    }
    if (is_high_surrogate(unit) || is_low_surrogate(unit)) unit = 0xFFFD;

    char encoded[4];
    scopeflow__buffer_put(&self->scratch, encoded, scopeflow__utf8_encode(unit, encoded));
    return true;
}

static bool take_escape(reader *self) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (self->at >= self->text.len) return false;
    char const name = self->text.ptr[self->at];
    if (name == 'u') {
        self->at++;
        return take_unicode_escape(self);
    }
    for (size_t i = 0; names[i] != '\0'; i++)
        if (names[i] == name) {
            scopeflow__buffer_put_byte(&self->scratch, values[i]);
            self->at++;
            return true;
        }
    return false;
}

/* At the opening quote. The text is borrowed from the input, or from the scratch if it has
 * escapes. */
static bool take_string(reader *self, scopeflow_bytes *out) {
    size_t const start = ++self->at;
    size_t run = start;
    bool escaped = false;
    self->scratch.len = 0;
    while (self->at < self->text.len) {
        unsigned char const c = (unsigned char)self->text.ptr[self->at];
        if (c == '"') {
            scopeflow_bytes const plain = scopeflow__text(self->text.ptr + run, self->at - run);
            self->at++;
            if (!scopeflow__utf8_is_valid(plain)) return false;
            *out = plain;
            if (!escaped) return true;
            scopeflow__buffer_put_text(&self->scratch, plain);
            *out = scopeflow__text(self->scratch.ptr, self->scratch.len);
            return !self->scratch.failed;
        }
        if (c < 0x20) return false;
        if (c != '\\') {
            self->at++;
            continue;
        }
        scopeflow_bytes const plain = scopeflow__text(self->text.ptr + run, self->at - run);
        if (!scopeflow__utf8_is_valid(plain)) return false;
        scopeflow__buffer_put_text(&self->scratch, plain);
        escaped = true;
        self->at++;
        if (!take_escape(self)) return false;
        run = self->at;
    }
    return false;
}

static size_t take_digits(reader *self) {
    size_t const start = self->at;
    while (self->at < self->text.len && self->text.ptr[self->at] >= '0' &&
           self->text.ptr[self->at] <= '9')
        self->at++;
    return self->at - start;
}

static void put_integer(reader *self, scopeflow_bytes digits) {
    bool const negative = digits.ptr[0] == '-';
    uint64_t value = 0;
    for (size_t i = negative; i < digits.len; i++) {
        uint32_t const digit = (uint32_t)(digits.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            scopeflow_tape_put_text(self->tape, SCOPEFLOW_TOKEN_BIG_INTEGER, digits);
            return;
        }
        value = value * 10 + digit;
    }
    if (!negative && value > INT64_MAX)
        scopeflow_tape_put_uint(self->tape, value);
    else if (!negative)
        scopeflow_tape_put_int(self->tape, (int64_t)value);
    else if (value <= (uint64_t)INT64_MAX + 1)
        scopeflow_tape_put_int(self->tape, (int64_t)(0 - value));
    else
        scopeflow_tape_put_text(self->tape, SCOPEFLOW_TOKEN_BIG_INTEGER, digits);
}

static bool take_number(reader *self) {
    size_t const start = self->at;
    bool whole = true;
    if (at_byte(self, '-')) self->at++;
    if (at_byte(self, '0'))
        self->at++;
    else if (take_digits(self) == 0)
        return false;
    if (at_byte(self, '.')) {
        whole = false;
        self->at++;
        if (take_digits(self) == 0) return false;
    }
    if (at_byte(self, 'e') || at_byte(self, 'E')) {
        whole = false;
        self->at++;
        if (at_byte(self, '+') || at_byte(self, '-')) self->at++;
        if (take_digits(self) == 0) return false;
    }

    scopeflow_bytes const number = scopeflow__text(self->text.ptr + start, self->at - start);
    if (whole)
        put_integer(self, number);
    else
        scopeflow_tape_put_double(self->tape, scopeflow__number_read_double(number));
    return true;
}

static bool in_object(const reader *self) {
    uint32_t const bit = self->depth - 1;
    return (self->is_object[bit / 8] >> (bit % 8)) & 1;
}

static bool open_container(reader *self, bool is_object) {
    if (self->depth == STACK_BITS) return false;
    uint32_t const bit = self->depth++;
    unsigned char const mask = (unsigned char)(1u << (bit % 8));
    if (is_object)
        self->is_object[bit / 8] |= mask;
    else
        self->is_object[bit / 8] &= (unsigned char)~mask;
    self->at++;
    scopeflow_tape_put_mark(self->tape, is_object ? SCOPEFLOW_TOKEN_OBJECT : SCOPEFLOW_TOKEN_ARRAY);
    return true;
}

static bool take_key(reader *self) {
    scopeflow_bytes key;
    skip_space(self);
    if (!at_byte(self, '"') || !take_string(self, &key)) return false;
    scopeflow__tape_put_string(self->tape, key);
    skip_space(self);
    return take_literal(self, ":");
}

/* A scalar, or the opening of a container; says whether a container was opened. */
static bool take_value_start(reader *self, bool *out_opened) {
    *out_opened = false;
    skip_space(self);
    if (self->at >= self->text.len) return false;
    char const c = self->text.ptr[self->at];
    if (c == '{' || c == '[') {
        *out_opened = true;
        return open_container(self, c == '{');
    }
    if (c == '"') {
        scopeflow_bytes text;
        if (!take_string(self, &text)) return false;
        scopeflow__tape_put_string(self->tape, text);
        return true;
    }
    if (c == 't' || c == 'f') {
        scopeflow_tape_put_bool(self->tape, c == 't');
        return take_literal(self, c == 't' ? "true" : "false");
    }
    if (c == 'n') {
        scopeflow_tape_put_null(self->tape);
        return take_literal(self, "null");
    }
    return take_number(self);
}

/* After a value: closes what ends here; then either a comma or the end of the text. */
static bool take_value_end(reader *self) {
    while (self->depth > 0) {
        skip_space(self);
        if (at_byte(self, ',')) {
            self->at++;
            return !in_object(self) || take_key(self);
        }
        if (!at_byte(self, in_object(self) ? '}' : ']')) return false;
        self->at++;
        self->depth--;
        scopeflow_tape_put_mark(self->tape, SCOPEFLOW_TOKEN_END);
    }
    return true;
}

static bool take_document(reader *self) {
    do {
        bool opened;
        if (!take_value_start(self, &opened)) return false;
        if (opened) {
            skip_space(self);
            bool const is_empty = at_byte(self, in_object(self) ? '}' : ']');
            if (!is_empty) {
                if (in_object(self) && !take_key(self)) return false;
                continue;
            }
        }
        if (!take_value_end(self)) return false;
    } while (self->depth > 0);
    skip_space(self);
    return self->at == self->text.len;
}

bool scopeflow__json_parse(scopeflow_tape *tape, scopeflow_bytes text, size_t *out_error_offset) {
    reader self;
    self.text = text;
    self.at = 0;
    self.tape = tape;
    self.depth = 0;
    scopeflow__buffer_init(&self.scratch, tape->bytes.memory);
    size_t const before_len = tape->bytes.len;
    size_t const before_least = tape->least_output;
    uint32_t const before_depth = tape->depth;
    uint32_t const before_skipped = tape->skipped_depth;

    bool const parsed = take_document(&self);
    if (self.scratch.failed) tape->bytes.failed = true; /* No memory is no syntax error. */
    scopeflow__buffer_deinit(&self.scratch);
    if (parsed) return true;

    tape->bytes.len = before_len;
    tape->least_output = before_least;
    tape->depth = before_depth;
    tape->skipped_depth = before_skipped;
    *out_error_offset = self.at < text.len ? self.at : text.len;
    return false;
}

void scopeflow_tape_put_json(scopeflow_tape *self, scopeflow_bytes json) {
    size_t error_offset;
    if (!scopeflow__json_parse(self, json, &error_offset)) scopeflow__tape_put_string(self, json);
}
