#include "value/tape.h"

static const unsigned char null_token[] = {SCOPEFLOW_TOKEN_NULL};

void scopeflow__tape_init(scopeflow_tape *self, const scopeflow__memory *memory, size_t full_at) {
    scopeflow__buffer_init(&self->bytes, memory);
    self->depth = 0;
    self->skipped_depth = 0;
    self->least_output = 0;
    self->full_at = full_at;
}

void scopeflow__tape_deinit(scopeflow_tape *self) {
    scopeflow__buffer_deinit(&self->bytes);
}

/* --- Appending --- */

static bool begin_token(scopeflow_tape *self, scopeflow_token kind, size_t content_bytes) {
    if (self->skipped_depth > 0) return false;
    if (!scopeflow__buffer_reserve(&self->bytes, 1 + content_bytes)) return false;

    self->bytes.ptr[self->bytes.len++] = (char)kind;
    self->least_output += 1;
    return true;
}

/* In a row of its own first, so that it becomes one store. */
static void put_little_endian(scopeflow_tape *self, uint64_t value, size_t size_bytes) {
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(value >> (8 * i));
    memcpy(self->bytes.ptr + self->bytes.len, bytes, size_bytes);
    self->bytes.len += size_bytes;
}

void scopeflow_tape_put_null(scopeflow_tape *self) {
    (void)begin_token(self, SCOPEFLOW_TOKEN_NULL, 0);
}

void scopeflow_tape_put_bool(scopeflow_tape *self, uint32_t value) {
    (void)begin_token(self, value != 0 ? SCOPEFLOW_TOKEN_TRUE : SCOPEFLOW_TOKEN_FALSE, 0);
}

void scopeflow_tape_put_int(scopeflow_tape *self, int64_t value) {
    if (begin_token(self, SCOPEFLOW_TOKEN_INT, 8)) put_little_endian(self, (uint64_t)value, 8);
}

void scopeflow_tape_put_uint(scopeflow_tape *self, uint64_t value) {
    if (begin_token(self, SCOPEFLOW_TOKEN_UINT, 8)) put_little_endian(self, value, 8);
}

void scopeflow_tape_put_double(scopeflow_tape *self, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (begin_token(self, SCOPEFLOW_TOKEN_DOUBLE, 8)) put_little_endian(self, bits, 8);
}

static bool has_text(scopeflow_token kind) {
    return kind == SCOPEFLOW_TOKEN_STRING || kind == SCOPEFLOW_TOKEN_BYTES ||
           kind == SCOPEFLOW_TOKEN_BIG_INTEGER || kind == SCOPEFLOW_TOKEN_UNSERIALIZABLE;
}

void scopeflow_tape_put_text(scopeflow_tape *self, scopeflow_token token, scopeflow_bytes text) {
    if (!has_text(token) || text.len > UINT32_MAX - 5) {
        scopeflow_tape_put_null(self);
        return;
    }
    if (!begin_token(self, token, 4 + text.len)) return;
    put_little_endian(self, text.len, 4);
    scopeflow__buffer_put_text(&self->bytes, text);
    self->least_output += text.len;
}

void scopeflow__tape_put_string(scopeflow_tape *self, scopeflow_bytes text) {
    scopeflow_tape_put_text(self, SCOPEFLOW_TOKEN_STRING, text);
}

void scopeflow_tape_put_cycle(scopeflow_tape *self, uint32_t levels) {
    if (begin_token(self, SCOPEFLOW_TOKEN_CYCLE, 4)) put_little_endian(self, levels, 4);
}

void scopeflow_tape_put_mark(scopeflow_tape *self, scopeflow_token token) {
    if (scopeflow__is_container(token)) {
        if (self->skipped_depth > 0 || self->depth == SCOPEFLOW_PAYLOAD_DEPTH_LIMIT) {
            (void)begin_token(self, SCOPEFLOW_TOKEN_TOO_DEEP, 0);
            self->skipped_depth++;
            return;
        }
        self->depth++;
    } else if (token == SCOPEFLOW_TOKEN_END) {
        if (self->skipped_depth > 0) {
            self->skipped_depth--;
            return;
        }
        if (self->depth > 0) self->depth--;
    }
    (void)begin_token(self, token, 0);
}

void scopeflow_tape_put_tokens(scopeflow_tape *self, scopeflow_bytes tokens) {
    if (self->skipped_depth > 0) return;
    scopeflow__buffer_put_text(&self->bytes, tokens);
    self->least_output += tokens.len;
}

