/* The event file of a sink: rotated by size, made anew when it was moved away, repaired where a
 * killed process left half a line. Both ways of delivery. */
#define _DEFAULT_SOURCE 1
#include "check.h"
#include "sink_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLENTY_NS 60000000000ull

static const scopeflow_sink_delivery deliveries[] = {SCOPEFLOW_SINK_DELIVERY_WRITTEN,
                                                     SCOPEFLOW_SINK_DELIVERY_QUEUED};

static scopeflow_status flush(const sink_run *run, scopeflow_error *error) {
    return scopeflow_atof_sink_flush(run->sink, PLENTY_NS, error);
}

static void emit_and_flush(const sink_run *run, int *number) {
    sink_emit(run, 0, (*number)++);
    CHECK(flush(run, NULL) == SCOPEFLOW_STATUS_OK);
}

/* Runs a test with either delivery, on a path of its own. */
static void both(const char *name, void (*run)(const scopeflow_atof_sink_open_options *options)) {
    for (size_t i = 0; i < 2; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s %zu", name, i);
        scopeflow_atof_sink_open_options options = sink_options(sink_path(file));
        options.delivery = deliveries[i];
        run(&options);
    }
}

/* `<path>.<number>`, or the path itself for 0. */
static const char *rotated(const char *path, int number) {
    static char name[256];
    snprintf(name, sizeof name, number > 0 ? "%s.%d" : "%s", path, number);
    return name;
}

/* --- Rotation --- */

