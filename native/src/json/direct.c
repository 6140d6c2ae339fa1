#include "json/direct.h"

#include "json/sets.h"
#include "json/writing.h"

static scopeflow__json_direct *direct_of(scopeflow__tape_sink *sink) {
    return (scopeflow__json_direct *)(void *)sink;
}

/* A value is there, or was dropped for want of budget, of which the reader is told here. */
static void end_value(scopeflow__json_direct *self, bool is_written) {
    if (is_written) self->comma = true;
    self->key_due = self->in_object;
    if (self->depth == 0) self->is_complete = true;
    if (SCOPEFLOW__LIKELY(!self->writer.truncated)) return;
    self->sink.is_full = true;
    if (self->depth == 0 && is_written) return; /* A string that was cut says so itself. */
    scopeflow__json_write_truncation(&self->writer, self->comma, self->in_object);
    self->comma = true;
}

/* --- Sets: they are sorted when all of them is there --- */

static void hold(scopeflow__json_direct *self, const scopeflow__token *token);

static void begin_set(scopeflow__json_direct *self, const scopeflow__token *token) {
    scopeflow__tape_init(&self->held, self->writer.out->memory, self->writer.left_bytes);
    self->held.depth = self->depth; /* So that the limit is that of the whole payload. */
    hold(self, token);
}

static void end_set(scopeflow__json_direct *self) {
    scopeflow__tape_sort_sets(&self->held, 0);
    scopeflow__cursor sorted = scopeflow__tape_value(&self->held);
    if (self->held.bytes.failed) self->writer.out->failed = true;
    if (scopeflow__cursor_peek(&sorted) != SCOPEFLOW_TOKEN_SET) self->is_broken = true;
    end_value(self, scopeflow__json_write_from(&self->writer, self->from, &sorted));
    scopeflow__tape_deinit(&self->held);
    self->sink.is_full = self->writer.truncated;
}

static void hold(scopeflow__json_direct *self, const scopeflow__token *token) {
    scopeflow__tape_put(&self->held, token);
    self->sink.is_full = scopeflow_tape_is_full(&self->held);
    if (scopeflow__is_container(token->kind)) self->held_depth++;
    if (token->kind == SCOPEFLOW_TOKEN_END && --self->held_depth == 0) end_set(self);
}

/* --- Everything else is written as it comes --- */

/* A byte, and before it a comma where one is due. */
static void put_byte_behind_comma(scopeflow__json_direct *self, char byte) {
    scopeflow__buffer *const out = self->writer.out;
    if (!scopeflow__buffer_reserve(out, 2)) return;
    bool const comma = !self->in_object && self->comma;
    out->ptr[out->len] = ',';
    out->ptr[out->len + comma] = byte;
    out->len += 1u + comma;
}

static void begin_container(scopeflow__json_direct *self, scopeflow_token kind) {
    bool const is_object = kind == SCOPEFLOW_TOKEN_OBJECT;
    if (!self->in_object) self->from = self->writer.out->len;
    put_byte_behind_comma(self, is_object ? '{' : '[');
    if (!scopeflow__json_charge(&self->writer, self->from)) {
        self->hidden_depth = 1;
        end_value(self, false);
        return;
    }
    self->is_object[++self->depth] = is_object;
    self->in_object = is_object;
    self->comma = false;
    self->key_due = is_object;
}

static void end_container(scopeflow__json_direct *self) {
    if (self->depth == 0 || (self->in_object && !self->key_due)) {
        self->is_broken = true;
        return;
    }
    scopeflow__buffer_put_byte(self->writer.out, self->in_object ? '}' : ']');
    self->in_object = self->is_object[--self->depth];
    end_value(self, true);
}

/* The first key or element needs no comma. */
static void begin_value(scopeflow__json_direct *self) {
    self->from = self->writer.out->len;
    if (self->comma && self->depth > 0) scopeflow__buffer_put_byte(self->writer.out, ',');
}

static void put_key(scopeflow__json_direct *self, const scopeflow__token *token) {
    if (token->kind != SCOPEFLOW_TOKEN_STRING) self->is_broken = true;
    begin_value(self);
    scopeflow__json_write_string(self->writer.out, token->text);
    scopeflow__buffer_put_byte(self->writer.out, ':');
    self->key_due = false;
}

static void put_scalar(scopeflow__json_direct *self, const scopeflow__token *token) {
    if (token->kind == SCOPEFLOW__TOKEN_NONE) self->is_broken = true;
    if (self->depth == 0) self->is_null = token->kind == SCOPEFLOW_TOKEN_NULL;
    scopeflow__json_write_scalar(self->writer.out, token);
    end_value(self, scopeflow__json_charge(&self->writer, self->from));
}

static void put_too_deep(scopeflow__json_direct *self) {
    scopeflow__token mark;
    memset(&mark, 0, sizeof mark);
    mark.kind = SCOPEFLOW_TOKEN_TOO_DEEP;
    self->hidden_depth = 1;
    put_scalar(self, &mark);
}