void scopeflow__tape_put_value(scopeflow_tape *self, scopeflow__cursor value) {
    scopeflow_tape_put_tokens(
        self, scopeflow__text((const char *)value.at, (size_t)(value.end - value.at)));
}

uint32_t scopeflow_tape_is_full(const scopeflow_tape *self) {
    return self->bytes.failed || self->least_output > self->full_at;
}

/* --- Reading --- */

static uint64_t get_little_endian(const unsigned char *at, size_t size_bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < size_bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* Bytes that follow the first byte of a token, before its text. */
static size_t head_size(scopeflow_token kind) {
    static const unsigned char sizes[SCOPEFLOW_TOKEN_END + 1] = {0, 0, 0, 8, 8, 8, 4, 4,
                                                                 4, 4, 0, 4, 0, 0, 0, 0};
    return sizes[kind];
}

/* The same, the text included, of a token that is known to be there. */
static size_t content_size(const unsigned char *at) {
    size_t const head = head_size(at[0]);
    return has_text(at[0]) ? head + (size_t)get_little_endian(at + 1, 4) : head;
}

/* SIZE_MAX if the token is none or cut short. */
static size_t checked_content_size(const unsigned char *at, const unsigned char *end) {
    size_t const left = (size_t)(end - at) - 1;
    if (at[0] > SCOPEFLOW_TOKEN_END || head_size(at[0]) > left) return SIZE_MAX;
    if (!has_text(at[0])) return head_size(at[0]);
    uint64_t const len = get_little_endian(at + 1, 4);
    return len <= left - 4 ? 4 + (size_t)len : SIZE_MAX;
}

/* One bit for each open container says whether it is an object; another whether a key is due. */
static bool is_one_value(const unsigned char *at, const unsigned char *end) {
    unsigned char is_object[SCOPEFLOW_PAYLOAD_DEPTH_LIMIT];
    uint32_t depth = 0;
    bool key_due = false;
    while (at < end) {
        scopeflow_token const kind = *at;
        size_t const size = checked_content_size(at, end);
        if (size == SIZE_MAX) return false;
        at += 1 + size;

        if (kind == SCOPEFLOW_TOKEN_END) {
            if (depth == 0 || (is_object[depth - 1] && !key_due)) return false;
            depth--;
        } else if (key_due) {
            if (kind != SCOPEFLOW_TOKEN_STRING) return false;
            key_due = false;
            continue;
        } else if (scopeflow__is_container(kind)) {
            if (depth == SCOPEFLOW_PAYLOAD_DEPTH_LIMIT) return false;
            is_object[depth++] = kind == SCOPEFLOW_TOKEN_OBJECT;
        }
        if (depth == 0) return at == end;
        key_due = is_object[depth - 1];
    }
    return false;
}

scopeflow__cursor scopeflow__tape_value(const scopeflow_tape *self) {
    scopeflow__cursor cursor;
    cursor.at = (const unsigned char *)self->bytes.ptr;
    cursor.end = cursor.at + self->bytes.len;
    if (self->bytes.failed || self->bytes.len == 0 || !is_one_value(cursor.at, cursor.end)) {
        cursor.at = null_token;
        cursor.end = null_token + sizeof null_token;
    }
    return cursor;
}

scopeflow_token scopeflow__cursor_peek(const scopeflow__cursor *self) {
    return self->at[0];
}

scopeflow__token scopeflow__cursor_read(scopeflow__cursor *self) {
    const unsigned char *const content = self->at + 1;
    size_t const head = head_size(self->at[0]);
    scopeflow__token token;
    token.kind = self->at[0];
    token.text = scopeflow__text("", 0);
    token.number.as_uint = 0;
    self->at = content + head;
    if (head == 8) {
        uint64_t const bits = get_little_endian(content, 8);
        memcpy(&token.number, &bits, sizeof bits);
    } else if (head == 4) {
        uint32_t const number = (uint32_t)get_little_endian(content, 4);
        if (token.kind == SCOPEFLOW_TOKEN_CYCLE) {
            token.number.as_levels = number;
        } else {
            token.text = scopeflow__text((const char *)self->at, number);
            self->at += number;
        }
    }
    return token;
}

scopeflow__cursor scopeflow__cursor_take(scopeflow__cursor *self) {
    scopeflow__cursor value = *self;
    uint32_t depth = 0;
    do {
        scopeflow_token const kind = self->at[0];
        if (scopeflow__is_container(kind)) depth++;
        if (kind == SCOPEFLOW_TOKEN_END) depth--;
        self->at += 1 + content_size(self->at);
    } while (depth > 0);
    value.end = self->at;
    return value;
}
