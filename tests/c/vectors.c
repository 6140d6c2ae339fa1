/* Replays vector files: `vectors [--MODE] FILE.json...`.
 *
 * `--failing-allocator` runs every case again and again, the first allocation failing in the first
 * run, the second in the second, until one runs through; each time it has to come out the same
 * (S7.3). `--faults` lets every callable fail in turn, then be cancelled, lets go of every task at
 * every step, and of every stream before every chunk (faults.h). Both take samples of long cases
 * unless SCOPEFLOW_TEST_DEPTH is `deep`. `--reached` says on the way what the cases reach. */
#include "call.h"
#include "reached.h"
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 24 };

typedef size_t run_function(const json *the_case);

static bool is_deep(void) {
    const char *const depth = getenv("SCOPEFLOW_TEST_DEPTH");
    return depth != NULL && strcmp(depth, "deep") == 0;
}

/* With a fault at every place, or at so many places, evenly spread. */
static size_t run_with(const json *the_case, fault_kind fault, const char *what) {
    size_t const count = run_case(the_case, fault, SIZE_MAX).place_count;
    size_t const stride = is_deep() || count <= SAMPLES ? 1 : count / SAMPLES;
    size_t failures = 0;
    for (size_t at = 1; failures == 0 && at <= count; at += stride) {
        failures = run_case(the_case, fault, at).failure_count;
        if (failures > 0) fprintf(stderr, "  with %s %zu\n", what, at);
    }
    return failures;
}

static size_t run_plain(const json *the_case) {
    return run_case(the_case, FAULT_NONE, 0).failure_count;
}

static size_t run_failing(const json *the_case) {
    return run_with(the_case, FAULT_ALLOCATION, "no memory for allocation");
}

static size_t run_faults(const json *the_case) {
    return run_with(the_case, FAULT_RAISE, "an error of callable") +
           run_with(the_case, FAULT_CANCEL, "a cancellation of callable") +
           run_with(the_case, FAULT_ABANDON, "no answer to step") +
           run_with(the_case, FAULT_CLOSE, "a consumer that stops before chunk") +
           run_with(the_case, FAULT_DROP, "a stream dropped before chunk");
}

static size_t run_file(const char *path, run_function *run) {
    const json *const document = json_read_file(path);
    if (document == NULL) return 1;
    const json *const cases = json_get(document, "cases");
    size_t failed = 0;
    for (const json *the_case = cases->first; the_case != NULL; the_case = the_case->next)
        if (run(the_case) > 0) failed++;
    size_t const count = json_count(cases);
    if ((long long)count != json_integer(json_get(document, "case_count"), -1)) {
        fprintf(stderr, "%s: not all cases are there\n", path);
        failed++;
    }
    printf("%s: %zu cases, %zu failed\n", path, count, failed);
    json_free(document);
    return failed;
}

typedef struct mode {
    const char *name;
    run_function *run;
} mode;

static run_function *mode_find(const char *name) {
    static const mode modes[] = {{"--failing-allocator", run_failing},
                                 {"--faults", run_faults},
                                 {"--native", run_plain},
                                 {"--reached", run_plain}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(name, modes[i].name) == 0) return modes[i].run;
    return NULL;
}

int main(int count, char **arguments) {
    run_function *const wanted = count > 1 ? mode_find(arguments[1]) : NULL;
    int const first = wanted != NULL ? 2 : 1;
    size_t failed = 0;
    if (wanted != NULL && strcmp(arguments[1], "--reached") == 0) reached_wanted();
    if (wanted != NULL && strcmp(arguments[1], "--native") == 0) natively_wanted();
    for (int i = first; i < count; i++)
        failed += run_file(arguments[i], wanted != NULL ? wanted : run_plain);
    return failed > 0 || count <= first ? 1 : 0;
}
