/* Server-sent events from bytes that are cut anywhere (WHATWG HTML, 9.2.6). One row of bytes holds
 * what was fed; a line that is not yet whole stays in it, and no byte of it is searched twice. */
#include "base/checks.gen.h"
#include "base/fed.h"
#include "base/utf8.h"
#include "scope/runtime.h"

struct scopeflow_sse_decoder {
    scopeflow_runtime *runtime; /* Held: it lends the memory. */
    uint32_t line_limit_bytes;

    scopeflow__fed input;
    uint64_t event_offset; /* Of the first line of the event that is being read. */
    bool is_behind_cr;     /* An LF that comes next belongs to the line before. */
    bool is_skipping_line; /* Inside a line beyond the limit. */
    bool is_bad;           /* The event that is being read is skipped. */
    bool has_data;
    bool is_told; /* The event that was read last is still lent. */

    scopeflow__buffer event;
    scopeflow__buffer data;
    scopeflow__buffer pending_id; /* Counts once its event is over. */
    scopeflow__buffer last_id;
    scopeflow__buffer shown; /* Data whose UTF-8 had to be mended. */
    bool has_retry;
    uint64_t retry_ms;
};

/* --- Its life --- */

static void init_buffers(scopeflow_sse_decoder *self) {
    const scopeflow__memory *const memory = &self->runtime->memory;
    scopeflow__fed_init(&self->input, memory);
    scopeflow__buffer_init(&self->event, memory);
    scopeflow__buffer_init(&self->data, memory);
    scopeflow__buffer_init(&self->pending_id, memory);
    scopeflow__buffer_init(&self->last_id, memory);
    scopeflow__buffer_init(&self->shown, memory);
}

