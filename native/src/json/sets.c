#include "json/sets.h"

#include "base/sort.h"
#include "json/write.h"

/* An element: its tokens, and the text that it is sorted by. */
typedef struct set_element {
    scopeflow__cursor tokens;
    const scopeflow__buffer *texts;
    size_t text_start;
    size_t text_len;
} set_element;

static int compare_set_elements(const void *a, const void *b) {
    const set_element *const x = (const set_element *)a;
    const set_element *const y = (const set_element *)b;
    size_t const shorter = x->text_len < y->text_len ? x->text_len : y->text_len;
    int const order = shorter == 0 ? 0
                                   : memcmp(x->texts->ptr + x->text_start,
                                            y->texts->ptr + y->text_start, shorter);
    if (order != 0) return order;
    return x->text_len < y->text_len ? -1 : x->text_len > y->text_len;
}

/* Sets inside the elements are sorted already, so that each text is one pass over its tokens. */
static void describe_elements(set_element *elements, size_t count, scopeflow__cursor inside,
                              scopeflow__buffer *texts) {
    for (size_t i = 0; i < count; i++) {
        scopeflow__json_writer canonical;
        scopeflow__json_writer_init(&canonical, texts, UINT32_MAX, true);
        elements[i].tokens = scopeflow__cursor_take(&inside);
        elements[i].texts = texts;
        elements[i].text_start = texts->len;
        scopeflow__json_write(&canonical, elements[i].tokens);
        elements[i].text_len = texts->len - elements[i].text_start;
    }
}

/* Puts the elements' tokens, which fill `at`, in their order. */
static bool put_in_order(const scopeflow__memory *memory, const set_element *elements, size_t count,
                         unsigned char *at) {
    scopeflow__buffer sorted;
    scopeflow__buffer_init(&sorted, memory);
    for (size_t i = 0; i < count; i++) {
        scopeflow__cursor const tokens = elements[i].tokens;
        scopeflow__buffer_put(&sorted, (const char *)tokens.at, (size_t)(tokens.end - tokens.at));
    }
    bool const is_done = !sorted.failed;
    if (is_done) memcpy(at, sorted.ptr, sorted.len);
    scopeflow__buffer_deinit(&sorted);
    return is_done;
}

static bool sort_elements(const scopeflow__memory *memory, unsigned char *at,
                          scopeflow__cursor inside, size_t count) {
    set_element *const elements =
        (set_element *)scopeflow__allocate(memory, count * sizeof *elements);
    if (elements == NULL) return false;
    scopeflow__buffer texts;
    scopeflow__buffer_init(&texts, memory);
    describe_elements(elements, count, inside, &texts);
    bool const is_done =
        !texts.failed &&
        scopeflow__sort_stable(memory, elements, count, sizeof *elements, compare_set_elements) &&
        put_in_order(memory, elements, count, at);
    scopeflow__buffer_deinit(&texts);
    scopeflow__deallocate(memory, elements, count * sizeof *elements);
    return is_done;
}

/* Sorts what is inside first. Returns what follows the value, or null without memory. */
static unsigned char *sort_value(const scopeflow__memory *memory, unsigned char *at,
                                 const unsigned char *end) {
    scopeflow__cursor next = {at, end};
    scopeflow_token const kind = scopeflow__cursor_read(&next).kind;
    unsigned char *const first = at + (next.at - at);
    if (!scopeflow__is_container(kind)) return first;

    unsigned char *inner = first;
    size_t count = 0;
    for (; *inner != SCOPEFLOW_TOKEN_END; count++) {
        inner = sort_value(memory, inner, end);
        if (inner == NULL) return NULL;
    }
    scopeflow__cursor const inside = {first, inner};
    if (kind == SCOPEFLOW_TOKEN_SET && count > 1 && !sort_elements(memory, first, inside, count))
        return NULL;
    return inner + 1;
}

void scopeflow__tape_sort_sets(scopeflow_tape *self, size_t from) {
    if (!self->has_set || self->bytes.failed) return;
    unsigned char *const at = (unsigned char *)self->bytes.ptr + from;
    const unsigned char *const end = (const unsigned char *)self->bytes.ptr + self->bytes.len;
    /* A byte of a set may be one of a text or a length as well. */
    bool has_set;
    if (!scopeflow__is_one_value(at, end, &has_set) || !has_set) return;
    if (sort_value(self->bytes.memory, at, end) == NULL) self->bytes.failed = true;
}