static void put_value(scopeflow__json_direct *self, const scopeflow__token *token) {
    if (self->depth == 0 && self->is_complete) {
        self->is_broken = true;
        return;
    }
    bool const is_container = scopeflow__is_container(token->kind);
    bool const is_too_deep = is_container && self->depth == SCOPEFLOW_PAYLOAD_DEPTH_LIMIT;
    if (is_container && !is_too_deep && token->kind != SCOPEFLOW_TOKEN_SET) {
        begin_container(self, token->kind);
        return;
    }
    if (!self->in_object) begin_value(self);
    if (token->kind == SCOPEFLOW_TOKEN_STRING)
        end_value(self, scopeflow__json_write_string_from(&self->writer, self->from, token->text));
    else if (is_too_deep)
        put_too_deep(self);
    else if (is_container)
        begin_set(self, token);
    else
        put_scalar(self, token);
}

/* Of what stands in a container that is left out, or beyond the budget, only the ends count. */
static bool is_left_out(scopeflow__json_direct *self, scopeflow_token kind) {
    if (self->hidden_depth == 0 && !self->writer.truncated) return false;
    if (scopeflow__is_container(kind)) self->hidden_depth++;
    if (kind != SCOPEFLOW_TOKEN_END) return true;
    if (self->hidden_depth == 0) return false;
    self->hidden_depth--;
    return true;
}

/* Apart from what is in a hurry. */
static void take_slowly(scopeflow__json_direct *self, const scopeflow__token *token) {
    if (self->held_depth > 0)
        hold(self, token);
    else if (is_left_out(self, token->kind))
        return;
    else if (token->kind == SCOPEFLOW_TOKEN_END)
        end_container(self);
    else if (self->key_due)
        put_key(self, token);
    else
        put_value(self, token);
}

static SCOPEFLOW__NOINLINE void take_token(scopeflow__tape_sink *sink,
                                           const scopeflow__token *token) {
    scopeflow__json_direct *const self = direct_of(sink);
    take_slowly(self, token);
    self->is_usual =
        (self->held_depth | self->hidden_depth) == 0 && self->depth > 0 && !self->writer.truncated;
}

static SCOPEFLOW__NOINLINE void take_unusual(scopeflow__json_direct *self, scopeflow_token kind,
                                             scopeflow_bytes text) {
    scopeflow__token token;
    token.kind = text.len > SCOPEFLOW__TEXT_LIMIT_BYTES ? SCOPEFLOW_TOKEN_NULL : kind;
    token.text = text;
    token.number.as_uint = 0;
    take_token(&self->sink, &token);
}

/* --- What is usual: short texts and containers, inside of a container and within the budget --- */

/* Written without a call, so that no registers are saved for one. What wants more room or more work
 * is left to `take_token`. */
static inline bool has_room(const scopeflow__buffer *out, size_t bytes) {
    return out->capacity - out->len >= bytes && !out->failed;
}

/* Copies all of a text if it is nothing but plain bytes. */
SCOPEFLOW__INLINE bool copy_here(char *to, scopeflow_bytes text, bool any_length) {
    return any_length ? scopeflow__json_copy_all(to, text)
                      : scopeflow__copy_short(to, text.ptr, text.len, false) == text.len;
}

/* A key or a value with what stands around it; all of it or nothing. */
SCOPEFLOW__INLINE bool write_string_here(scopeflow__json_direct *self, scopeflow_bytes text,
                                         bool any_length) {
    enum { AROUND_BYTES = 4 };
    scopeflow__buffer *const out = self->writer.out;
    bool const is_key = self->key_due;
    bool const in_object = self->in_object;
    bool const comma = self->comma && (is_key || !in_object);
    size_t const from = is_key || !in_object ? out->len : self->from;
    size_t const after = out->len + comma + text.len + (is_key ? 3 : 2);
    if (!has_room(out, text.len + AROUND_BYTES) ||
        (!is_key && after - from > self->writer.left_bytes))
        return false;
    char *const to = out->ptr + out->len;
    char *const first = to + comma + 1;
    if (!copy_here(first, text, any_length)) return false;
    to[0] = ',';
    first[-1] = '"';
    first[text.len] = '"';
    first[text.len + 1] = ':';
    out->len = after;
    self->from = from;
    self->key_due = in_object && !is_key;
    if (is_key) return true;
    self->writer.left_bytes -= after - from;
    self->comma = true;
    return true;
}

/* A key and its text, in the same way. */
SCOPEFLOW__INLINE bool write_member_here(scopeflow__json_direct *self, scopeflow_bytes key,
                                         scopeflow_bytes text, bool any_length) {
    enum { AROUND_BYTES = 6 };
    scopeflow__buffer *const out = self->writer.out;
    size_t const most = key.len + text.len + AROUND_BYTES;
    if (!self->key_due || most > self->writer.left_bytes || !has_room(out, most)) return false;
    bool const comma = self->comma;
    char *const from = out->ptr + out->len;
    char *const first = from + comma + 1;
    char *const second = first + key.len + 3;
    if (!copy_here(first, key, any_length) || !copy_here(second, text, any_length)) return false;
    from[0] = ',';
    first[-1] = '"';
    memcpy(second - 3, "\":\"", 3);
    second[text.len] = '"';
    size_t const written = most - !comma;
    out->len += written;
    self->writer.left_bytes -= written;
    self->comma = true;
    return true;
}

