/* Marks that intercepts left with their call, until its end has been emitted (S3.11). */
#include "scope/scope.h"

scopeflow__pending_mark *scopeflow__pending_mark_new(scopeflow_runtime *runtime,
                                                     scopeflow_bytes name,
                                                     scopeflow_bytes category) {
    scopeflow__pending_mark *const mark = (scopeflow__pending_mark *)scopeflow__allocate(
        &runtime->memory, sizeof *mark + name.len + category.len);
    if (mark == NULL) return NULL;
    memset(mark, 0, sizeof *mark);
    mark->name_len = name.len;
    mark->category_len = category.len;
    scopeflow__copy(mark + 1, name.ptr, name.len);
    scopeflow__copy((char *)(mark + 1) + name.len, category.ptr, category.len);
    return mark;
}

void scopeflow__pending_mark_leave(scopeflow_scope *self, scopeflow__pending_mark *mark) {
    mark->next = __atomic_load_n(&self->pending_marks, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&self->pending_marks, &mark->next, mark, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
}

scopeflow__pending_mark *scopeflow__pending_marks_take(scopeflow_scope *self) {
    scopeflow__pending_mark *newest =
        __atomic_exchange_n(&self->pending_marks, NULL, __ATOMIC_ACQUIRE);
    scopeflow__pending_mark *oldest = NULL;
    while (newest != NULL) {
        scopeflow__pending_mark *const next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

void scopeflow__pending_marks_free(scopeflow_runtime *runtime, scopeflow__pending_mark *first) {
    while (first != NULL) {
        scopeflow__pending_mark *const next = first->next;
        scopeflow__runtime_release_ref(runtime, first->data);
        scopeflow__runtime_release_ref(runtime, first->metadata);
        scopeflow__runtime_release_ref(runtime, first->profile);
        scopeflow__runtime_release_ref(runtime, first->data_schema);
        scopeflow__deallocate(&runtime->memory, first,
                              sizeof *first + first->name_len + first->category_len);
        first = next;
    }
}