static void rotate_some(const scopeflow_atof_sink_open_options *base) {
    enum { EVENTS = 200, LIMIT_BYTES = 3000, KEPT = 3 };
    scopeflow_atof_sink_open_options options = *base;
    options.file_limit_bytes = LIMIT_BYTES;
    options.kept_file_count = KEPT;
    sink_run run = sink_begin(&options);
    for (int i = 0; i < EVENTS; i++) sink_emit(&run, 0, i);
    CHECK(flush(&run, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(sink_stats(&run).rotation_count > KEPT);
    CHECK(sink_stats(&run).written_event_count == EVENTS);
    sink_end(&run);

    sink_lines lines;
    memset(&lines, 0, sizeof lines);
    for (int i = KEPT; i >= 0; i--) {
        const char *const path = rotated(options.path.ptr, i);
        size_t const size = sink_file_size(path);
        struct stat facts;
        CHECK(size > 0 && size <= LIMIT_BYTES);
        CHECK(i == 0 || size > LIMIT_BYTES - 400); /* None is given up early. */
        CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600);
        sink_lines_add_file(&lines, path);
        if (i == KEPT) lines.is_in_order = true; /* It begins anywhere. */
    }
    CHECK(lines.is_whole && lines.is_in_order && lines.next[0] == EVENTS);
    CHECK(!sink_file_exists(rotated(options.path.ptr, KEPT + 1)));
}

static void a_file_is_rotated_by_size(void) {
    both("rotated", rotate_some);
}

static void rotate_every_line(const scopeflow_atof_sink_open_options *base) {
    scopeflow_atof_sink_open_options options = *base;
    options.file_limit_bytes = 1;
    options.kept_file_count = 12;
    sink_run run = sink_begin(&options);
    for (int i = 0; i < 12; i++) sink_emit(&run, 0, i);
    sink_end(&run);
    for (int i = 0; i < 12; i++) CHECK(sink_lines_of(rotated(options.path.ptr, i)).count == 1);
    CHECK(!sink_file_exists(rotated(options.path.ptr, 12)));
}

static void a_line_longer_than_the_limit_has_its_own_file(void) {
    both("tiny", rotate_every_line);
}

/* A name that somebody took away is used again, and what stands beyond it stays. */
static void rotate_into_a_gap(const scopeflow_atof_sink_open_options *base) {
    scopeflow_atof_sink_open_options options = *base;
    options.file_limit_bytes = 1;
    options.kept_file_count = 12;
    sink_run run = sink_begin(&options);
    int number = 0;
    while (number < 4) emit_and_flush(&run, &number);
    CHECK(sink_lines_of(rotated(options.path.ptr, 3)).next[0] == 1);
    CHECK(remove(rotated(options.path.ptr, 2)) == 0);
    emit_and_flush(&run, &number);
    sink_end(&run);
    for (int i = 0; i < 4; i++) CHECK(sink_lines_of(rotated(options.path.ptr, i)).count == 1);
    CHECK(sink_lines_of(rotated(options.path.ptr, 2)).next[0] == 3);
    CHECK(sink_lines_of(rotated(options.path.ptr, 3)).next[0] == 1);
    CHECK(!sink_file_exists(rotated(options.path.ptr, 4)));
}

static void a_rotation_moves_no_more_than_what_is_in_the_way(void) {
    both("gap", rotate_into_a_gap);
}

static void rotate_in_vain(const scopeflow_atof_sink_open_options *base) {
    scopeflow_atof_sink_open_options options = *base;
    scopeflow_error error;
    options.file_limit_bytes = 1;
    CHECK(mkdir(rotated(options.path.ptr, 1), 0700) == 0); /* In the way. */
    options.kept_file_count = 1;
    sink_run run = sink_begin(&options);
    for (int i = 0; i < 3; i++) sink_emit(&run, 0, i);
    CHECK(flush(&run, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(sink_lines_of(options.path.ptr).count == 3);
    CHECK(sink_stats(&run).rotation_count == 0 && sink_stats(&run).lost_event_count == 0);
    sink_end(&run);
}

static void a_file_that_cannot_be_renamed_goes_on_growing(void) {
    both("in the way", rotate_in_vain);
}

/* --- What others do to it --- */

static void rename_and_remove(const scopeflow_atof_sink_open_options *options) {
    int number = 0;
    sink_run run = sink_begin(options);
    emit_and_flush(&run, &number);
    CHECK(rename(options->path.ptr, rotated(options->path.ptr, 9)) == 0);
    emit_and_flush(&run, &number);
    CHECK(sink_lines_of(rotated(options->path.ptr, 9)).count == 1);
    CHECK(sink_lines_of(options->path.ptr).next[0] == 2);
    CHECK(remove(options->path.ptr) == 0);
    emit_and_flush(&run, &number);
    CHECK(sink_lines_of(options->path.ptr).count == 1);
    CHECK(sink_stats(&run).write_error_count == 0);
    sink_end(&run);
}

static void a_file_that_was_moved_away_is_made_anew(void) {
    both("moved", rename_and_remove);
}

static void vanish_and_come_back(const scopeflow_atof_sink_open_options *base) {
    scopeflow_atof_sink_open_options options = *base;
    scopeflow_error error;
    int number = 0;
    char folder[200];
    char path[220];
    snprintf(folder, sizeof folder, "%s folder", base->path.ptr);
    snprintf(path, sizeof path, "%s/a.jsonl", folder);
    options.path.ptr = path;
    options.path.len = strlen(path);
    sink_run run = sink_begin(&options);
    emit_and_flush(&run, &number);
    CHECK(remove(path) == 0 && remove(folder) == 0);
    sink_emit(&run, 0, number++);
    CHECK(flush(&run, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "No such file") != NULL);
    CHECK(!sink_file_exists(folder));
    CHECK(mkdir(folder, 0700) == 0);
    sink_emit(&run, 0, number++);
    (void)flush(&run, &error);
    bool const is_queued = options.delivery == SCOPEFLOW_SINK_DELIVERY_QUEUED;
    scopeflow_sink_stats const stats = sink_stats(&run);
    CHECK(stats.lost_event_count == (is_queued ? 0 : 1) && stats.write_error_count >= 1);
    sink_end(&run);
    sink_lines const lines = sink_lines_of(path);
    CHECK(lines.is_whole && lines.next[0] == 3);
    CHECK(lines.count == (is_queued ? 2 : 1) && lines.dropped_count == (is_queued ? 0 : 1));
}

static void a_folder_that_vanished_may_come_back(void) {
    both("vanished", vanish_and_come_back);
}

/* The descriptor that is open for the path, or -1. */
static int descriptor_of(const char *path) {
    struct stat wanted;
    struct stat facts;
    if (stat(path, &wanted) != 0) return -1;
    for (int i = 3; i < 256; i++)
        if (fstat(i, &facts) == 0 && facts.st_ino == wanted.st_ino && facts.st_dev == wanted.st_dev)
            return i;
    return -1;
}

static void close_the_descriptor(const scopeflow_atof_sink_open_options *options) {
    int number = 0;
    sink_run run = sink_begin(options);
    emit_and_flush(&run, &number);
    CHECK(close(descriptor_of(options->path.ptr)) == 0);
    emit_and_flush(&run, &number);
    sink_end(&run);
    sink_lines const lines = sink_lines_of(options->path.ptr);
    CHECK(lines.is_whole && lines.is_in_order && lines.count == 2);
}

static void a_descriptor_that_somebody_closed_is_opened_again(void) {
    both("closed", close_the_descriptor);
}

static void change_the_folder(const scopeflow_atof_sink_open_options *base) {
    scopeflow_atof_sink_open_options options = *base;
    int number = 0;
    char before[256];
    CHECK(getcwd(before, sizeof before) != NULL && chdir(sink_path("")) == 0);
    options.path.ptr = strrchr(base->path.ptr, '/') + 1;
    options.path.len = strlen(options.path.ptr);
    sink_run run = sink_begin(&options);
    emit_and_flush(&run, &number);
    CHECK(chdir("/") == 0);
    CHECK(remove(base->path.ptr) == 0);
    emit_and_flush(&run, &number);
    sink_end(&run);
    CHECK(sink_lines_of(base->path.ptr).count == 1);
    CHECK(chdir(before) == 0);
}

static void a_relative_path_means_the_same_file_for_ever(void) {
    both("relative", change_the_folder);
}

/* --- Half lines --- */

static void put_text(const char *path, const char *text) {
    FILE *const file = fopen(path, "a");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void begin_behind_half_a_line(const scopeflow_atof_sink_open_options *options) {
    int number = 0;
    char text[16] = "";
    put_text(options->path.ptr, "{\"kind\":");
    sink_run run = sink_begin(options);
    emit_and_flush(&run, &number);
    emit_and_flush(&run, &number);
    sink_end(&run);
    FILE *const file = fopen(options->path.ptr, "r");
    CHECK(file != NULL && fgets(text, sizeof text, file) != NULL && fclose(file) == 0);
    CHECK(strcmp(text, "{\"kind\":\n") == 0);
    CHECK(sink_lines_of(options->path.ptr).count == 2);
}

static void half_a_line_that_was_left_is_ended(void) {
    both("half", begin_behind_half_a_line);
}

static void begin_while_somebody_writes(const scopeflow_atof_sink_open_options *options) {
    int number = 0;
    put_text(options->path.ptr, "{\"kind\":\"mark\",\"name\":\"3.0\", it goes on ");
    sink_run run = sink_begin(options);
    put_text(options->path.ptr, "\"category_profile\":null}\n");
    emit_and_flush(&run, &number);
    sink_end(&run);
    sink_lines const lines = sink_lines_of(options->path.ptr);
    CHECK(lines.is_whole && lines.count == 2);
}

static void half_a_line_that_grows_is_left_alone(void) {
    both("growing", begin_while_somebody_writes);
}

int main(void) {
    static const test tests[] = {
        {"a file is rotated by size", a_file_is_rotated_by_size},
        {"a line longer than the limit has its own file",
         a_line_longer_than_the_limit_has_its_own_file},
        {"a rotation moves no more than what is in the way",
         a_rotation_moves_no_more_than_what_is_in_the_way},
        {"a file that cannot be renamed goes on growing",
         a_file_that_cannot_be_renamed_goes_on_growing},
        {"a file that was moved away is made anew", a_file_that_was_moved_away_is_made_anew},
        {"a folder that vanished may come back", a_folder_that_vanished_may_come_back},
        {"a descriptor that somebody closed is opened again",
         a_descriptor_that_somebody_closed_is_opened_again},
        {"a relative path means the same file for ever",
         a_relative_path_means_the_same_file_for_ever},
        {"half a line that was left is ended", half_a_line_that_was_left_is_ended},
        {"half a line that grows is left alone", half_a_line_that_grows_is_left_alone},
    };
    sink_folder_make();
    int const failed = RUN_TESTS(tests);
    sink_folder_remove();
    return failed;
}
