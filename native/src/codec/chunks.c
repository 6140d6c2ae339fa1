#include "codec/chunks.h"

static bool is_kept_out(const char *const *but, scopeflow_bytes key) {
    for (; *but != NULL; but++)
        if (scopeflow__same_text(scopeflow__c_text(*but), key)) return true;
    return false;
}

/* The key has to live as long as what is kept. */
static void add_copy(scopeflow__gathering *self, scopeflow__node *object, scopeflow_bytes key,
                     const scopeflow__node *value) {
    scopeflow__node *const copy = scopeflow__node_copy(self->kept, value);
    scopeflow__node *const name = scopeflow__node_text(self->kept, SCOPEFLOW__TEXT(""));
    if (!scopeflow__same_text(value->key, key)) {
        scopeflow__node_extend(self->kept, name, key);
        scopeflow__node_add(self->kept, object, name->text, copy);
        return;
    }
    scopeflow__node_add(self->kept, object, copy->key, copy);
}

void scopeflow__gather_over(scopeflow__gathering *self, scopeflow__node *element,
                            const scopeflow__node *value) {
    scopeflow__node *const copy = scopeflow__node_copy(self->kept, value);
    if (self->kept->failed) return;
    copy->key = element->key;
    copy->next = element->next;
    *element = *copy;
}

void scopeflow__gather_set(scopeflow__gathering *self, scopeflow__node *object, scopeflow_bytes key,
                           const scopeflow__node *value) {
    scopeflow__node *const there = scopeflow__node_find(self->kept, object, key);
    if (there == NULL)
        add_copy(self, object, key, value);
    else if (value->kind != SCOPEFLOW_TOKEN_NULL &&
             !scopeflow__node_equal(self->kept, value, there)) /* Most is in every chunk. */
        scopeflow__gather_over(self, there, value);
}

void scopeflow__gather_all(scopeflow__gathering *self, scopeflow__node *object,
                           const scopeflow__node *from, const char *const *but) {
    if (!scopeflow__node_is(from, SCOPEFLOW_TOKEN_OBJECT)) return;
    for (const scopeflow__node *child = from->first; child != NULL; child = child->next)
        if (!is_kept_out(but, child->key)) scopeflow__gather_set(self, object, child->key, child);
}

void scopeflow__gather_text(scopeflow__gathering *self, scopeflow__node *object,
                            scopeflow_bytes key, const scopeflow__node *text) {
    scopeflow__node *const there = scopeflow__node_find(self->kept, object, key);
    if (!scopeflow__node_is(text, SCOPEFLOW_TOKEN_STRING)) return;
    if (scopeflow__node_is(there, SCOPEFLOW_TOKEN_STRING))
        scopeflow__node_extend(self->kept, there, text->text);
    else
        scopeflow__gather_set(self, object, key, text);
}

scopeflow__node *scopeflow__gather_member(scopeflow__gathering *self, scopeflow__node *object,
                                          const char *key, scopeflow_token kind) {
    scopeflow_bytes const name = scopeflow__c_text(key);
    scopeflow__node *const there = scopeflow__node_get(object, name);
    if (scopeflow__node_is(there, kind)) return there;
    scopeflow__node *const made = scopeflow__node_new(self->kept, kind);
    scopeflow__node_set(self->kept, object, name, made);
    scopeflow__node *const placed = scopeflow__node_get(object, name);
    return placed != NULL ? placed : made;
}

/* Looking for an element from the front is for lists as short as those of providers. */
enum { GATHERED_ELEMENT_LIMIT = 4096 };

scopeflow__node *scopeflow__gather_element(scopeflow__gathering *self, scopeflow__node *array,
                                           const scopeflow__node *index) {
    uint64_t position = 0;
    bool const is_new = !scopeflow__node_count(index, &position) || position >= array->count;
    if (is_new || position > GATHERED_ELEMENT_LIMIT) {
        scopeflow__node *const made = scopeflow__node_new(self->kept, SCOPEFLOW_TOKEN_OBJECT);
        scopeflow__node_append(self->kept, array, made);
        return made;
    }
    scopeflow__node *element = array->first;
    for (; position > 0 && element->next != NULL; position--) element = element->next;
    return element;
}

/* --- Deltas --- */

/* What is said once, though it may be said again. */
static bool is_said_once(scopeflow_bytes key) {
    static const char *const names[] = {"id", "type", "role", "name", "object", NULL};
    return is_kept_out(names, key);
}

scopeflow__node *scopeflow__gathered_of_index(scopeflow__gathering *self,
                                              const scopeflow__node *array,
                                              const scopeflow__node *index) {
    uint32_t looked = 0;
    scopeflow__node *element = array->first;
    for (; element != NULL && looked < GATHERED_ELEMENT_LIMIT; element = element->next, looked++)
        if (scopeflow__node_equal(self->kept, scopeflow__chunk_part(element, "index"), index))
            return element;
    return NULL;
}

static void gather_elements(scopeflow__gathering *self, scopeflow__node *array,
                            const scopeflow__node *delta) {
    for (const scopeflow__node *child = delta->first; child != NULL; child = child->next) {
        const scopeflow__node *const index = scopeflow__chunk_part(child, "index");
        scopeflow__node *const there =
            index != NULL ? scopeflow__gathered_of_index(self, array, index) : NULL;
        if (there != NULL)
            scopeflow__gather_delta(self, there, child);
        else
            scopeflow__node_append(self->kept, array, scopeflow__node_copy(self->kept, child));
    }
}

static void gather_value(scopeflow__gathering *self, scopeflow__node *object,
                         const scopeflow__node *value) {
    scopeflow__node *const there = scopeflow__node_find(self->kept, object, value->key);
    bool const is_alike = there != NULL && there->kind == value->kind;
    if (is_alike && value->kind == SCOPEFLOW_TOKEN_OBJECT)
        scopeflow__gather_delta(self, there, value);
    else if (is_alike && value->kind == SCOPEFLOW_TOKEN_ARRAY)
        gather_elements(self, there, value);
    else if (is_alike && value->kind == SCOPEFLOW_TOKEN_STRING && !is_said_once(value->key))
        scopeflow__node_extend(self->kept, there, value->text);
    else
        scopeflow__gather_set(self, object, value->key, value);
}

void scopeflow__gather_delta(scopeflow__gathering *self, scopeflow__node *object,
                             const scopeflow__node *delta) {
    if (!scopeflow__node_is(delta, SCOPEFLOW_TOKEN_OBJECT)) return;
    for (const scopeflow__node *child = delta->first; child != NULL; child = child->next)
        gather_value(self, object, child);
}
