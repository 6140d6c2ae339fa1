/* The file sink: one line an event, private files, errors that are told at the flush. */
#define _DEFAULT_SOURCE 1
#include "check.h"
#include "session.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static scopeflow_status open_sink(const char *path, scopeflow_file_mode mode,
                                  scopeflow_atof_sink **out, scopeflow_error *error) {
    scopeflow_atof_sink_open_options options = SCOPEFLOW_ATOF_SINK_OPEN_OPTIONS_INIT;
    options.path = session_text(path);
    options.mode = mode;
    options.delivery = SCOPEFLOW_SINK_DELIVERY_WRITTEN;
    return scopeflow_atof_sink_open(&options, out, error);
}

static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The lines of a file that are JSON with a name, in one text. */
static const char *names_in(const char *path) {
    static char names[256];
    FILE *const file = fopen(path, "r");
    char line[1024];
    names[0] = '\0';
    if (file == NULL) return "no file";
    while (fgets(line, sizeof line, file) != NULL) {
        const json *const event = json_read(line, strlen(line));
        strncat(names, json_text(json_get(event, "name"), "?"), 20);
        strncat(names, " ", 2);
        json_free(event);
    }
    fclose(file);
    return names;
}

static void events_are_appended_as_lines(void) {
    session s;
    scopeflow_atof_sink *sink = NULL;
    session_init(&s);
    CHECK(open_sink(in_folder("deep/er/a.jsonl"), SCOPEFLOW_FILE_MODE_APPEND, &sink, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_sink_register(sink, s.runtime, session_text("file"), NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_sink_register(sink, s.runtime, session_text("file"), NULL) ==
          SCOPEFLOW_STATUS_ALREADY_EXISTS);
    session_mark(&s, NULL, "one");
    session_call(&s, NULL, "two");
    CHECK(strcmp(names_in(in_folder("deep/er/a.jsonl")), "one two two ") == 0);
    CHECK(scopeflow_atof_sink_flush(sink, 0, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_atof_sink_free(sink); /* The registration still holds it. */
    session_mark(&s, NULL, "three");
    CHECK(strcmp(names_in(in_folder("deep/er/a.jsonl")), "one two two three ") == 0);
    uint32_t removed;
    CHECK(scopeflow_deregister_subscriber(s.runtime, session_text("file"), &removed, NULL) ==
          SCOPEFLOW_STATUS_OK);
    session_mark(&s, NULL, "four");
    CHECK(strcmp(names_in(in_folder("deep/er/a.jsonl")), "one two two three ") == 0);
    struct stat facts;
    CHECK(stat(in_folder("deep/er/a.jsonl"), &facts) == 0 && (facts.st_mode & 0777) == 0600);
    CHECK(session_deinit(&s));
}

static void a_file_is_appended_to_or_overwritten(void) {
    for (int i = 0; i < 3; i++) {
        session s;
        scopeflow_atof_sink *sink = NULL;
        session_init(&s);
        CHECK(open_sink(in_folder("b.jsonl"),
                        i < 2 ? SCOPEFLOW_FILE_MODE_APPEND : SCOPEFLOW_FILE_MODE_OVERWRITE, &sink,
                        NULL) == SCOPEFLOW_STATUS_OK);
        CHECK(scopeflow_atof_sink_register(sink, s.runtime, session_text("file"), NULL) ==
              SCOPEFLOW_STATUS_OK);
        session_mark(&s, NULL, "m");
        scopeflow_atof_sink_free(sink);
        CHECK(session_deinit(&s));
        CHECK(strcmp(names_in(in_folder("b.jsonl")), i == 1 ? "m m " : "m ") == 0);
    }
}

static void a_file_that_cannot_be_opened_is_named(void) {
    scopeflow_atof_sink *sink = NULL;
    scopeflow_error error;
    CHECK(open_sink(folder, SCOPEFLOW_FILE_MODE_APPEND, &sink, &error) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, folder) != NULL);
    CHECK(open_sink(in_folder("b.jsonl/c.jsonl"), SCOPEFLOW_FILE_MODE_APPEND, &sink, &error) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "c.jsonl") != NULL);
    CHECK(sink == NULL);
}

static void a_full_disk_is_told_once(void) {
    session s;
    scopeflow_atof_sink *sink = NULL;
    scopeflow_error error;
    session_init(&s);
    if (access("/dev/full", W_OK) != 0) return;
    CHECK(open_sink("/dev/full", SCOPEFLOW_FILE_MODE_APPEND, &sink, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_sink_register(sink, s.runtime, session_text("file"), NULL) ==
          SCOPEFLOW_STATUS_OK);
    session_mark(&s, NULL, "lost");
    CHECK(scopeflow_atof_sink_flush(sink, 0, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "space") != NULL);
    CHECK(scopeflow_atof_sink_flush(sink, 0, &error) == SCOPEFLOW_STATUS_OK);
    scopeflow_atof_sink_free(sink);
    CHECK(session_deinit(&s));
}

static void one_sink_serves_two_runtimes(void) {
    session one;
    session two;
    scopeflow_atof_sink *sink = NULL;
    session_init(&one);
    session_init(&two);
    CHECK(open_sink(in_folder("c.jsonl"), SCOPEFLOW_FILE_MODE_APPEND, &sink, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_sink_register(sink, one.runtime, session_text("f"), NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_sink_register(sink, two.runtime, session_text("f"), NULL) ==
          SCOPEFLOW_STATUS_OK);
    scopeflow_atof_sink_free(sink);
    session_mark(&one, NULL, "one");
    CHECK(session_deinit(&one));
    session_mark(&two, NULL, "two");
    CHECK(session_deinit(&two));
    CHECK(strcmp(names_in(in_folder("c.jsonl")), "one two ") == 0);
}

/* The core's memory fails at each place in turn: an event is refused, dropped, or lost by the sink,
 * which then says so in the file. */
static void an_event_that_cannot_be_encoded_is_told(void) {
    session s;
    scopeflow_atof_sink *sink = NULL;
    scopeflow_sink_stats stats;
    session_init(&s);
    CHECK(open_sink(in_folder("d.jsonl"), SCOPEFLOW_FILE_MODE_APPEND, &sink, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_sink_register(sink, s.runtime, session_text("file"), NULL) ==
          SCOPEFLOW_STATUS_OK);
    session_mark(&s, NULL, "first"); /* What is resolved once is out of the way. */
    /* More than an event's block has room for. */
    char text[600];
    memset(text, 'x', sizeof text);
    text[0] = text[sizeof text - 1] = '"';
    object *const data = object_new_json(&s.host, text, sizeof text);
    for (size_t i = 1; i < 24; i++) {
        scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
        scopeflow_task task;
        scopeflow_step step;
        options.name = session_text("m");
        options.data = object_ref(data);
        s.host.failing_allocation = s.host.allocation_count + i;
        (void)!scopeflow_scope_event(s.runtime, &options, &task, &step, NULL);
    }
    s.host.failing_allocation = 0;
    object_release(data);
    CHECK(scopeflow_atof_sink_read_stats(sink, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.lost_event_count > 0 && stats.dropped_event_count == 0);
    CHECK(scopeflow_atof_sink_flush(sink, 0, NULL) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(names_in(in_folder("d.jsonl")), "events dropped m ") != NULL);
    scopeflow_atof_sink_free(sink);
    CHECK(session_deinit(&s));
}

static void remove_all(void) {
    static const char *const paths[] = {"deep/er/a.jsonl", "deep/er", "deep",
                                        "b.jsonl",         "c.jsonl", "d.jsonl"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) (void)remove(in_folder(paths[i]));
    CHECK(remove(folder) == 0);
}

int main(void) {
    static const test tests[] = {
        {"events are appended as lines", events_are_appended_as_lines},
        {"a file is appended to or overwritten", a_file_is_appended_to_or_overwritten},
        {"a file that cannot be opened is named", a_file_that_cannot_be_opened_is_named},
        {"a full disk is told once", a_full_disk_is_told_once},
        {"one sink serves two runtimes", one_sink_serves_two_runtimes},
        {"an event that cannot be encoded is told", an_event_that_cannot_be_encoded_is_told},
        {"nothing else was made", remove_all},
    };
    snprintf(folder, sizeof folder, "/tmp/scopeflow-sink-XXXXXX");
    if (mkdtemp(folder) == NULL) return 1;
    return RUN_TESTS(tests);
}
