/* What a test program in C needs: a check that names itself, and a main that runs them all. */
#ifndef SCOPEFLOW_TESTS_CHECK_H
#define SCOPEFLOW_TESTS_CHECK_H

#include <stdio.h>
#include <string.h>

typedef struct test {
    const char *name;
    void (*run)(void);
} test;

static int check_failure_count;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            check_failure_count++;                                                                 \
        }                                                                                          \
    } while (0)

static inline int run_tests(const test *tests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int const before = check_failure_count;
        tests[i].run();
        printf("%s: %s\n", check_failure_count == before ? "ok" : "FAILED", tests[i].name);
    }
    return check_failure_count > 0;
}

#define RUN_TESTS(tests) run_tests(tests, sizeof(tests) / sizeof(tests)[0])

#endif
