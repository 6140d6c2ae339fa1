#include "open_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static scopeflow_payload_text *text_of(scopeflow_runtime *runtime,
                                       const scopeflow_event_line *line) {
    scopeflow_payload_text_new_options options = SCOPEFLOW_PAYLOAD_TEXT_NEW_OPTIONS_INIT;
    scopeflow_payload_text *text = NULL;
    scopeflow_status status;
    options.runtime = runtime;
    options.payload = line->data;
    options.is_llm_request = line->is_llm_request;
    do status = scopeflow_payload_text_new(&options, &text, NULL);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    if (status != SCOPEFLOW_STATUS_OK) abort();
    return text;
}

static char *filled(const scopeflow_event_line *line, scopeflow_bytes data) {
    size_t const rest = line->json.len - line->data_offset_bytes;
    char *const made = malloc(line->json.len + data.len + 1);
    if (made == NULL) abort();
    memcpy(made, line->json.ptr, line->data_offset_bytes);
    memcpy(made + line->data_offset_bytes, data.ptr, data.len);
    memcpy(made + line->data_offset_bytes + data.len, line->json.ptr + line->data_offset_bytes,
           rest);
    made[line->json.len + data.len] = '\0';
    return made;
}

char *open_line_text(scopeflow_runtime *runtime, scopeflow_event *event) {
    scopeflow_event_line line;
    scopeflow_bytes data;
    scopeflow_status status;
    do status = scopeflow_event_open_line(event, &line, NULL);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    if (status != SCOPEFLOW_STATUS_OK) abort();
    if (line.data == 0) return NULL;
    scopeflow_payload_text *const text = text_of(runtime, &line);
    if (scopeflow_payload_text_json(text, &data, NULL) != SCOPEFLOW_STATUS_OK) abort();
    bool const is_null = data.len == 4 && memcmp(data.ptr, "null", 4) == 0;
    char *const made = is_null ? NULL : filled(&line, data);
    scopeflow_payload_text_free(text);
    return made;
}
