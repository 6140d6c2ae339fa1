/* The line is scanned once, which notes where the values of the known keys stand; only then are
 * they looked at, so that the order of keys plays no part and the last of two equal keys counts. */
#include "event/atof_line.h"

#include "base/names.gen.h"
#include "event/text.h"
#include "json/parse.h"
#include "json/scan.h"

typedef enum line_key {
    LINE_KEY_KIND,
    LINE_KEY_ATOF_VERSION,
    LINE_KEY_PARENT_UUID,
    LINE_KEY_UUID,
    LINE_KEY_TIMESTAMP,
    LINE_KEY_NAME,
    LINE_KEY_DATA,
    LINE_KEY_DATA_SCHEMA,
    LINE_KEY_METADATA,
    LINE_KEY_SCOPE_CATEGORY,
    LINE_KEY_ATTRIBUTES,
    LINE_KEY_CATEGORY,
    LINE_KEY_CATEGORY_PROFILE,
    LINE_KEY_COUNT
} line_key;

/* In the order in which they are written, which makes the next one the best guess. */
static const char *const line_key_names[LINE_KEY_COUNT] = {
    SCOPEFLOW__KEY_KIND,
    SCOPEFLOW__KEY_ATOF_VERSION,
    SCOPEFLOW__KEY_PARENT_UUID,
    SCOPEFLOW__KEY_UUID,
    SCOPEFLOW__KEY_TIMESTAMP,
    SCOPEFLOW__KEY_NAME,
    SCOPEFLOW__KEY_DATA,
    SCOPEFLOW__KEY_DATA_SCHEMA,
    SCOPEFLOW__KEY_METADATA,
    SCOPEFLOW__KEY_SCOPE_CATEGORY,
    SCOPEFLOW__KEY_ATTRIBUTES,
    SCOPEFLOW__KEY_CATEGORY,
    SCOPEFLOW__KEY_CATEGORY_PROFILE,
};

typedef struct line_reader {
    scopeflow__scanner scanner;
    scopeflow__line_texts *texts;
    scopeflow__line_fault *fault;
    scopeflow_bytes values[LINE_KEY_COUNT]; /* As JSON; empty for a key that is missing. */
} line_reader;

void scopeflow__line_texts_init(scopeflow__line_texts *self, const scopeflow__memory *memory) {
    scopeflow__tape_init(&self->name, memory, SIZE_MAX);
    scopeflow__tape_init(&self->category, memory, SIZE_MAX);
    scopeflow__tape_init(&self->passing, memory, SIZE_MAX);
}

void scopeflow__line_texts_deinit(scopeflow__line_texts *self) {
    scopeflow__tape_deinit(&self->name);
    scopeflow__tape_deinit(&self->category);
    scopeflow__tape_deinit(&self->passing);
}

/* --- Faults --- */

static bool fail_line(line_reader *self, scopeflow_status status, size_t at, const char *subject,
                      const char *problem) {
    self->fault->status = status;
    self->fault->at = at;
    self->fault->subject = subject;
    self->fault->problem = problem;
    return false;
}

static bool fail_scan(line_reader *self) {
    return fail_line(self, self->scanner.status, self->scanner.at, "", self->scanner.problem);
}

/* A known key is not what it should be. It is told where its value stands, a missing one at the
 * line's beginning. */
static bool fail_key(line_reader *self, line_key key, const char *problem) {
    scopeflow_bytes const value = self->values[key];
    if (value.len == 0)
        return fail_line(self, SCOPEFLOW_STATUS_INVALID_ARGUMENT, 0, line_key_names[key],
                         " is missing");
    return fail_line(self, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                     (size_t)(value.ptr - self->scanner.text.ptr), line_key_names[key], problem);
}

/* --- Texts --- */

static bool starts_with(scopeflow_bytes json, char first) {
    return json.len > 0 && json.ptr[0] == first;
}

/* The text of a JSON string that was scanned. Only one with an escape has to be decoded. */
static bool decode(line_reader *self, scopeflow_bytes json, scopeflow_tape *tape,
                   scopeflow_bytes *out_text) {
    *out_text = scopeflow__text(json.ptr + 1, json.len - 2);
    if (out_text->len == 0 || memchr(out_text->ptr, '\\', out_text->len) == NULL) return true;

    const scopeflow__memory *const memory = tape->bytes.memory;
    scopeflow__tape_deinit(tape);
    scopeflow__tape_init(tape, memory, SIZE_MAX);
    (void)scopeflow__json_parse(tape, json);
    if (tape->bytes.failed)
        return fail_line(self, SCOPEFLOW_STATUS_NO_MEMORY, 0, "", "the allocator returned nothing");
    scopeflow__cursor cursor = scopeflow__tape_value(tape);
    *out_text = scopeflow__cursor_read(&cursor).text;
    return true;
}

