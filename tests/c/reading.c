#include "reading.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reading_init(reading *self, scopeflow_runtime *runtime) {
    memset(self, 0, sizeof *self);
    self->runtime = runtime;
}

void reading_deinit(reading *self) {
    free(self->log);
    self->log = NULL;
}

/* --- The log --- */

static void log_bytes(reading *self, const char *ptr, size_t len) {
    self->log = realloc(self->log, self->len + len + 1);
    if (self->log == NULL) abort();
    if (len > 0) memcpy(self->log + self->len, ptr, len);
    self->len += len;
    self->log[self->len] = '\0';
}

static void log_format(reading *self, const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    int const len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_bytes(self, text, (size_t)len);
}

static void log_text(reading *self, const char *title, scopeflow_bytes text) {
    log_format(self, " %s=", title);
    log_bytes(self, text.ptr, text.len);
}

static void log_uuid(reading *self, const scopeflow_uuid *uuid) {
    log_format(self, " ");
    for (int i = 0; i < 16; i++) log_format(self, "%02x", uuid->bytes[i]);
}

static void log_event(reading *self, const scopeflow_atof_item *item) {
    self->event_count++;
    log_format(self, "%" PRIu64 "@%" PRIu64 " kind %d/%d parent %u", item->line_number,
               item->offset_bytes, (int)item->kind, (int)item->scope_category, item->has_parent);
    log_uuid(self, &item->uuid);
    log_uuid(self, &item->parent_uuid);
    log_format(self, " %" PRId64, item->timestamp_ns);
    log_text(self, "name", item->name);
    log_text(self, "category", item->category);
    log_text(self, "attributes", item->attributes);
    log_text(self, "data", item->data);
    log_text(self, "data_schema", item->data_schema);
    log_text(self, "metadata", item->metadata);
    log_text(self, "profile", item->category_profile);
    log_text(self, "line", item->line);
    log_format(self, "\n");
}

static void log_bad_line(reading *self, const scopeflow_atof_item *item) {
    self->bad_line_count++;
    log_format(self, "%" PRIu64 "@%" PRIu64 " %s:", item->line_number, item->offset_bytes,
               scopeflow_status_name(item->problem));
    log_text(self, "message", item->message);
    log_text(self, "line", item->line);
    log_format(self, "\n");
}

/* --- Reading --- */

/* True as long as there is something to read. */
static bool read_item(reading *self, scopeflow_atof_reader *reader, bool is_finished) {
    scopeflow_atof_item item;
    self->status = scopeflow_atof_reader_next(reader, &item, NULL);
    if (self->status != SCOPEFLOW_STATUS_OK) return false;
    if (item.item == SCOPEFLOW_ATOF_ITEM_KIND_EVENT)
        log_event(self, &item);
    else if (item.item == SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE)
        log_bad_line(self, &item);
    else if ((item.item == SCOPEFLOW_ATOF_ITEM_KIND_END) != is_finished)
        log_format(self, "the reader says item %d\n", (int)item.item);
    return item.item == SCOPEFLOW_ATOF_ITEM_KIND_EVENT ||
           item.item == SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE;
}

/* A piece is fed from a block of its own size, which is gone before anything is read. */
static bool feed(reading *self, scopeflow_atof_reader *reader, scopeflow_bytes piece) {
    char *const copy = malloc(piece.len + (piece.len == 0));
    if (copy == NULL) abort();
    memcpy(copy, piece.ptr, piece.len);
    scopeflow_bytes chunk;
    chunk.ptr = copy;
    chunk.len = piece.len;
    self->status = scopeflow_atof_reader_feed(reader, chunk, NULL);
    free(copy);
    while (self->status == SCOPEFLOW_STATUS_OK && read_item(self, reader, false)) {
    }
    return self->status == SCOPEFLOW_STATUS_OK;
}

static scopeflow_atof_reader *open_reader(reading *self) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader = NULL;
    options.runtime = self->runtime;
    if (self->line_limit_bytes > 0) options.line_limit_bytes = self->line_limit_bytes;
    if (self->depth_limit > 0) options.depth_limit = self->depth_limit;
    self->status = scopeflow_atof_reader_new(&options, &reader, NULL);
    self->len = 0;
    self->event_count = 0;
    self->bad_line_count = 0;
    log_bytes(self, "", 0);
    return reader;
}

bool reading_of_pieces(reading *self, scopeflow_bytes input, const size_t *sizes, size_t count) {
    scopeflow_atof_reader *const reader = open_reader(self);
    bool going_on = reader != NULL;
    for (size_t i = 0; i < count && going_on; i++) {
        scopeflow_bytes piece = input;
        if (piece.len > sizes[i]) piece.len = sizes[i];
        input.ptr += piece.len;
        input.len -= piece.len;
        going_on = feed(self, reader, piece);
    }
    if (going_on) {
        self->status = scopeflow_atof_reader_finish(reader, NULL);
        while (self->status == SCOPEFLOW_STATUS_OK && read_item(self, reader, true)) {
        }
    }
    scopeflow_atof_reader_free(reader);
    return self->status == SCOPEFLOW_STATUS_OK;
}

bool reading_of_equal_pieces(reading *self, scopeflow_bytes input, size_t size) {
    size_t const count = (input.len + size - 1) / size;
    size_t *const sizes = malloc((count + 1) * sizeof *sizes);
    if (sizes == NULL) abort();
    for (size_t i = 0; i < count; i++) sizes[i] = size;
    bool const is_read = reading_of_pieces(self, input, sizes, count);
    free(sizes);
    return is_read;
}
