/* Replays vector files: `vectors FILE.json...`. With `--failing-allocator` every case is run again
 * and again, the first allocation failing in the first run, the second in the second, until one
 * runs through; each time it has to come out the same (S7.3). With `--reached` it says on the way
 * what the cases reach. */
#include "reached.h"
#include "runner.h"

#include <stdio.h>
#include <string.h>

static size_t run_failing(const json *the_case) {
    size_t failures = 0;
    for (size_t n = 1; failures == 0; n++) {
        case_result const result = run_case(the_case, n);
        if (result.failure_count > 0) fprintf(stderr, "  with allocation %zu failing\n", n);
        failures += result.failure_count;
        if (!result.ran_out) break;
    }
    return failures;
}

static size_t run_file(const char *path, bool failing) {
    const json *const document = json_read_file(path);
    if (document == NULL) return 1;
    const json *const cases = json_get(document, "cases");
    size_t failed = 0;
    for (const json *the_case = cases->first; the_case != NULL; the_case = the_case->next) {
        size_t const failures =
            failing ? run_failing(the_case) : run_case(the_case, 0).failure_count;
        if (failures > 0) failed++;
    }
    size_t const count = json_count(cases);
    if ((long long)count != json_integer(json_get(document, "case_count"), -1)) {
        fprintf(stderr, "%s: not all cases are there\n", path);
        failed++;
    }
    printf("%s: %zu cases, %zu failed\n", path, count, failed);
    json_free(document);
    return failed;
}

int main(int count, char **arguments) {
    bool const failing = count > 1 && strcmp(arguments[1], "--failing-allocator") == 0;
    bool const reaching = count > 1 && strcmp(arguments[1], "--reached") == 0;
    int const first = failing || reaching ? 2 : 1;
    if (reaching) reached_wanted();
    size_t failed = 0;
    for (int i = first; i < count; i++) failed += run_file(arguments[i], failing);
    return failed > 0 || count <= first ? 1 : 0;
}