static bool read_text(line_reader *self, line_key key, scopeflow_tape *tape,
                      scopeflow_bytes *out_text) {
    if (!starts_with(self->values[key], '"')) return fail_key(self, key, " is no text");
    return decode(self, self->values[key], tape, out_text);
}

/* Absent and null are the same to a reader. */
static bool is_absent(const line_reader *self, line_key key) {
    return self->values[key].len == 0 || starts_with(self->values[key], 'n');
}

/* --- Scanning --- */

static bool is_key(line_key key, scopeflow_bytes text) {
    return scopeflow__same_text(text, scopeflow__c_text(line_key_names[key]));
}

/* LINE_KEY_COUNT for a key that is unknown. */
static line_key find_key(scopeflow_bytes text, size_t guess) {
    if (guess < LINE_KEY_COUNT && is_key((line_key)guess, text)) return (line_key)guess;
    for (size_t key = 0; key < LINE_KEY_COUNT; key++)
        if (is_key((line_key)key, text)) return (line_key)key;
    return LINE_KEY_COUNT;
}

static bool scan_members(line_reader *self) {
    scopeflow__scanner *const scanner = &self->scanner;
    size_t guess = 0;
    for (;;) {
        scopeflow_bytes json;
        scopeflow_bytes text;
        scopeflow_bytes value;
        if (!scopeflow__scan_key(scanner, &json)) return fail_scan(self);
        if (!decode(self, json, &self->texts->passing, &text)) return false;
        line_key const key = find_key(text, guess);
        if (!scopeflow__scan_value(scanner, &value)) return fail_scan(self);
        if (key != LINE_KEY_COUNT) {
            self->values[key] = value;
            guess = (size_t)key + 1;
        }
        scopeflow__scan_space(scanner);
        if (scopeflow__scan_peek(scanner) != ',') return true;
        scanner->at++;
    }
}

static bool scan_line(line_reader *self) {
    scopeflow__scanner *const scanner = &self->scanner;
    scopeflow__scan_space(scanner);
    if (scopeflow__scan_peek(scanner) != '{')
        return fail_line(self, SCOPEFLOW_STATUS_INVALID_JSON, scanner->at, "",
                         "a line holds one object");
    if (!scopeflow__scan_open(scanner)) return fail_scan(self);
    scopeflow__scan_space(scanner);
    if (scopeflow__scan_peek(scanner) != '}' && !scan_members(self)) return false;
    if (scopeflow__scan_peek(scanner) != '}')
        return fail_line(self, SCOPEFLOW_STATUS_INVALID_JSON, scanner->at, "",
                         scanner->at < scanner->text.len
                             ? "a comma or the end of the object must stand here"
                             : "the text ends too early");
    scopeflow__scan_close(scanner);
    scopeflow__scan_space(scanner);
    if (scanner->at < scanner->text.len)
        return fail_line(self, SCOPEFLOW_STATUS_INVALID_JSON, scanner->at, "",
                         "something follows the object");
    return true;
}

/* --- The values --- */

static bool read_kind(line_reader *self, scopeflow_atof_item *out) {
    scopeflow_bytes text;
    if (!read_text(self, LINE_KEY_KIND, &self->texts->passing, &text)) return false;
    if (scopeflow__same_text(text, SCOPEFLOW__TEXT("mark"))) {
        out->kind = SCOPEFLOW_EVENT_KIND_MARK;
        return true;
    }
    if (!scopeflow__same_text(text, SCOPEFLOW__TEXT("scope")))
        return fail_key(self, LINE_KEY_KIND, " is neither scope nor mark");
    out->kind = SCOPEFLOW_EVENT_KIND_SCOPE;

    if (!read_text(self, LINE_KEY_SCOPE_CATEGORY, &self->texts->passing, &text)) return false;
    bool const is_start = scopeflow__same_text(text, SCOPEFLOW__TEXT("start"));
    if (!is_start && !scopeflow__same_text(text, SCOPEFLOW__TEXT("end")))
        return fail_key(self, LINE_KEY_SCOPE_CATEGORY, " is neither start nor end");
    out->scope_category = is_start ? SCOPEFLOW_SCOPE_CATEGORY_START : SCOPEFLOW_SCOPE_CATEGORY_END;
    return true;
}

