/* Edits of an annotated form whose request was edited itself since it was decoded (S4.11). Members
 * of objects have names, so that both sides may edit an object; an element of an array has only its
 * place, so that an array may be edited on one side. */
#include "codec/codec.h"
#include "codec/merge.h"

typedef enum edit_fate { EDIT_APPLIES, EDIT_IS_DONE, EDIT_COLLIDES } edit_fate;

typedef struct changed_request {
    scopeflow__trees *trees;
    const scopeflow__node *decoded;
    const scopeflow__node *request;
    /* The last array that was found as it had been: most edits are in the same one. */
    const scopeflow__node *same_array;
} changed_request;

static bool is_container(const scopeflow__node *node) {
    return scopeflow__node_is(node, SCOPEFLOW_TOKEN_OBJECT) ||
           scopeflow__node_is(node, SCOPEFLOW_TOKEN_ARRAY);
}

static bool is_same_array(changed_request *self, const scopeflow__node *was,
                          const scopeflow__node *is) {
    if (self->same_array == was) return true;
    if (!scopeflow__node_equal(self->trees, was, is)) return false;
    self->same_array = was;
    return true;
}

/* A member that is written or removed: its own old value is given up, but no container's content
 * that the other side has edited. */
static edit_fate fate_of_member(changed_request *self, const scopeflow__node *was,
                                const scopeflow__node *is, bool is_removed) {
    if (is == NULL && was == NULL) return EDIT_APPLIES;
    if (is == NULL && is_removed) return EDIT_IS_DONE;
    if (!is_container(was) && !is_container(is)) return EDIT_APPLIES;
    return scopeflow__node_equal(self->trees, was, is) ? EDIT_APPLIES : EDIT_COLLIDES;
}

/* `edit` is `[path, "set"|"remove"|"insert", value?]`. */
static edit_fate fate_of(changed_request *self, const scopeflow__node *edit) {
    bool const is_removed = scopeflow__node_says(edit->first->next, SCOPEFLOW__TEXT("remove"));
    const scopeflow__node *was = self->decoded;
    const scopeflow__node *is = self->request;
    for (const scopeflow__node *step = edit->first->first; step != NULL; step = step->next) {
        if (scopeflow__node_is(was, SCOPEFLOW_TOKEN_ARRAY))
            return is_same_array(self, was, is) ? EDIT_APPLIES : EDIT_COLLIDES;
        if (!scopeflow__node_is(was, SCOPEFLOW_TOKEN_OBJECT) ||
            !scopeflow__node_is(is, SCOPEFLOW_TOKEN_OBJECT))
            return EDIT_COLLIDES;
        was = scopeflow__node_find(self->trees, was, step->text);
        is = scopeflow__node_find(self->trees, is, step->text);
    }
    return fate_of_member(self, was, is, is_removed);
}

scopeflow__node *scopeflow__edit_changed_request(scopeflow__trees *trees,
                                                 const scopeflow__node *edits,
                                                 const scopeflow__node *decoded,
                                                 const scopeflow__node *request,
                                                 scopeflow_bytes *out_path) {
    changed_request self = {trees, decoded, request, NULL};
    scopeflow__node *const left = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_ARRAY);
    for (const scopeflow__node *edit = edits->first; edit != NULL; edit = edit->next) {
        edit_fate const fate = fate_of(&self, edit);
        if (fate == EDIT_APPLIES)
            scopeflow__node_append(trees, left, scopeflow__node_share(trees, edit));
        if (fate != EDIT_COLLIDES) continue;
        *out_path = scopeflow__path_text(trees, edit->first);
        return NULL;
    }
    return left;
}
