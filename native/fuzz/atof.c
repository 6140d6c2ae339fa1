/* Any bytes as an event file (S2.9, S7.4): the reader neither crashes nor hangs, says the same
 * however the bytes are cut, lends texts that are what it says, and takes for JSON what the core's
 * parser takes for JSON. */
#include "base/utf8.h"
#include "json/parse.h"

#include "must.h"

typedef struct fuzz_limits {
    uint32_t line_limit_bytes;
    uint32_t depth_limit;
} fuzz_limits;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_bytes(uint64_t *sum, const void *ptr, size_t len) {
    const uint8_t *const bytes = (const uint8_t *)ptr;
    for (size_t i = 0; i < len; i++) *sum = (*sum ^ bytes[i]) * 0x100000001B3ull;
}

static void add_text(uint64_t *sum, scopeflow_bytes text) {
    MUST(scopeflow__utf8_is_valid(text));
    add_bytes(sum, &text.len, sizeof text.len);
    add_bytes(sum, text.ptr, text.len);
}

static bool is_json(scopeflow_bytes text) {
    scopeflow__memory const memory = scopeflow__memory_default();
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    bool const is_parsed = scopeflow__json_parse(&tape, text);
    scopeflow__tape_deinit(&tape);
    return is_parsed;
}

static void check_part(const scopeflow_atof_item *item, scopeflow_bytes part) {
    if (part.len == 0) return;
    MUST(part.ptr >= item->line.ptr && part.ptr + part.len <= item->line.ptr + item->line.len);
    MUST(is_json(part));
}

/* Whether it looks like one: what is no object is no line, JSON or not. */
static bool is_object(scopeflow_bytes line) {
    size_t at = 0;
    while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t' || line.ptr[at] == '\r'))
        at++;
    return at < line.len && line.ptr[at] == '{';
}

/* What the item says about the line, against the parser of payloads. */
static void check_item(const scopeflow_atof_item *item, fuzz_limits limits) {
    if (item->item == SCOPEFLOW_ATOF_ITEM_KIND_EVENT) {
        MUST(item->line.len <= limits.line_limit_bytes && is_json(item->line));
        check_part(item, item->attributes);
        check_part(item, item->data);
        check_part(item, item->data_schema);
        check_part(item, item->metadata);
        check_part(item, item->category_profile);
        return;
    }
    MUST(item->problem != SCOPEFLOW_STATUS_OK && item->message.len > 0);
    if (item->problem == SCOPEFLOW_STATUS_INVALID_ARGUMENT) MUST(is_json(item->line));
    if (item->problem == SCOPEFLOW_STATUS_INVALID_JSON && is_object(item->line))
        MUST(!is_json(item->line));
}

static void add_item(uint64_t *sum, const scopeflow_atof_item *item) {
    const scopeflow_bytes texts[] = {item->name, item->category,         item->attributes,
                                     item->data, item->data_schema,      item->metadata,
                                     item->line, item->category_profile, item->message};
    const uint64_t numbers[] = {(uint64_t)item->item,         (uint64_t)item->kind,
                                (uint64_t)item->problem,      (uint64_t)item->scope_category,
                                (uint64_t)item->timestamp_ns, item->line_number,
                                item->offset_bytes,           item->has_parent};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) add_text(sum, texts[i]);
    add_bytes(sum, numbers, sizeof numbers);
    add_bytes(sum, &item->uuid, sizeof item->uuid);
    add_bytes(sum, &item->parent_uuid, sizeof item->parent_uuid);
}

/* Reads up to `more` or `end`. */
static void drain(scopeflow_atof_reader *reader, fuzz_limits limits, uint64_t *sum) {
    scopeflow_atof_item item;
    for (;;) {
        MUST(scopeflow_atof_reader_next(reader, &item, NULL) == SCOPEFLOW_STATUS_OK);
        if (item.item == SCOPEFLOW_ATOF_ITEM_KIND_MORE || item.item == SCOPEFLOW_ATOF_ITEM_KIND_END)
            return;
        check_item(&item, limits);
        add_item(sum, &item);
    }
}

/* A sum over everything that the reader says of the input. */
static uint64_t read_all(scopeflow_runtime *runtime, scopeflow_bytes input, size_t chunk,
                         fuzz_limits limits) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader = NULL;
    uint64_t sum = 0xCBF29CE484222325ull; /* FNV-1a. */
    options.runtime = runtime;
    options.line_limit_bytes = limits.line_limit_bytes;
    options.depth_limit = limits.depth_limit;
    MUST(scopeflow_atof_reader_new(&options, &reader, NULL) == SCOPEFLOW_STATUS_OK);
    for (size_t at = 0; at < input.len; at += chunk) {
        size_t const len = input.len - at < chunk ? input.len - at : chunk;
        scopeflow_bytes const piece = scopeflow__text(input.ptr + at, len);
        MUST(scopeflow_atof_reader_feed(reader, piece, NULL) == SCOPEFLOW_STATUS_OK);
        drain(reader, limits, &sum);
    }
    MUST(scopeflow_atof_reader_finish(reader, NULL) == SCOPEFLOW_STATUS_OK);
    drain(reader, limits, &sum);
    scopeflow_atof_reader_free(reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const fuzz_limits limits[] = {{1u << 20, 512}, {128, 4}};
    scopeflow_bytes const input = scopeflow__text((const char *)data, size);
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime = NULL;
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC;
    MUST(scopeflow_runtime_new(NULL, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t const whole = read_all(runtime, input, size + 1, limits[i]);
        MUST(read_all(runtime, input, 1, limits[i]) == whole);
        MUST(read_all(runtime, input, 2 + size % 61, limits[i]) == whole);
    }
    scopeflow_runtime_free(runtime);
    return 0;
}
