#define _DEFAULT_SOURCE 1
#include "sink_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void require(bool condition, const char *what) {
    if (condition) return;
    perror(what);
    abort();
}

/* --- The folder --- */

void sink_folder_make(void) {
    snprintf(folder, sizeof folder, "/tmp/scopeflow-sink-XXXXXX");
    require(mkdtemp(folder) != NULL, "mkdtemp");
}

static void remove_all(const char *path) {
    DIR *const entries = opendir(path);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char inner[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(inner, sizeof inner, "%.200s/%.255s", path, entry->d_name);
        remove_all(inner);
    }
    if (entries != NULL) closedir(entries);
    (void)remove(path);
}

void sink_folder_remove(void) {
    remove_all(folder);
}

const char *sink_path(const char *name) {
    static char paths[8][128];
    static int next;
    char *const path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* --- A run --- */

scopeflow_atof_sink_open_options sink_options(const char *path) {
    scopeflow_atof_sink_open_options options = SCOPEFLOW_ATOF_SINK_OPEN_OPTIONS_INIT;
    options.path.ptr = path;
    options.path.len = strlen(path);
    options.delivery = SCOPEFLOW_SINK_DELIVERY_WRITTEN;
    return options;
}

static scopeflow_bytes text_of(const char *text) {
    scopeflow_bytes bytes;
    bytes.ptr = text;
    bytes.len = strlen(text);
    return bytes;
}

sink_run sink_begin(const scopeflow_atof_sink_open_options *options) {
    scopeflow_runtime_new_options runtime_options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    sink_run self = {NULL, NULL};
    require(scopeflow_runtime_new(NULL, &runtime_options, &self.runtime, NULL) == 0, "runtime");
    require(scopeflow_atof_sink_open(options, &self.sink, NULL) == 0, "sink");
    require(scopeflow_atof_sink_register(self.sink, self.runtime, text_of("file"), NULL) == 0,
            "register");
    return self;
}

void sink_end(sink_run *self) {
    uint32_t removed = 0;
    require(scopeflow_deregister_subscriber(self->runtime, text_of("file"), &removed, NULL) == 0 &&
                removed == 1,
            "deregister");
    scopeflow_atof_sink_free(self->sink);
    scopeflow_runtime_free(self->runtime);
}

void sink_emit(const sink_run *self, int thread, int number) {
    char name[32];
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    snprintf(name, sizeof name, "%d.%d", thread, number);
    options.name = text_of(name);
    require(scopeflow_scope_event(self->runtime, &options, &task, &step, NULL) == 0, "event");
    require(step.kind == SCOPEFLOW_STEP_KIND_DONE, "a native sink needs no step");
}

scopeflow_sink_stats sink_stats(const sink_run *self) {
    scopeflow_sink_stats stats;
    require(scopeflow_atof_sink_read_stats(self->sink, &stats, NULL) == 0, "stats");
    return stats;
}

/* --- What came out --- */

static bool is_event(const char *line, size_t len) {
    static const char start[] = "{\"kind\":\"mark\",";
    static const char end[] = "\"category_profile\":null}";
    return len > sizeof start + sizeof end && memcmp(line, start, sizeof start - 1) == 0 &&
           memcmp(line + len - (sizeof end - 1), end, sizeof end - 1) == 0 &&
           strstr(line + 1, "{\"kind\"") == NULL;
}

static void add_line(sink_lines *lines, char *line, size_t len) {
    int thread;
    int number;
    const char *const name = strstr(line, "\"name\":\"");
    const char *const data = strstr(line, "\"data\":{\"dropped\":");
    if (!is_event(line, len) || name == NULL) {
        lines->is_whole = false;
    } else if (strncmp(name + 8, "events dropped", 14) == 0 && data != NULL) {
        lines->mark_count++;
        lines->dropped_count += strtoull(data + 18, NULL, 10);
    } else if (sscanf(name + 8, "%d.%d", &thread, &number) == 2 && thread < 16) {
        bool const is_next = number == lines->next[thread];
        bool const is_after_gap = number > lines->next[thread] && lines->mark_count > 0;
        lines->is_in_order = lines->is_in_order && (is_next || is_after_gap);
        lines->next[thread] = number + 1;
        lines->count++;
    } else {
        lines->is_whole = false;
    }
}

void sink_lines_add(sink_lines *lines, const char *text, size_t len) {
    if (lines->count + lines->mark_count == 0) lines->is_whole = lines->is_in_order = true;
    while (len > 0) {
        const char *const end = memchr(text, '\n', len);
        size_t const line_len = end != NULL ? (size_t)(end - text) : len;
        char *const line = malloc(line_len + 1);
        require(line != NULL, "malloc");
        memcpy(line, text, line_len);
        line[line_len] = '\0';
        if (end != NULL)
            add_line(lines, line, line_len);
        else
            lines->is_whole = false;
        free(line);
        size_t const taken = line_len + (end != NULL);
        text += taken;
        len -= taken;
    }
}

void sink_lines_add_file(sink_lines *lines, const char *path) {
    FILE *const file = fopen(path, "r");
    size_t const size = sink_file_size(path);
    require(file != NULL, path);
    char *const text = malloc(size + 1);
    require(text != NULL && fread(text, 1, size, file) == size, "read");
    sink_lines_add(lines, text, size);
    free(text);
    fclose(file);
}

sink_lines sink_lines_of(const char *path) {
    sink_lines lines;
    memset(&lines, 0, sizeof lines);
    lines.is_whole = lines.is_in_order = true;
    sink_lines_add_file(&lines, path);
    return lines;
}

bool sink_file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

size_t sink_file_size(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 ? (size_t)facts.st_size : 0;
}
