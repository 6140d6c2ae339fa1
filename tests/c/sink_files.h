/* What the tests of the file sink share: a folder of their own, a runtime that many threads may
 * use, and files read back as names in order. */
#ifndef SCOPEFLOW_TESTS_SINK_FILES_H
#define SCOPEFLOW_TESTS_SINK_FILES_H

#include "scopeflow/scopeflow.h"

#include <stdbool.h>
#include <stddef.h>

/* Each aborts unless it succeeds. */

/* Makes the folder; `sink_folder_remove` removes it with all that is in it. */
void sink_folder_make(void);
void sink_folder_remove(void);
/* A path in the folder. The text lasts until it has been asked for eight more. */
const char *sink_path(const char *name);

typedef struct sink_run {
    scopeflow_runtime *runtime;
    scopeflow_atof_sink *sink;
} sink_run;

/* Lines are written at once. */
scopeflow_atof_sink_open_options sink_options(const char *path);
/* A sink that is registered as `file` with a runtime of its own. */
sink_run sink_begin(const scopeflow_atof_sink_open_options *options);
/* Deregisters the sink, gives both back. */
void sink_end(sink_run *self);

/* Emits the mark `<thread>.<number>`, any number of threads at once. */
void sink_emit(const sink_run *self, int thread, int number);
scopeflow_sink_stats sink_stats(const sink_run *self);

/* What came out: lines that are whole events, of which thread and in which order. */
typedef struct sink_lines {
    bool is_whole;    /* Every line is a whole event and the last one is ended. */
    bool is_in_order; /* The numbers of each thread go up by one, but where events were dropped. */
    size_t count;     /* Events of `sink_emit`. */
    size_t mark_count;
    unsigned long long dropped_count; /* What the marks tell. */
    int next[16];                     /* The number that would come next of each thread. */
} sink_lines;

/* `lines` is all zero before the first text. */
void sink_lines_add(sink_lines *lines, const char *text, size_t len);
void sink_lines_add_file(sink_lines *lines, const char *path);
sink_lines sink_lines_of(const char *path);
bool sink_file_exists(const char *path);
size_t sink_file_size(const char *path);

#endif