static SCOPEFLOW__NOINLINE void take_longer_string(scopeflow__json_direct *self,
                                                   scopeflow_bytes text) {
    if (self->is_usual && text.len >= SCOPEFLOW__PLAIN_BLOCK &&
        text.len <= SCOPEFLOW__SHORT_STRING_BYTES && write_string_here(self, text, true))
        return;
    take_unusual(self, SCOPEFLOW_TOKEN_STRING, text);
}

static void take_string(scopeflow__tape_sink *sink, scopeflow_bytes text) {
    scopeflow__json_direct *const self = direct_of(sink);
    if (self->is_usual && text.len < SCOPEFLOW__PLAIN_BLOCK && write_string_here(self, text, false))
        return;
    take_longer_string(self, text);
}

static SCOPEFLOW__NOINLINE void take_longer_member(scopeflow__json_direct *self,
                                                   scopeflow_bytes key, scopeflow_bytes text) {
    if (self->is_usual && (key.len | text.len) <= SCOPEFLOW__SHORT_STRING_BYTES &&
        write_member_here(self, key, text, true))
        return;
    take_string(&self->sink, key);
    take_string(&self->sink, text);
}

static void take_member(scopeflow__tape_sink *sink, scopeflow_bytes key, scopeflow_bytes text) {
    scopeflow__json_direct *const self = direct_of(sink);
    if (self->is_usual && (key.len | text.len) < SCOPEFLOW__PLAIN_BLOCK &&
        write_member_here(self, key, text, false))
        return;
    take_longer_member(self, key, text);
}

/* Opens a container inside of another one. */
SCOPEFLOW__INLINE bool open_here(scopeflow__json_direct *self, bool is_object) {
    scopeflow__buffer *const out = self->writer.out;
    bool const in_object = self->in_object;
    bool const comma = !in_object && self->comma;
    size_t const from = in_object ? self->from : out->len; /* The key is paid for now. */
    size_t const after = out->len + 1 + comma;
    if (self->key_due || self->depth >= SCOPEFLOW_PAYLOAD_DEPTH_LIMIT ||
        after - from > self->writer.left_bytes || !has_room(out, 2))
        return false;
    char *const to = out->ptr + out->len;
    to[0] = ',';
    to[comma] = is_object ? '{' : '[';
    out->len = after;
    self->writer.left_bytes -= after - from;
    self->is_object[++self->depth] = is_object;
    self->in_object = is_object;
    self->comma = false;
    self->key_due = is_object;
    return true;
}

/* Closes one that stands inside of another one. */
SCOPEFLOW__INLINE bool close_here(scopeflow__json_direct *self) {
    scopeflow__buffer *const out = self->writer.out;
    bool const in_object = self->in_object;
    if (self->depth < 2 || in_object != self->key_due || !has_room(out, 1)) return false;
    out->ptr[out->len++] = in_object ? '}' : ']';
    bool const outer = self->is_object[--self->depth];
    self->in_object = outer;
    self->key_due = outer;
    self->comma = true;
    return true;
}

static void take_mark(scopeflow__tape_sink *sink, scopeflow_token kind) {
    scopeflow__json_direct *const self = direct_of(sink);
    if (self->is_usual) {
        bool is_done = false;
        if (kind == SCOPEFLOW_TOKEN_END)
            is_done = close_here(self);
        else if (kind == SCOPEFLOW_TOKEN_OBJECT || kind == SCOPEFLOW_TOKEN_ARRAY)
            is_done = open_here(self, kind == SCOPEFLOW_TOKEN_OBJECT);
        if (is_done) return;
    }
    take_unusual(self, scopeflow__mark_of(kind), scopeflow__text("", 0));
}

void scopeflow__json_direct_begin(scopeflow__json_direct *self, scopeflow_tape *tape,
                                  const scopeflow__json_writer *writer) {
    memset(self, 0, offsetof(scopeflow__json_direct, is_object));
    self->sink.put = take_token;
    self->sink.put_string = take_string;
    self->sink.put_member = take_member;
    self->sink.put_mark = take_mark;
    self->is_object[0] = false;
    self->writer = *writer;
    self->start = self->writer.out->len;
    tape->sink = &self->sink;
}

bool scopeflow__json_direct_end(scopeflow__json_direct *self) {
    if (self->held_depth > 0) scopeflow__tape_deinit(&self->held);
    if (self->is_complete && !self->is_broken && self->held_depth == 0) return self->is_null;
    self->writer.out->len = self->start;
    scopeflow__buffer_put(self->writer.out, "null", 4);
    return true;
}
