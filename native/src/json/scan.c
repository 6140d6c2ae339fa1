#include "json/scan.h"

#include "base/utf8.h"
#include "json/plain.h"

void scopeflow__scanner_init(scopeflow__scanner *self, scopeflow_bytes text, uint32_t depth_limit) {
    self->text = text;
    self->at = 0;
    self->depth = 0;
    self->depth_limit = depth_limit;
    self->status = SCOPEFLOW_STATUS_OK;
    self->problem = "";
}

bool scopeflow__scan_fail(scopeflow__scanner *self, scopeflow_status status, const char *problem) {
    self->status = status;
    self->problem = problem;
    return false;
}

static SCOPEFLOW__COLD bool fail_syntax(scopeflow__scanner *self, const char *problem) {
    if (self->at >= self->text.len) problem = "the text ends too early";
    return scopeflow__scan_fail(self, SCOPEFLOW_STATUS_INVALID_JSON, problem);
}

void scopeflow__scan_space(scopeflow__scanner *self) {
    while (self->at < self->text.len) {
        char const c = self->text.ptr[self->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
        self->at++;
    }
}

/* --- Strings --- */

static bool scan_hex_digits(scopeflow__scanner *self) {
    for (int i = 0; i < 4; i++, self->at++) {
        char const c = scopeflow__scan_peek(self);
        char const lower = (char)(c | 0x20);
        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'f'))
            return fail_syntax(self, "an escape needs four hexadecimal digits");
    }
    return true;
}

static bool scan_escape(scopeflow__scanner *self) {
    self->at++;
    switch (scopeflow__scan_peek(self)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': self->at++; return true;
    case 'u': self->at++; return scan_hex_digits(self);
    default: return fail_syntax(self, "there is no such escape");
    }
}

static bool scan_code_point(scopeflow__scanner *self) {
    uint32_t code_point;
    bool valid;
    size_t const len = scopeflow__utf8_decode(self->text, self->at, &code_point, &valid);
    if (!valid)
        return scopeflow__scan_fail(self, SCOPEFLOW_STATUS_INVALID_UTF8, "a string is no UTF-8");
    self->at += len;
    return true;
}

bool scopeflow__scan_string(scopeflow__scanner *self, scopeflow_bytes *out_json) {
    size_t const start = self->at++;
    for (;;) {
        self->at +=
            scopeflow__plain_length(self->text.ptr + self->at, self->text.len - self->at, false);
        unsigned char const c = (unsigned char)scopeflow__scan_peek(self);
        if (c == '"') break;
        if (c < 0x20) return fail_syntax(self, "a control character stands in a string");
        if (c == '\\' ? !scan_escape(self) : !scan_code_point(self)) return false;
    }
    self->at++;
    *out_json = scopeflow__text(self->text.ptr + start, self->at - start);
    return true;
}

bool scopeflow__scan_key(scopeflow__scanner *self, scopeflow_bytes *out_json) {
    scopeflow__scan_space(self);
    if (scopeflow__scan_peek(self) != '"') return fail_syntax(self, "a key must stand here");
    if (!scopeflow__scan_string(self, out_json)) return false;
    scopeflow__scan_space(self);
    if (scopeflow__scan_peek(self) != ':') return fail_syntax(self, "a colon must follow the key");
    self->at++;
    return true;
}

/* --- Numbers and literals --- */

static bool scan_digits(scopeflow__scanner *self) {
    size_t const start = self->at;
    while (scopeflow__scan_peek(self) >= '0' && scopeflow__scan_peek(self) <= '9') self->at++;
    return self->at > start || fail_syntax(self, "a digit must stand here");
}

static bool scan_number(scopeflow__scanner *self) {
    if (scopeflow__scan_peek(self) == '-') self->at++;
    if (scopeflow__scan_peek(self) == '0')
        self->at++;
    else if (!scan_digits(self))
        return false;
    if (scopeflow__scan_peek(self) == '.') {
        self->at++;
        if (!scan_digits(self)) return false;
    }
    if ((scopeflow__scan_peek(self) | 0x20) != 'e') return true;
    self->at++;
    char const sign = scopeflow__scan_peek(self);
    if (sign == '+' || sign == '-') self->at++;
    return scan_digits(self);
}

static bool scan_literal(scopeflow__scanner *self, const char *literal) {
    for (; *literal != '\0'; literal++, self->at++)
        if (scopeflow__scan_peek(self) != *literal)
            return fail_syntax(self, "no value is written so");
    return true;
}

