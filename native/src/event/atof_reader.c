/* The reader of event files: bytes in chunks of any size go in, lines come out (S2.9). It holds
 * one row of bytes; what was read is dropped when more is fed. Bounded by the line's limit and the
 * chunk, whatever the bytes are (S7.4). */
#include "base/checks.gen.h"
#include "base/fed.h"
#include "base/utf8.h"
#include "event/atof_line.h"
#include "json/number.h"
#include "scope/runtime.h"

struct scopeflow_atof_reader {
    scopeflow_runtime *runtime; /* Held: it lends the memory. */
    uint32_t line_limit_bytes;
    uint32_t depth_limit;

    scopeflow__fed input;
    uint64_t line_count; /* Of lines read. */
    bool is_skipping;    /* Inside a line that was told to be too long. */

    scopeflow__line_texts texts;
    scopeflow_error problem; /* Of the last bad line: its message is lent. */
};

/* --- Its life --- */

scopeflow_status scopeflow_atof_reader_new(const scopeflow_atof_reader_new_options *options,
                                           scopeflow_atof_reader **out_reader,
                                           scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_atof_reader_new(options, out_reader, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_runtime *const runtime = options->runtime;
    SCOPEFLOW__REQUIRE(runtime != NULL, out_error, "runtime must not be null");

    scopeflow_atof_reader *const self =
        (scopeflow_atof_reader *)scopeflow__allocate(&runtime->memory, sizeof *self);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    memset(self, 0, sizeof *self);
    scopeflow__ref_up(&runtime->refs);
    self->runtime = runtime;
    self->line_limit_bytes = options->line_limit_bytes;
    self->depth_limit = options->depth_limit;
    scopeflow__fed_init(&self->input, &runtime->memory);
    scopeflow__line_texts_init(&self->texts, &runtime->memory);
    *out_reader = self;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow_atof_reader_free(scopeflow_atof_reader *self) {
    if (self == NULL) return;
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__line_texts_deinit(&self->texts);
    scopeflow__fed_deinit(&self->input);
    scopeflow__deallocate(&runtime->memory, self, sizeof *self);
    scopeflow__runtime_release(runtime);
}

/* --- What goes in --- */

scopeflow_status scopeflow_atof_reader_feed(scopeflow_atof_reader *self, scopeflow_bytes chunk,
                                            scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_atof_reader_feed(self, chunk, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    return scopeflow__fed_put(
        &self->input, chunk, "the lines of the chunk before were not read up to `more`", out_error);
}

scopeflow_status scopeflow_atof_reader_finish(scopeflow_atof_reader *self,
                                              scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_atof_reader_finish(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    self->input.is_finished = true;
    return SCOPEFLOW_STATUS_OK;
}

/* --- What comes out --- */

/* A line with what surrounds its content. */
typedef struct input_line {
    scopeflow_bytes content;
    size_t mark_len; /* Of the byte order mark before it. */
    size_t len;      /* Of everything, the line end included. */
    bool is_whole;   /* False for the beginning of one of which more may come. */
} input_line;

/* Looks for the end of the line at `at`, no byte twice however small the chunks are. */
static input_line find_line(scopeflow_atof_reader *self) {
    const char *const start = scopeflow__fed_start(&self->input);
    const char *end = NULL;
    input_line line;
    if (self->input.searched < self->input.bytes.len)
        end = (const char *)memchr(self->input.bytes.ptr + self->input.searched, '\n',
                                   self->input.bytes.len - self->input.searched);
    self->input.searched =
        end != NULL ? (size_t)(end - self->input.bytes.ptr) : self->input.bytes.len;
    size_t const len = self->input.searched - self->input.at;
    line.len = len + (end != NULL);
    line.is_whole = end != NULL || (self->input.is_finished && len > 0);

    line.content = scopeflow__text(start, len);
    line.mark_len = 0;
    if (scopeflow__fed_has_mark(&self->input)) line.mark_len = 3;
    line.content.ptr += line.mark_len;
    line.content.len -= line.mark_len;
    /* What may be the first half of a line end does not count before the rest is seen. */
    if (line.content.len > 0 && line.content.ptr[line.content.len - 1] == '\r') line.content.len--;
    return line;
}

static void pass_line(scopeflow_atof_reader *self, const input_line *line) {
    scopeflow__fed_pass(&self->input, line->len);
    self->line_count++;
}

/* Drops the rest of a line that is too long, as far as it is here. */
static void skip_rest_of_line(scopeflow_atof_reader *self) {
    input_line const rest = find_line(self);
    scopeflow__fed_pass(&self->input, rest.len);
    self->is_skipping = !rest.is_whole;
}

static bool is_blank(scopeflow_bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != ' ' && text.ptr[i] != '\t' && text.ptr[i] != '\r') return false;
    return true;
}

/* "line 3, offset 120: ", both as the item has them. */
static size_t write_place(const scopeflow_atof_item *item, char out[80]) {
    memcpy(out, "line ", 5);
    size_t len = 5 + scopeflow__number_write_uint(item->line_number, out + 5);
    memcpy(out + len, ", offset ", 9);
    len += 9;
    len += scopeflow__number_write_uint(item->offset_bytes, out + len);
    memcpy(out + len, ": ", 2);
    return len + 2;
}

/* The item of a bad line, which loses whatever was read of it before the fault. */
static void tell_bad_line(scopeflow_atof_reader *self, const input_line *line,
                          const scopeflow__line_fault *fault, scopeflow_atof_item *out) {
    char place[80];
    memset(out, 0, sizeof *out);
    out->item = SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE;
    out->line_number = self->line_count + 1;
    out->offset_bytes = self->input.offset + line->mark_len + fault->at;
    out->problem = fault->status;
    (void)scopeflow__fail(&self->problem, fault->status,
                          scopeflow__text(place, write_place(out, place)),
                          scopeflow__c_text(fault->subject), scopeflow__c_text(fault->problem));
    out->message = scopeflow__text(self->problem.message, self->problem.message_len_bytes);
    bool const is_kept = line->content.len <= self->line_limit_bytes;
    if (is_kept && scopeflow__utf8_is_valid(line->content)) out->line = line->content;
}

static void tell_long_line(scopeflow_atof_reader *self, const input_line *line,
                           scopeflow_atof_item *out) {
    scopeflow__line_fault fault;
    fault.status = SCOPEFLOW_STATUS_LIMIT_EXCEEDED;
    fault.at = 0;
    fault.subject = "the line";
    fault.problem = " is longer than line_limit_bytes";
    tell_bad_line(self, line, &fault, out);
    pass_line(self, line);
    self->is_skipping = !line->is_whole;
}

static scopeflow_status read_line(scopeflow_atof_reader *self, const input_line *line,
                                  scopeflow_atof_item *out, scopeflow_error *out_error) {
    scopeflow__line_fault fault;
    if (!scopeflow__atof_line_read(line->content, self->depth_limit, &self->texts, out, &fault)) {
        if (fault.status == SCOPEFLOW_STATUS_NO_MEMORY) return scopeflow__fail_memory(out_error);
        tell_bad_line(self, line, &fault, out);
    } else {
        out->item = SCOPEFLOW_ATOF_ITEM_KIND_EVENT;
        out->line_number = self->line_count + 1;
        out->offset_bytes = self->input.offset + line->mark_len;
        out->line = line->content;
    }
    pass_line(self, line);
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_atof_reader_next(scopeflow_atof_reader *self,
                                            scopeflow_atof_item *out_item,
                                            scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_atof_reader_next(self, out_item, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    memset(out_item, 0, sizeof *out_item);

    while (self->input.at < self->input.bytes.len) {
        if (self->is_skipping) {
            skip_rest_of_line(self);
            continue;
        }
        input_line const line = find_line(self);
        if (line.content.len > self->line_limit_bytes) {
            tell_long_line(self, &line, out_item);
            return SCOPEFLOW_STATUS_OK;
        }
        if (!line.is_whole) break;
        if (!is_blank(line.content)) return read_line(self, &line, out_item, out_error);
        pass_line(self, &line);
    }
    self->input.is_hungry = !self->input.is_finished;
    out_item->item =
        self->input.is_finished ? SCOPEFLOW_ATOF_ITEM_KIND_END : SCOPEFLOW_ATOF_ITEM_KIND_MORE;
    return SCOPEFLOW_STATUS_OK;
}