scopeflow_status scopeflow_sse_decoder_new(const scopeflow_sse_decoder_new_options *options,
                                           scopeflow_sse_decoder **out_decoder,
                                           scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_sse_decoder_new(options, out_decoder, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_runtime *const runtime = options->runtime;
    SCOPEFLOW__REQUIRE(runtime != NULL, out_error, "runtime must not be null");

    scopeflow_sse_decoder *const self =
        (scopeflow_sse_decoder *)scopeflow__allocate(&runtime->memory, sizeof *self);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    memset(self, 0, sizeof *self);
    scopeflow__ref_up(&runtime->refs);
    self->runtime = runtime;
    self->line_limit_bytes = options->line_limit_bytes;
    init_buffers(self);
    *out_decoder = self;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow_sse_decoder_free(scopeflow_sse_decoder *self) {
    if (self == NULL) return;
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__fed_deinit(&self->input);
    scopeflow__buffer_deinit(&self->event);
    scopeflow__buffer_deinit(&self->data);
    scopeflow__buffer_deinit(&self->pending_id);
    scopeflow__buffer_deinit(&self->last_id);
    scopeflow__buffer_deinit(&self->shown);
    scopeflow__deallocate(&runtime->memory, self, sizeof *self);
    scopeflow__runtime_release(runtime);
}

/* --- What goes in --- */

scopeflow_status scopeflow_sse_decoder_feed(scopeflow_sse_decoder *self, scopeflow_bytes chunk,
                                            scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_sse_decoder_feed(self, chunk, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    return scopeflow__fed_put(&self->input, chunk,
                              "the events of the bytes before were not read up to `more`",
                              out_error);
}

scopeflow_status scopeflow_sse_decoder_finish(scopeflow_sse_decoder *self,
                                              scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_sse_decoder_finish(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    self->input.is_finished = true;
    return SCOPEFLOW_STATUS_OK;
}

/* --- Lines --- */

/* An LF behind the CR that has ended a line ends none. One that comes later counts to the event
 * that follows. */
static void pass_half_line_end(scopeflow_sse_decoder *self) {
    if (!self->is_behind_cr || self->input.at == self->input.bytes.len) return;
    if (self->input.bytes.ptr[self->input.at] == '\n') scopeflow__fed_pass(&self->input, 1);
    self->is_behind_cr = false;
}

/* False where the end of the line at `at` is not here yet. */
static bool find_line_end(scopeflow_sse_decoder *self) {
    while (self->input.searched < self->input.bytes.len) {
        char const c = self->input.bytes.ptr[self->input.searched];
        if (c == '\n' || c == '\r') return true;
        self->input.searched++;
    }
    return false;
}

/* A byte order mark may stand before everything. */
static bool waits_for_mark(const scopeflow_sse_decoder *self) {
    size_t const left = scopeflow__fed_left(&self->input);
    return self->input.offset == 0 && left > 0 && left < 3 && !self->input.is_finished &&
           memcmp(scopeflow__fed_start(&self->input), "\xEF\xBB\xBF", left) == 0;
}

static void pass_mark(scopeflow_sse_decoder *self) {
    if (scopeflow__fed_has_mark(&self->input)) scopeflow__fed_pass(&self->input, 3);
}

/* Takes the line at `at`, whose end was found. */
static scopeflow_bytes take_sse_line(scopeflow_sse_decoder *self) {
    scopeflow_bytes const line =
        scopeflow__text(scopeflow__fed_start(&self->input), self->input.searched - self->input.at);
    self->is_behind_cr = self->input.bytes.ptr[self->input.searched] == '\r';
    scopeflow__fed_pass(&self->input, line.len + 1);
    pass_half_line_end(self);
    return line;
}

/* --- Fields --- */

static bool is_field(scopeflow_bytes name, const char *field) {
    return scopeflow__same_text(name, scopeflow__c_text(field));
}

static void set_text(scopeflow__buffer *buffer, scopeflow_bytes text) {
    buffer->len = 0;
    scopeflow__buffer_put_text(buffer, text);
}

static void add_data(scopeflow_sse_decoder *self, scopeflow_bytes value) {
    if (self->data.len + self->has_data + value.len > self->line_limit_bytes) {
        self->is_bad = true;
        return;
    }
    if (self->has_data) scopeflow__buffer_put_byte(&self->data, '\n');
    scopeflow__buffer_put_text(&self->data, value);
    self->has_data = true;
}

/* Digits and nothing else; as many milliseconds as nobody waits are all the same. */
static void set_retry(scopeflow_sse_decoder *self, scopeflow_bytes value) {
    uint64_t number = 0;
    if (value.len == 0) return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') return;
        if (number < UINT64_MAX / 16) number = number * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    self->has_retry = true;
    self->retry_ms = number;
}

static void set_id(scopeflow_sse_decoder *self, scopeflow_bytes value) {
    if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL) return;
    set_text(&self->pending_id, value);
}

static void read_field(scopeflow_sse_decoder *self, scopeflow_bytes line) {
    const char *const colon = (const char *)memchr(line.ptr, ':', line.len);
    size_t const len = colon != NULL ? (size_t)(colon - line.ptr) : line.len;
    scopeflow_bytes const name = scopeflow__text(line.ptr, len);
    scopeflow_bytes value = scopeflow__text(line.ptr + len, line.len - len);
    if (value.len > 0) value = scopeflow__text(value.ptr + 1, value.len - 1);
    if (value.len > 0 && value.ptr[0] == ' ') value = scopeflow__text(value.ptr + 1, value.len - 1);
    if (is_field(name, "data"))
        add_data(self, value);
    else if (is_field(name, "event"))
        set_text(&self->event, value);
    else if (is_field(name, "id"))
        set_id(self, value);
    else if (is_field(name, "retry"))
        set_retry(self, value);
}

/* --- Events --- */

static void clear_event(scopeflow_sse_decoder *self) {
    self->event.len = 0;
    self->data.len = 0;
    self->has_data = false;
    self->is_bad = false;
}

/* Well-formed UTF-8 of it, in `out` where it had to be mended. */
static scopeflow_bytes mended(scopeflow_bytes text, scopeflow__buffer *out) {
    if (scopeflow__utf8_is_valid(text)) return text;
    out->len = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t code_point = 0;
        bool is_valid = false;
        char utf8[4];
        at += scopeflow__utf8_decode(text, at, &code_point, &is_valid);
        scopeflow__buffer_put(out, utf8, scopeflow__utf8_encode(code_point, utf8));
    }
    return scopeflow__text(out->ptr, out->len);
}

static scopeflow_bytes bytes_in(const scopeflow__buffer *buffer) {
    return scopeflow__text(buffer->len > 0 ? buffer->ptr : "", buffer->len);
}

static void mend(scopeflow__buffer *buffer, scopeflow__buffer *spare) {
    scopeflow_bytes const text = mended(bytes_in(buffer), spare);
    if (text.len > 0 && text.ptr == spare->ptr) set_text(buffer, text);
}

/* The event whose blank line was read; false for one that has nothing to tell: what it takes of the
 * input counts to the next one. */
static bool tell_event(scopeflow_sse_decoder *self, scopeflow_sse_item *out) {
    mend(&self->pending_id, &self->shown);
    set_text(&self->last_id, bytes_in(&self->pending_id));
    if (!self->is_bad && !self->has_data) return false;
    out->item = self->is_bad ? SCOPEFLOW_SSE_ITEM_KIND_BAD_EVENT : SCOPEFLOW_SSE_ITEM_KIND_EVENT;
    out->offset_bytes = self->event_offset;
    out->size_bytes = self->input.offset - self->event_offset;
    if (self->is_bad) return true;
    mend(&self->event, &self->shown);
    out->event = self->event.len > 0 ? bytes_in(&self->event) : SCOPEFLOW__TEXT("message");
    out->data = mended(bytes_in(&self->data), &self->shown);
    return true;
}

static void tell_state(const scopeflow_sse_decoder *self, scopeflow_sse_item *out) {
    out->has_retry = self->has_retry;
    out->retry_ms = self->retry_ms;
    out->last_id = bytes_in(&self->last_id);
}

/* Drops as much of a line beyond the limit as is here. */
static void skip_long_line(scopeflow_sse_decoder *self) {
    self->is_bad = true;
    self->is_skipping_line = true;
    scopeflow__fed_pass(&self->input, self->input.searched - self->input.at);
}

static bool is_too_long(const scopeflow_sse_decoder *self) {
    return self->input.searched - self->input.at > self->line_limit_bytes;
}

/* Reads lines up to the end of an event; false where there are no more of them. */
static bool read_event(scopeflow_sse_decoder *self, scopeflow_sse_item *out) {
    for (;;) {
        pass_half_line_end(self);
        if (waits_for_mark(self)) return false;
        pass_mark(self);
        bool const is_whole = find_line_end(self);
        if (is_too_long(self) || (self->is_skipping_line && !is_whole)) skip_long_line(self);
        if (!is_whole) return false;
        scopeflow_bytes const line = take_sse_line(self);
        bool const was_skipping = self->is_skipping_line;
        self->is_skipping_line = false;
        if (was_skipping) continue;
        if (line.len > 0) {
            if (line.ptr[0] != ':') read_field(self, line);
            continue;
        }
        if (tell_event(self, out)) return true;
        clear_event(self);
    }
}

static bool has_failed(scopeflow_sse_decoder *self) {
    scopeflow__buffer *const buffers[] = {&self->event, &self->data, &self->pending_id,
                                          &self->last_id, &self->shown};
    bool failed = false;
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        failed |= buffers[i]->failed;
        buffers[i]->failed = false; /* Memory may come back, for the events that follow. */
    }
    return failed;
}

scopeflow_status scopeflow_sse_decoder_next(scopeflow_sse_decoder *self,
                                            scopeflow_sse_item *out_item,
                                            scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_sse_decoder_next(self, out_item, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    memset(out_item, 0, sizeof *out_item);
    if (self->is_told) {
        clear_event(self);
        self->event_offset = self->input.offset;
    }
    self->is_told = read_event(self, out_item);
    if (!self->is_told) {
        self->input.is_hungry = !self->input.is_finished;
        out_item->item =
            self->input.is_finished ? SCOPEFLOW_SSE_ITEM_KIND_END : SCOPEFLOW_SSE_ITEM_KIND_MORE;
        out_item->offset_bytes = out_item->size_bytes = 0;
    }
    tell_state(self, out_item);
    return has_failed(self) ? scopeflow__fail_memory(out_error) : SCOPEFLOW_STATUS_OK;
}