/* --- Values --- */

static bool scan_is_in_object(const scopeflow__scanner *self) {
    uint32_t const bit = self->depth - 1;
    return (self->is_object[bit / 8] >> (bit % 8)) & 1;
}

bool scopeflow__scan_open(scopeflow__scanner *self) {
    if (self->depth == self->depth_limit)
        return scopeflow__scan_fail(self, SCOPEFLOW_STATUS_LIMIT_EXCEEDED,
                                    "containers are nested deeper than depth_limit");
    uint32_t const bit = self->depth++;
    unsigned char const mask = (unsigned char)(1u << (bit % 8));
    if (mask == 1) self->is_object[bit / 8] = 0; /* The first of eight: nobody has written here. */
    if (self->text.ptr[self->at++] == '{')
        self->is_object[bit / 8] |= mask;
    else
        self->is_object[bit / 8] &= (unsigned char)~mask;
    return true;
}

static bool scan_scalar(scopeflow__scanner *self, char first) {
    scopeflow_bytes ignored;
    switch (first) {
    case '"': return scopeflow__scan_string(self, &ignored);
    case 't': return scan_literal(self, "true");
    case 'f': return scan_literal(self, "false");
    case 'n': return scan_literal(self, "null");
    default: break;
    }
    if (first != '-' && (first < '0' || first > '9'))
        return fail_syntax(self, "a value must stand here");
    return scan_number(self);
}

/* After a value: closes what ends here down to a depth, or passes the comma to the next value. */
static bool scan_value_end(scopeflow__scanner *self, uint32_t outside) {
    scopeflow_bytes ignored;
    while (self->depth > outside) {
        scopeflow__scan_space(self);
        bool const in_object = scan_is_in_object(self);
        char const c = scopeflow__scan_peek(self);
        if (c == ',') {
            self->at++;
            return !in_object || scopeflow__scan_key(self, &ignored);
        }
        if (c != (in_object ? '}' : ']'))
            return fail_syntax(self, "a comma or the end of the container must stand here");
        scopeflow__scan_close(self);
    }
    return true;
}

/* After an opening bracket: whether the container has a first value; passes that one's key. */
static bool scan_first(scopeflow__scanner *self, bool *out_has_value) {
    scopeflow_bytes ignored;
    bool const in_object = scan_is_in_object(self);
    scopeflow__scan_space(self);
    *out_has_value = scopeflow__scan_peek(self) != (in_object ? '}' : ']');
    return !*out_has_value || !in_object || scopeflow__scan_key(self, &ignored);
}

bool scopeflow__scan_value(scopeflow__scanner *self, scopeflow_bytes *out_json) {
    uint32_t const outside = self->depth;
    scopeflow__scan_space(self);
    size_t const start = self->at;
    do {
        scopeflow__scan_space(self);
        char const c = scopeflow__scan_peek(self);
        if (c == '{' || c == '[') {
            bool has_value;
            if (!scopeflow__scan_open(self) || !scan_first(self, &has_value)) return false;
            if (has_value) continue;
        } else if (!scan_scalar(self, c)) {
            return false;
        }
        if (!scan_value_end(self, outside)) return false;
    } while (self->depth > outside);
    *out_json = scopeflow__text(self->text.ptr + start, self->at - start);
    return true;
}

/* --- What the parser refuses --- */

static bool scan_document(scopeflow__scanner *self) {
    scopeflow_bytes ignored;
    if (!scopeflow__scan_value(self, &ignored)) return false;
    scopeflow__scan_space(self);
    return self->at == self->text.len || fail_syntax(self, "nothing may follow the value");
}

bool scopeflow__json_find_fault(scopeflow_bytes text, scopeflow__json_fault *out) {
    out->status = SCOPEFLOW_STATUS_LIMIT_EXCEEDED;
    out->at = SCOPEFLOW_JSON_SIZE_LIMIT_BYTES;
    out->problem = "the text is longer than json_size_limit";
    if (text.len > SCOPEFLOW_JSON_SIZE_LIMIT_BYTES) return true;

    scopeflow__scanner scanner;
    scopeflow__scanner_init(&scanner, text, SCOPEFLOW_JSON_DEPTH_LIMIT);
    if (scan_document(&scanner)) return false;
    out->status = scanner.status;
    out->at = scanner.at;
    out->problem = scanner.status == SCOPEFLOW_STATUS_LIMIT_EXCEEDED
                       ? "containers are nested deeper than json_depth_limit"
                       : scanner.problem;
    return true;
}
