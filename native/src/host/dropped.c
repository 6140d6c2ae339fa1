/* The mark `events dropped` (S5.6). It does not come from a runtime: that may be gone by the time
 * there is room again, and a deterministic one draws no id that nobody asked for. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "base/names.gen.h"
#include "base/system.h"
#include "host/dropped.h"

#if SCOPEFLOW_HOSTED
#include <time.h>
#if defined(_WIN32)
#include "host/windows.h"
#endif

#define DROPPED_NAME "events dropped"
#define DROPPED_KEY(name) ",\"" name "\":"

typedef struct dropped_text {
    char *ptr;
    size_t len;
} dropped_text;

static void dropped_put(dropped_text *out, const char *text) {
    size_t const len = strlen(text);
    memcpy(out->ptr + out->len, text, len);
    out->len += len;
}

/* A number in decimal with at least `width` digits. */
static void dropped_put_number(dropped_text *out, uint64_t number, size_t width) {
    char digits[20];
    size_t count = 0;
    while (number > 0 || count < width) {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    }
    while (count > 0) out->ptr[out->len++] = digits[--count];
}

static void dropped_put_uuid(dropped_text *out, const scopeflow_uuid *uuid) {
    static const char hex[] = "0123456789abcdef";
    dropped_put(out, "\"");
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out->ptr[out->len++] = '-';
        out->ptr[out->len++] = hex[uuid->bytes[i] >> 4];
        out->ptr[out->len++] = hex[uuid->bytes[i] & 15];
    }
    dropped_put(out, "\"");
}

/* Version 7: milliseconds, the rest random (S2.2). */
static void draw_mark_uuid(int64_t now_ns, scopeflow_uuid *out) {
    uint64_t const now_ms = (uint64_t)now_ns / 1000000;
    scopeflow__system_entropy(NULL, out->bytes, sizeof out->bytes);
    for (int i = 0; i < 6; i++) out->bytes[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    out->bytes[6] = (uint8_t)(0x70 | (out->bytes[6] & 0x0F));
    out->bytes[8] = (uint8_t)(0x80 | (out->bytes[8] & 0x3F));
}

static void dropped_put_time(dropped_text *out, int64_t now_ns) {
    time_t const seconds = (time_t)(now_ns / 1000000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL) memset(&parts, 0, sizeof parts);
    dropped_put(out, "\"");
    dropped_put_number(out, (uint64_t)parts.tm_year + 1900, 4);
    dropped_put(out, "-");
    dropped_put_number(out, (uint64_t)parts.tm_mon + 1, 2);
    dropped_put(out, "-");
    dropped_put_number(out, (uint64_t)parts.tm_mday, 2);
    dropped_put(out, "T");
    dropped_put_number(out, (uint64_t)parts.tm_hour, 2);
    dropped_put(out, ":");
    dropped_put_number(out, (uint64_t)parts.tm_min, 2);
    dropped_put(out, ":");
    dropped_put_number(out, (uint64_t)parts.tm_sec, 2);
    dropped_put(out, ".");
    dropped_put_number(out, (uint64_t)(now_ns % 1000000000), 9);
    dropped_put(out, "Z\"");
}

size_t scopeflow__dropped_line(const scopeflow__dropped *self,
                               char out[SCOPEFLOW__DROPPED_LINE_BYTES]) {
    dropped_text text = {out, 0};
    scopeflow_uuid uuid;
    int64_t const now_ns = scopeflow__system_clock();
    draw_mark_uuid(now_ns, &uuid);
    dropped_put(&text, "{\"" SCOPEFLOW__KEY_KIND "\":\"mark\"");
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_ATOF_VERSION) "\"" SCOPEFLOW__ATOF_VERSION "\"");
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_PARENT_UUID));
    dropped_put_uuid(&text, &self->root);
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_UUID));
    dropped_put_uuid(&text, &uuid);
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_TIMESTAMP));
    dropped_put_time(&text, now_ns);
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_NAME) "\"" DROPPED_NAME "\"");
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_DATA) "{\"dropped\":");
    dropped_put_number(&text, self->count, 1);
    dropped_put(&text, "}" DROPPED_KEY(SCOPEFLOW__KEY_DATA_SCHEMA) "null");
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_METADATA) "null");
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_CATEGORY) "null");
    dropped_put(&text, DROPPED_KEY(SCOPEFLOW__KEY_CATEGORY_PROFILE) "null}\n");
    return text.len;
}
#endif
