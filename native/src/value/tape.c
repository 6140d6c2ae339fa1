#include "value/tape.h"

#include "base/vector.h"

static const unsigned char null_token[] = {SCOPEFLOW_TOKEN_NULL};

void scopeflow__tape_init(scopeflow_tape *self, const scopeflow__memory *memory, size_t full_at) {
    scopeflow__buffer_init(&self->bytes, memory);
    self->sink = NULL;
    self->depth = 0;
    self->skipped_depth = 0;
    self->has_set = false;
    self->least_output = 0;
    self->full_at = full_at;
}

void scopeflow__tape_deinit(scopeflow_tape *self) {
    scopeflow__buffer_deinit(&self->bytes);
}

/* --- Appending --- */

static bool has_text(scopeflow_token kind) {
    return kind == SCOPEFLOW_TOKEN_STRING || kind == SCOPEFLOW_TOKEN_BYTES ||
           kind == SCOPEFLOW_TOKEN_BIG_INTEGER || kind == SCOPEFLOW_TOKEN_UNSERIALIZABLE;
}

static void keep_text(scopeflow_tape *self, scopeflow_token kind, scopeflow_bytes text) {
    char *const at = scopeflow__tape_begin(self, kind, 4 + text.len);
    if (at == NULL) return;
    scopeflow__put_u32(at, (uint32_t)text.len);
    scopeflow__copy_text(at + 4, text.ptr, text.len);
    scopeflow__tape_end(self, 4 + text.len, text.len);
}

static void keep_cycle(scopeflow_tape *self, uint32_t levels) {
    char *const at = scopeflow__tape_begin(self, SCOPEFLOW_TOKEN_CYCLE, 4);
    if (at == NULL) return;
    scopeflow__put_u32(at, levels);
    scopeflow__tape_end(self, 4, 0);
}

/* Integers and doubles. */
static bool has_number(scopeflow_token kind) {
    return kind == SCOPEFLOW_TOKEN_INT || kind == SCOPEFLOW_TOKEN_UINT ||
           kind == SCOPEFLOW_TOKEN_DOUBLE;
}

void scopeflow__tape_put(scopeflow_tape *self, const scopeflow__token *token) {
    if (has_text(token->kind))
        keep_text(self, token->kind, token->text);
    else if (token->kind == SCOPEFLOW_TOKEN_CYCLE)
        keep_cycle(self, (uint32_t)token->number.as_levels);
    else if (has_number(token->kind))
        scopeflow__tape_put_number(self, token->kind, token->number.as_uint);
    else
        scopeflow__tape_put_mark(self, token->kind);
}

/* Keeps it or hands it on. */
static void keep_or_hand_on(scopeflow_tape *self, scopeflow_token kind, scopeflow_bytes text,
                            uint64_t bits) {
    scopeflow__token token;
    token.kind = kind;
    token.text = text;
    token.number.as_uint = bits;
    if (self->sink != NULL)
        self->sink->put(self->sink, &token);
    else
        scopeflow__tape_put(self, &token);
}

static const scopeflow_bytes no_text = {"", 0};

void scopeflow_tape_put_null(scopeflow_tape *self) {
    keep_or_hand_on(self, SCOPEFLOW_TOKEN_NULL, no_text, 0);
}

void scopeflow_tape_put_bool(scopeflow_tape *self, uint32_t value) {
    keep_or_hand_on(self, value != 0 ? SCOPEFLOW_TOKEN_TRUE : SCOPEFLOW_TOKEN_FALSE, no_text, 0);
}

void scopeflow_tape_put_int(scopeflow_tape *self, int64_t value) {
    keep_or_hand_on(self, SCOPEFLOW_TOKEN_INT, no_text, (uint64_t)value);
}

void scopeflow_tape_put_uint(scopeflow_tape *self, uint64_t value) {
    keep_or_hand_on(self, SCOPEFLOW_TOKEN_UINT, no_text, value);
}

void scopeflow_tape_put_double(scopeflow_tape *self, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    keep_or_hand_on(self, SCOPEFLOW_TOKEN_DOUBLE, no_text, bits);
}

void scopeflow_tape_put_text(scopeflow_tape *self, scopeflow_token token, scopeflow_bytes text) {
    if (token == SCOPEFLOW_TOKEN_STRING && self->sink != NULL)
        self->sink->put_string(self->sink, text);
    else if (!has_text(token) || text.len > SCOPEFLOW__TEXT_LIMIT_BYTES)
        scopeflow_tape_put_null(self);
    else
        keep_or_hand_on(self, token, text, 0);
}

void scopeflow_tape_put_member(scopeflow_tape *self, scopeflow_bytes key, scopeflow_bytes text) {
    if (self->sink != NULL) {
        self->sink->put_member(self->sink, key, text);
        return;
    }
    scopeflow__tape_put_string(self, key);
    scopeflow__tape_put_string(self, text);
}

