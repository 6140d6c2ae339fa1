#include "base/sort.h"

static void merge_runs(char *to, const char *from, size_t size, size_t left, size_t middle,
                       size_t right, scopeflow__compare *compare) {
    size_t a = left;
    size_t b = middle;
    for (size_t at = left; at < right; at++) {
        bool const take_a =
            a < middle && (b >= right || compare(from + a * size, from + b * size) <= 0);
        memcpy(to + at * size, from + (take_a ? a++ : b++) * size, size);
    }
}

bool scopeflow__sort_stable(const scopeflow__memory *memory, void *items, size_t count, size_t size,
                            scopeflow__compare *compare) {
    if (count < 2) return true;
    char *const spare = (char *)scopeflow__allocate(memory, count * size);
    if (spare == NULL) return false;

    char *from = (char *)items;
    char *to = spare;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t left = 0; left < count; left += 2 * width) {
            size_t const middle = left + width < count ? left + width : count;
            size_t const right = left + 2 * width < count ? left + 2 * width : count;
            merge_runs(to, from, size, left, middle, right, compare);
        }
        char *const swapped = from;
        from = to;
        to = swapped;
    }
    if (from == spare) memcpy(items, spare, count * size);
    scopeflow__deallocate(memory, spare, count * size);
    return true;
}
