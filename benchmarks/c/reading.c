/* The rows of reading.py: `reading FILE` reads an event file in chunks, as a tool would, and says
 * how many events and bad lines stand in it and how many seconds that took. `reading FILE 0` only
 * takes the bytes from the system, which is the floor. */
#define _DEFAULT_SOURCE 1
#include "scopeflow/scopeflow.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static char chunk[64 * 1024];
static size_t event_count;
static size_t bad_line_count;

static void require(scopeflow_status status) {
    if (status != SCOPEFLOW_STATUS_OK) abort();
}

static double now(void) {
    struct timespec moment;
    (void)clock_gettime(CLOCK_MONOTONIC, &moment);
    return (double)moment.tv_sec + (double)moment.tv_nsec * 1e-9;
}

static void drain(scopeflow_atof_reader *reader) {
    scopeflow_atof_item item;
    for (;;) {
        require(scopeflow_atof_reader_next(reader, &item, NULL));
        if (item.item == SCOPEFLOW_ATOF_ITEM_KIND_EVENT)
            event_count++;
        else if (item.item == SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE)
            bad_line_count++;
        else
            return;
    }
}

static void read_events(scopeflow_runtime *runtime, FILE *file) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader;
    scopeflow_bytes bytes = {chunk, 0};
    options.runtime = runtime;
    require(scopeflow_atof_reader_new(&options, &reader, NULL));
    while ((bytes.len = fread(chunk, 1, sizeof chunk, file)) > 0) {
        require(scopeflow_atof_reader_feed(reader, bytes, NULL));
        drain(reader);
    }
    require(scopeflow_atof_reader_finish(reader, NULL));
    drain(reader);
    scopeflow_atof_reader_free(reader);
}

int main(int count, char **arguments) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime;
    FILE *const file = count > 1 ? fopen(arguments[1], "rb") : NULL;
    if (file == NULL) return 1;
    require(scopeflow_runtime_new(NULL, &options, &runtime, NULL));
    double const start = now();
    if (count == 2)
        read_events(runtime, file);
    else
        while (fread(chunk, 1, sizeof chunk, file) > 0) {
        }
    printf("%zu %zu %.6f\n", event_count, bad_line_count, now() - start);
    scopeflow_runtime_free(runtime);
    return fclose(file);
}