void scopeflow__tape_put_string(scopeflow_tape *self, scopeflow_bytes text) {
    scopeflow_tape_put_text(self, SCOPEFLOW_TOKEN_STRING, text);
}

void scopeflow_tape_put_cycle(scopeflow_tape *self, uint32_t levels) {
    keep_or_hand_on(self, SCOPEFLOW_TOKEN_CYCLE, no_text, levels);
}

void scopeflow_tape_put_mark(scopeflow_tape *self, scopeflow_token token) {
    if (self->sink != NULL)
        self->sink->put_mark(self->sink, token);
    else
        keep_or_hand_on(self, scopeflow__mark_of(token), no_text, 0);
}

/* --- Rows --- */

static void hand_on_row(scopeflow_tape *self, scopeflow_bytes tokens) {
    const unsigned char *const first = (const unsigned char *)tokens.ptr;
    bool has_set;
    if (tokens.len == 0 || !scopeflow__is_one_value(first, first + tokens.len, &has_set)) {
        scopeflow_tape_put_null(self);
        return;
    }
    scopeflow__cursor row = {first, first + tokens.len};
    while (!scopeflow__cursor_is_done(&row)) {
        scopeflow__token const token = scopeflow__cursor_read(&row);
        self->sink->put(self->sink, &token);
    }
}

/* A row that there is no room for leaves its first token behind, as tokens do that come singly. */
static void keep_kind(scopeflow__buffer *bytes, scopeflow_bytes tokens) {
    bool const is_first = bytes->len == 0 && bytes->capacity > 0;
    if (is_first && tokens.len > 0) bytes->ptr[bytes->len++] = tokens.ptr[0];
}

void scopeflow_tape_put_tokens(scopeflow_tape *self, scopeflow_bytes tokens) {
    if (self->sink != NULL) {
        hand_on_row(self, tokens);
        return;
    }
    if (self->skipped_depth > 0) return;
    if (!self->has_set)
        self->has_set =
            tokens.len > 0 && memchr(tokens.ptr, SCOPEFLOW_TOKEN_SET, tokens.len) != NULL;
    if (scopeflow__buffer_reserve(&self->bytes, tokens.len))
        scopeflow__buffer_put_text(&self->bytes, tokens);
    else
        keep_kind(&self->bytes, tokens);
    self->least_output += tokens.len;
}

void scopeflow__tape_put_value(scopeflow_tape *self, scopeflow__cursor value) {
    scopeflow_tape_put_tokens(
        self, scopeflow__text((const char *)value.at, (size_t)(value.end - value.at)));
}

uint32_t scopeflow_tape_is_full(const scopeflow_tape *self) {
    if (self->sink != NULL) return self->sink->is_full;
    return self->bytes.failed || self->least_output > self->full_at;
}

size_t scopeflow_tape_full_at(const scopeflow_tape *self) {
    return self->full_at;
}

/* --- Reading --- */

/* The same, the text included, of a token that is known to be there. */
static size_t content_size(const unsigned char *at) {
    size_t const head = scopeflow__token_head_bytes(at[0]);
    return has_text(at[0]) ? head + (size_t)scopeflow__get_u32(at + 1) : head;
}

/* SIZE_MAX if the token is none or cut short. */
static size_t checked_content_size(const unsigned char *at, const unsigned char *end) {
    size_t const left = (size_t)(end - at) - 1;
    if (at[0] > SCOPEFLOW_TOKEN_END || scopeflow__token_head_bytes(at[0]) > left) return SIZE_MAX;
    if (!has_text(at[0])) return scopeflow__token_head_bytes(at[0]);
    uint64_t const len = scopeflow__get_u32(at + 1);
    return len <= left - 4 ? 4 + (size_t)len : SIZE_MAX;
}

/* One bit for each open container says whether it is an object; another whether a key is due. */
bool scopeflow__is_one_value(const unsigned char *at, const unsigned char *end, bool *out_has_set) {
    unsigned char is_object[SCOPEFLOW_PAYLOAD_DEPTH_LIMIT];
    uint32_t depth = 0;
    bool key_due = false;
    *out_has_set = false;
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
            *out_has_set |= kind == SCOPEFLOW_TOKEN_SET;
        }
        if (depth == 0) return at == end;
        key_due = is_object[depth - 1];
    }
    return false;
}

scopeflow__cursor scopeflow__tape_value(const scopeflow_tape *self) {
    scopeflow__cursor cursor;
    cursor.at = null_token;
    cursor.end = null_token + sizeof null_token;
    if (self->bytes.failed || self->bytes.len == 0) return cursor;
    const unsigned char *const at = (const unsigned char *)self->bytes.ptr;
    bool has_set;
    if (!scopeflow__is_one_value(at, at + self->bytes.len, &has_set)) return cursor;
    cursor.at = at;
    cursor.end = at + self->bytes.len;
    return cursor;
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
