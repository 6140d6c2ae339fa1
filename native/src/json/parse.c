/* One pass, from the text straight into the row of tokens. It only says whether the text is JSON:
 * what is wrong and where is found out by the scanner, when somebody asks. */
#include "json/parse.h"

#include "base/utf8.h"
#include "json/number.h"
#include "json/plain.h"
#include "json/scan.h"

typedef struct reader {
    scopeflow_tape *tape;
    const char *end;
    uint32_t depth;
    /* One bit for each open container, as beyond the tape's own limit of depth the kind of each
     * must still be known to match its closer. */
    unsigned char is_object[SCOPEFLOW_JSON_DEPTH_LIMIT / 8];
} reader;

/* Functions that read return the place behind what they read, or NULL where that is no JSON or
 * there is no memory. */

static const char *skip_space(const reader *self, const char *at) {
    if (at < self->end && (unsigned char)*at > ' ') return at;
    while (at < self->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

static char peek(const reader *self, const char *at) {
    return at < self->end ? *at : '\0';
}

/* --- Strings --- */

static int escaped_digit(char c) {
    char const lower = (char)(c | 0x20);
    if (c >= '0' && c <= '9') return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static const char *read_hex4(const reader *self, const char *at, uint32_t *out) {
    if (self->end - at < 4) return NULL;
    int const a = escaped_digit(at[0]), b = escaped_digit(at[1]), c = escaped_digit(at[2]);
    int const d = escaped_digit(at[3]);
    if ((a | b | c | d) < 0) return NULL;
    *out = (uint32_t)(a << 12 | b << 8 | c << 4 | d);
    return at + 4;
}

static bool is_high_surrogate(uint32_t unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}
static bool is_low_surrogate(uint32_t unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Behind `\u`. A surrogate without its partner becomes U+FFFD (S2.6). */
static const char *read_unicode_escape(const reader *self, const char *at, char **to) {
    uint32_t unit;
    at = read_hex4(self, at, &unit);
    if (at == NULL) return NULL;
    if (is_high_surrogate(unit) && self->end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low;
        const char *const behind = read_hex4(self, at + 2, &low);
        if (behind == NULL) return NULL;
        if (is_low_surrogate(low)) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            at = behind;
        }
    }
    if (is_high_surrogate(unit) || is_low_surrogate(unit)) unit = 0xFFFD;
    *to += scopeflow__utf8_encode(unit, *to);
    return at;
}

/* Behind a backslash. What is written is never longer than what is read. */
static const char *read_escape(const reader *self, const char *at, char **to) {
    char const name = peek(self, at);
    char value = name;
    switch (name) {
    case '"':
    case '\\':
    case '/': break;
    case 'b': value = '\b'; break;
    case 'f': value = '\f'; break;
    case 'n': value = '\n'; break;
    case 'r': value = '\r'; break;
    case 't': value = '\t'; break;
    case 'u': return read_unicode_escape(self, at + 1, to);
    default: return NULL;
    }
    *(*to)++ = value;
    return at + 1;
}

/* Reads up to the closing quote and writes the text, for which there is room; `to` is left behind
 * it. UTF-8 is looked at as soon as the text leaves ASCII, once for the whole string. */
static const char *read_content(const reader *self, const char *at, char **to) {
    const char *high = NULL;
    for (;;) {
        size_t const left = (size_t)(self->end - at);
        size_t const run = high == NULL ? scopeflow__copy_plain(*to, at, left, false)
                                        : scopeflow__copy_plain(*to, at, left, true);
        at += run;
        *to += run;
        unsigned char const c = (unsigned char)peek(self, at);
        if (c == '"') break;
        if (c < 0x20) return NULL;
        if (c >= 0x80) {
            high = at;
            continue;
        }
        at = read_escape(self, at + 1, to);
        if (at == NULL) return NULL;
    }
    if (high != NULL && !scopeflow__utf8_is_valid(scopeflow__text(high, (size_t)(at - high))))
        return NULL;
    return at + 1;
}

/* Takes the text that was written behind the tape's end into it. */
static void put_string(scopeflow_tape *tape, size_t len) {
    char *const token = tape->bytes.ptr + tape->bytes.len;
    token[0] = SCOPEFLOW_TOKEN_STRING;
    scopeflow__put_u32(token + 1, (uint32_t)len);
    scopeflow__tape_end(tape, 4 + len, len);
}

SCOPEFLOW__NOINLINE static const char *read_long_string(const reader *self, const char *at) {
    scopeflow_tape *const tape = self->tape;
    char *const text = tape->bytes.ptr + tape->bytes.len + 5;
    char *to = text;
    at = read_content(self, at, &to);
    if (at != NULL && tape->skipped_depth == 0) put_string(tape, (size_t)(to - text));
    return at;
}

/* At the opening quote. Beyond the tape's depth the text is read all the same, and dropped. */
static const char *read_string(const reader *self, const char *at) {
    scopeflow_tape *const tape = self->tape;
    size_t const left = (size_t)(self->end - ++at);
    if (!scopeflow__buffer_reserve(&tape->bytes, 5 + left)) return NULL;
    if (left < SCOPEFLOW__PLAIN_BLOCK || tape->skipped_depth > 0) return read_long_string(self, at);
    /* Most strings, keys above all, end in the first block. */
    size_t const plain = scopeflow__copy_block(tape->bytes.ptr + tape->bytes.len + 5, at, false);
    if (plain == SCOPEFLOW__PLAIN_BLOCK || at[plain] != '"') return read_long_string(self, at);
    put_string(tape, plain);
    return at + plain + 1;
}

/* --- Numbers --- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Behind the mark of an exponent. Beyond 100000 its size plays no part. */
static const char *read_exponent(const reader *self, const char *at, int64_t *exponent) {
    bool const is_minus = peek(self, at) == '-';
    int64_t written = 0;
    if (is_minus || peek(self, at) == '+') at++;
    if (!is_digit(peek(self, at))) return NULL;
    for (; at < self->end && is_digit(*at); at++)
        if (written < 100000) written = written * 10 + (*at - '0');
    *exponent += is_minus ? -written : written;
    return at;
}

/* Behind the digits before a point or an exponent, whose value is given: reads the rest. */
static const char *read_double(const reader *self, const char *start, const char *at,
                               uint64_t value) {
    bool const is_negative = *start == '-';
    int64_t exponent = 0;
    size_t count = (size_t)(at - start) - is_negative;
    if (peek(self, at) == '.') {
        const char *const fraction = ++at;
        for (; at < self->end && is_digit(*at); at++) value = value * 10 + (uint32_t)(*at - '0');
        if (at == fraction) return NULL;
        exponent = fraction - at;
        count += (size_t)(at - fraction);
    }
    if ((peek(self, at) | 0x20) == 'e') at = read_exponent(self, at + 1, &exponent);
    if (at == NULL) return NULL;

    uint64_t bits;
    /* Nineteen digits always fit. */
    if (count > 19 || !scopeflow__number_bits(value, exponent, is_negative, &bits)) {
        double const nearest =
            scopeflow__number_read_double(scopeflow__text(start, (size_t)(at - start)));
        memcpy(&bits, &nearest, sizeof bits);
    }
    scopeflow__tape_put_number(self->tape, SCOPEFLOW_TOKEN_DOUBLE, bits);
    return at;
}

static void put_integer(const reader *self, scopeflow_bytes number, uint64_t value, bool fits) {
    bool const negative = number.ptr[0] == '-';
    uint64_t const limit = (uint64_t)INT64_MAX + 1;
    if (!fits || (negative && value > limit))
        scopeflow_tape_put_text(self->tape, SCOPEFLOW_TOKEN_BIG_INTEGER, number);
    else if (negative || value < limit)
        scopeflow__tape_put_number(self->tape, SCOPEFLOW_TOKEN_INT, negative ? 0 - value : value);
    else
        scopeflow__tape_put_number(self->tape, SCOPEFLOW_TOKEN_UINT, value);
}

static const char *read_number(const reader *self, const char *at) {
    const char *const start = at;
    uint64_t value = 0;
    bool fits = true;
    if (*at == '-') at++;
    const char *const digits = at;
    for (; at < self->end && is_digit(*at); at++) {
        uint32_t const digit = (uint32_t)(*at - '0');
        /* Nineteen digits always fit. */
        if (at - digits >= 19) fits = fits && value <= (UINT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    if (at == digits || (*digits == '0' && at - digits > 1)) return NULL;
    char const c = peek(self, at);
    if (c == '.' || (c | 0x20) == 'e') return read_double(self, start, at, value);
    put_integer(self, scopeflow__text(start, (size_t)(at - start)), value, fits);
    return at;
}

/* --- Containers --- */

static bool in_object(const reader *self) {
    uint32_t const bit = self->depth - 1;
    return (self->is_object[bit / 8] >> (bit % 8)) & 1;
}

static const char *open_container(reader *self, const char *at) {
    if (self->depth == SCOPEFLOW_JSON_DEPTH_LIMIT) return NULL;
    bool const is_object = *at == '{';
    uint32_t const bit = self->depth++;
    unsigned char const mask = (unsigned char)(1u << (bit % 8));
    if (is_object)
        self->is_object[bit / 8] |= mask;
    else
        self->is_object[bit / 8] &= (unsigned char)~mask;
    scopeflow__tape_put_mark(self->tape,
                             is_object ? SCOPEFLOW_TOKEN_OBJECT : SCOPEFLOW_TOKEN_ARRAY);
    return at + 1;
}

static const char *read_key(const reader *self, const char *at) {
    at = skip_space(self, at);
    if (peek(self, at) != '"') return NULL;
    at = read_string(self, at);
    if (at == NULL) return NULL;
    at = skip_space(self, at);
    return peek(self, at) == ':' ? at + 1 : NULL;
}

static const char *read_literal(const reader *self, const char *at, const char *literal, size_t len,
                                scopeflow_token token) {
    if ((size_t)(self->end - at) < len || memcmp(at, literal, len) != 0) return NULL;
    scopeflow__tape_put_token(self->tape, token);
    return at + len;
}

static const char *read_scalar(const reader *self, const char *at) {
    switch (*at) {
    case '"': return read_string(self, at);
    case 't': return read_literal(self, at, "true", 4, SCOPEFLOW_TOKEN_TRUE);
    case 'f': return read_literal(self, at, "false", 5, SCOPEFLOW_TOKEN_FALSE);
    case 'n': return read_literal(self, at, "null", 4, SCOPEFLOW_TOKEN_NULL);
    default: return read_number(self, at);
    }
}

/* Behind a value: closes what ends here and passes the comma, and the key, before the next value.
 * At depth 0 there is none. */
static const char *read_value_end(reader *self, const char *at) {
    while (self->depth > 0) {
        at = skip_space(self, at);
        char const c = peek(self, at);
        bool const is_in_object = in_object(self);
        if (c == ',') return is_in_object ? read_key(self, at + 1) : at + 1;
        if (c != (is_in_object ? '}' : ']')) return NULL;
        at++;
        self->depth--;
        scopeflow__tape_put_mark(self->tape, SCOPEFLOW_TOKEN_END);
    }
    return at;
}

static const char *read_document(reader *self, const char *at) {
    do {
        at = skip_space(self, at);
        char const c = peek(self, at);
        if (at == self->end) return NULL;
        if (c == '{' || c == '[') {
            at = open_container(self, at);
            if (at == NULL) return NULL;
            at = skip_space(self, at);
            if (peek(self, at) != (c == '{' ? '}' : ']')) {
                if (c == '{') at = read_key(self, at);
                continue;
            }
        } else {
            at = read_scalar(self, at);
        }
        if (at != NULL) at = read_value_end(self, at);
    } while (at != NULL && self->depth > 0);
    return at;
}

bool scopeflow__json_parse(scopeflow_tape *tape, scopeflow_bytes text) {
    if (text.len > SCOPEFLOW_JSON_SIZE_LIMIT_BYTES || text.len == 0) return false;
    scopeflow_tape const before = *tape;
    reader self;
    self.tape = tape;
    self.end = text.ptr + text.len;
    self.depth = 0;
    const char *const at = read_document(&self, text.ptr);
    if (at != NULL && skip_space(&self, at) == self.end) return true;

    tape->bytes.len = before.bytes.len;
    tape->least_output = before.least_output;
    tape->depth = before.depth;
    tape->skipped_depth = before.skipped_depth;
    return false;
}

/* For a tape that hands on what is put on it. */
static bool parse_apart(scopeflow_tape *self, scopeflow_bytes json) {
    scopeflow_tape apart;
    scopeflow__tape_init(&apart, self->bytes.memory, self->full_at);
    bool const is_json = scopeflow__json_parse(&apart, json);
    if (is_json) scopeflow__tape_put_value(self, scopeflow__tape_value(&apart));
    if (apart.bytes.failed) self->bytes.failed = true;
    scopeflow__tape_deinit(&apart);
    return is_json;
}

void scopeflow_tape_put_json(scopeflow_tape *self, scopeflow_bytes json) {
    bool const is_json =
        self->sink != NULL ? parse_apart(self, json) : scopeflow__json_parse(self, json);
    if (!is_json) scopeflow__tape_put_string(self, json);
}