/* All of 0.x may add keys and categories, which are no hindrance; a 1.0 may mean something else. */
static bool check_version(line_reader *self) {
    scopeflow_bytes text;
    if (is_absent(self, LINE_KEY_ATOF_VERSION)) return true;
    if (!read_text(self, LINE_KEY_ATOF_VERSION, &self->texts->passing, &text)) return false;
    if (text.len > 2 && text.ptr[0] == '0' && text.ptr[1] == '.') return true;
    return fail_key(self, LINE_KEY_ATOF_VERSION, " is not 0.1 or another 0.x");
}

static bool read_uuid(line_reader *self, line_key key, scopeflow_uuid *out) {
    scopeflow_bytes text;
    if (!read_text(self, key, &self->texts->passing, &text)) return false;
    return scopeflow__uuid_read(text, out) || fail_key(self, key, " is no uuid");
}

static bool read_parent(line_reader *self, scopeflow_atof_item *out) {
    if (is_absent(self, LINE_KEY_PARENT_UUID)) return true;
    out->has_parent = 1;
    return read_uuid(self, LINE_KEY_PARENT_UUID, &out->parent_uuid);
}

static bool read_timestamp(line_reader *self, scopeflow_atof_item *out) {
    scopeflow_bytes text = self->values[LINE_KEY_TIMESTAMP];
    bool is_read;
    if (starts_with(text, '"')) {
        if (!decode(self, text, &self->texts->passing, &text)) return false;
        is_read = scopeflow__timestamp_read(text, &out->timestamp_ns);
    } else {
        is_read = scopeflow__epoch_microseconds_read(text, &out->timestamp_ns);
    }
    return is_read ||
           fail_key(self, LINE_KEY_TIMESTAMP,
                    " is neither an RFC 3339 time of the years 1677 to 2262 nor microseconds");
}

static bool check_object(line_reader *self, line_key key) {
    return is_absent(self, key) || starts_with(self->values[key], '{') ||
           fail_key(self, key, " is no object");
}

static bool check_attributes(line_reader *self) {
    scopeflow_bytes const array = self->values[LINE_KEY_ATTRIBUTES];
    if (is_absent(self, LINE_KEY_ATTRIBUTES)) return true;
    if (!starts_with(array, '[')) return fail_key(self, LINE_KEY_ATTRIBUTES, " is no array");
    scopeflow__scanner scanner;
    scopeflow__scanner_init(&scanner, array, SCOPEFLOW_JSON_DEPTH_LIMIT);
    do { /* Behind the bracket or a comma; the syntax is known to be right. */
        scopeflow_bytes element;
        scanner.at++;
        scopeflow__scan_space(&scanner);
        if (scopeflow__scan_peek(&scanner) == ']') return true;
        if (!scopeflow__scan_value(&scanner, &element) || !starts_with(element, '"'))
            return fail_key(self, LINE_KEY_ATTRIBUTES, " is no array of texts");
        scopeflow__scan_space(&scanner);
    } while (scopeflow__scan_peek(&scanner) == ',');
    return true;
}

static bool read_parts(line_reader *self, scopeflow_atof_item *out) {
    if (!check_attributes(self) || !check_object(self, LINE_KEY_DATA_SCHEMA) ||
        !check_object(self, LINE_KEY_CATEGORY_PROFILE))
        return false;
    out->attributes = self->values[LINE_KEY_ATTRIBUTES];
    out->data = self->values[LINE_KEY_DATA];
    out->data_schema = self->values[LINE_KEY_DATA_SCHEMA];
    out->metadata = self->values[LINE_KEY_METADATA];
    out->category_profile = self->values[LINE_KEY_CATEGORY_PROFILE];
    return true;
}

bool scopeflow__atof_line_read(scopeflow_bytes line, uint32_t depth_limit,
                               scopeflow__line_texts *texts, scopeflow_atof_item *out,
                               scopeflow__line_fault *fault) {
    line_reader self;
    scopeflow__scanner_init(&self.scanner, line, depth_limit);
    self.texts = texts;
    self.fault = fault;
    memset(self.values, 0, sizeof self.values);
    if (!scan_line(&self) || !read_kind(&self, out) || !check_version(&self) ||
        !read_uuid(&self, LINE_KEY_UUID, &out->uuid) || !read_parent(&self, out) ||
        !read_timestamp(&self, out) || !read_text(&self, LINE_KEY_NAME, &texts->name, &out->name) ||
        !read_parts(&self, out))
        return false;
    return is_absent(&self, LINE_KEY_CATEGORY) ||
           read_text(&self, LINE_KEY_CATEGORY, &texts->category, &out->category);
}
