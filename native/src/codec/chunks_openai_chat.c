/* Chat's chunks: a delta for each choice, by its index. */
#include "base/sort.h"
#include "codec/chunks.h"

/* Choices stand in the order of their indexes, however they come. */
static scopeflow__node *choice_of(scopeflow__gathering *self, scopeflow__node *choices,
                                  const scopeflow__node *index) {
    scopeflow__node *choice = scopeflow__gathered_of_index(self, choices, index);
    if (choice != NULL) return choice;
    choice = scopeflow__node_new(self->kept, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__node_append(self->kept, choices, choice);
    if (index != NULL) scopeflow__gather_set(self, choice, SCOPEFLOW__TEXT("index"), index);
    return choice;
}

static void gather_choice(scopeflow__gathering *self, scopeflow__node *choices,
                          const scopeflow__node *given) {
    static const char *const but[] = {"index", "delta", "logprobs", NULL};
    scopeflow__node *const choice = choice_of(self, choices, scopeflow__chunk_part(given, "index"));
    scopeflow__node *const message =
        scopeflow__gather_member(self, choice, "message", SCOPEFLOW_TOKEN_OBJECT);
    const scopeflow__node *const logprobs = scopeflow__chunk_part(given, "logprobs");
    scopeflow__gather_delta(self, message, scopeflow__chunk_part(given, "delta"));
    scopeflow__gather_all(self, choice, given, but);
    if (scopeflow__node_is(logprobs, SCOPEFLOW_TOKEN_OBJECT))
        scopeflow__gather_delta(
            self, scopeflow__gather_member(self, choice, "logprobs", SCOPEFLOW_TOKEN_OBJECT),
            logprobs);
    else if (logprobs != NULL)
        scopeflow__gather_set(self, choice, SCOPEFLOW__TEXT("logprobs"), logprobs);
}

/* `chat.completion.chunk` without its end. */
static void shorten_object(scopeflow__node *object) {
    static const char tail[] = ".chunk";
    size_t const len = sizeof tail - 1;
    if (!scopeflow__node_is(object, SCOPEFLOW_TOKEN_STRING) || object->text.len < len) return;
    if (memcmp(object->text.ptr + object->text.len - len, tail, len) == 0) object->text.len -= len;
}

void scopeflow__gather_chat(scopeflow__gathering *self, const scopeflow__node *chunk) {
    /* What makes all chunks equally long is no part of the response. */
    static const char *const but[] = {"choices", "obfuscation", NULL};
    const scopeflow__node *const given = scopeflow__chunk_part(chunk, "choices");
    scopeflow__gather_all(self, self->response, chunk, but);
    shorten_object(scopeflow__chunk_part(self->response, "object"));
    if (!scopeflow__node_is(given, SCOPEFLOW_TOKEN_ARRAY)) return;
    scopeflow__node *const choices =
        scopeflow__gather_member(self, self->response, "choices", SCOPEFLOW_TOKEN_ARRAY);
    for (const scopeflow__node *one = given->first; one != NULL; one = one->next)
        if (one->kind == SCOPEFLOW_TOKEN_OBJECT) gather_choice(self, choices, one);
}

/* Calls have an index only while they are streamed. */
static void drop_index(scopeflow__node *call) {
    scopeflow__node *before = NULL;
    if (call->kind != SCOPEFLOW_TOKEN_OBJECT) return;
    for (scopeflow__node *child = call->first; child != NULL; child = child->next) {
        if (!scopeflow__same_text(child->key, SCOPEFLOW__TEXT("index"))) {
            before = child;
            continue;
        }
        if (before == NULL)
            call->first = child->next;
        else
            before->next = child->next;
        if (call->last == child) call->last = before;
        call->count--;
        call->index = NULL;
    }
}

static void finish_choice(scopeflow__gathering *self, scopeflow__node *choice) {
    scopeflow__node *const message = scopeflow__chunk_part(choice, "message");
    const scopeflow__node *const calls = scopeflow__chunk_part(message, "tool_calls");
    if (scopeflow__chunk_part(message, "content") == NULL)
        scopeflow__node_add(self->kept, message, SCOPEFLOW__TEXT("content"),
                            scopeflow__node_new(self->kept, SCOPEFLOW_TOKEN_NULL));
    if (!scopeflow__node_is(calls, SCOPEFLOW_TOKEN_ARRAY)) return;
    for (scopeflow__node *call = calls->first; call != NULL; call = call->next) drop_index(call);
}

static uint64_t index_of(const scopeflow__node *choice) {
    uint64_t index = 0;
    (void)scopeflow__node_count(scopeflow__chunk_part(choice, "index"), &index);
    return index;
}

static int compare_choices(const void *a, const void *b) {
    uint64_t const left = index_of(*(scopeflow__node *const *)a);
    uint64_t const right = index_of(*(scopeflow__node *const *)b);
    return (left > right) - (left < right);
}

static void sort_choices(scopeflow__gathering *self, scopeflow__node *choices) {
    size_t const count = choices->count;
    scopeflow__node **const row = (scopeflow__node **)scopeflow__trees_allocate(
        self->kept, count * sizeof(scopeflow__node *));
    size_t at = 0;
    if (row == NULL) return;
    for (scopeflow__node *choice = choices->first; choice != NULL; choice = choice->next)
        row[at++] = choice;
    if (!scopeflow__sort_stable(self->kept->memory, row, count, sizeof *row, compare_choices)) {
        self->kept->failed = true;
        return;
    }
    scopeflow__node **place = &choices->first;
    for (at = 0; at < count; at++) {
        *place = choices->last = row[at];
        place = &row[at]->next;
    }
    *place = NULL;
}

void scopeflow__finish_chat(scopeflow__gathering *self) {
    scopeflow__node *const choices = scopeflow__chunk_part(self->response, "choices");
    if (!scopeflow__node_is(choices, SCOPEFLOW_TOKEN_ARRAY) || self->kept->failed) return;
    sort_choices(self, choices);
    for (scopeflow__node *choice = choices->first; choice != NULL; choice = choice->next)
        finish_choice(self, choice);
}
