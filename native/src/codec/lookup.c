/* Looking for members. Where an object has many, an index of them is kept with it, so that looking
 * for all of them takes no more time than there are, in whatever order they stand. */
#include "codec/tree.h"

struct scopeflow__node_index {
    size_t place_count;      /* A power of two; at least half of them are free. */
    scopeflow__node *newest; /* The last child that is in it. */
    scopeflow__node **places;
};

/* Fewer are looked through. */
enum { INDEXED_MEMBER_COUNT = 16 };

scopeflow__node *scopeflow__node_get(const scopeflow__node *object, scopeflow_bytes key) {
    scopeflow__node *found = NULL;
    if (!scopeflow__node_is(object, SCOPEFLOW_TOKEN_OBJECT)) return NULL;
    for (scopeflow__node *child = object->first; child != NULL; child = child->next)
        if (scopeflow__same_text(child->key, key)) found = child;
    return found;
}

/* --- The index --- */

/* Where the key's member stands, or the free place where it belongs. */
static scopeflow__node **place_of(const scopeflow__node_index *self, uint64_t seed,
                                  scopeflow_bytes key) {
    size_t at = (size_t)scopeflow__hash(key, seed) & (self->place_count - 1);
    while (self->places[at] != NULL && !scopeflow__same_text(self->places[at]->key, key))
        at = (at + 1) & (self->place_count - 1);
    return &self->places[at];
}

/* Room for as many members as the object has, and as many again. Empty. */
static bool make_places(scopeflow__trees *trees, scopeflow__node_index *self, size_t member_count) {
    size_t place_count = 4 * (size_t)INDEXED_MEMBER_COUNT;
    while (place_count < 4 * member_count) place_count *= 2;
    size_t const size = place_count * sizeof *self->places;
    scopeflow__node **const places = (scopeflow__node **)scopeflow__trees_allocate(trees, size);
    if (places == NULL) return false;
    memset(places, 0, size);
    self->places = places;
    self->place_count = place_count;
    self->newest = NULL;
    return true;
}

/* Puts in what has come behind the newest. Of a key that stands twice the last one counts. */
static bool bring_up_to_date(scopeflow__trees *trees, scopeflow__node_index *self,
                             const scopeflow__node *object) {
    if (4 * (size_t)object->count > 2 * self->place_count &&
        !make_places(trees, self, object->count))
        return false;
    scopeflow__node *child = self->newest != NULL ? self->newest->next : object->first;
    for (; child != NULL; child = child->next) {
        *place_of(self, trees->seed, child->key) = child;
        self->newest = child;
    }
    return true;
}

static scopeflow__node_index *member_index(scopeflow__trees *trees, scopeflow__node *object) {
    if (object->index == NULL) {
        scopeflow__node_index *const made =
            (scopeflow__node_index *)scopeflow__trees_allocate(trees, sizeof *made);
        if (made == NULL || !make_places(trees, made, object->count)) return NULL;
        object->index = made;
    }
    return bring_up_to_date(trees, object->index, object) ? object->index : NULL;
}

scopeflow__node *scopeflow__node_find(scopeflow__trees *trees, const scopeflow__node *object,
                                      scopeflow_bytes key) {
    bool const is_object = scopeflow__node_is(object, SCOPEFLOW_TOKEN_OBJECT);
    if (!is_object || object->count <= INDEXED_MEMBER_COUNT)
        return scopeflow__node_get(object, key);
    /* What is kept beside its members is no change of it. */
    scopeflow__node_index *const index = member_index(trees, (scopeflow__node *)(uintptr_t)object);
    return index != NULL ? *place_of(index, trees->seed, key) : NULL;
}

scopeflow__node *scopeflow__node_find_near(scopeflow__trees *trees, const scopeflow__node *object,
                                           scopeflow_bytes key, scopeflow__node *near) {
    if (near != NULL && scopeflow__same_text(near->key, key)) return near;
    if (near != NULL && near->next != NULL && scopeflow__same_text(near->next->key, key))
        return near->next;
    return scopeflow__node_find(trees, object, key);
}

/* --- Equality --- */

static bool has_all_keys(scopeflow__trees *trees, const scopeflow__node *object,
                         const scopeflow__node *other) {
    scopeflow__node *near = object->first;
    for (const scopeflow__node *child = other->first; child != NULL; child = child->next) {
        scopeflow__node *const there = scopeflow__node_find_near(trees, object, child->key, near);
        if (there == NULL) return false;
        near = there->next;
    }
    return true;
}

/* Members of a key that stands twice count as often as they stand. Then there may be as many in the
 * other object, and one of them that this one has not. */
static bool have_equal_members(scopeflow__trees *trees, const scopeflow__node *a,
                               const scopeflow__node *b) {
    scopeflow__node *near = b->first;
    bool is_in_order = true;
    for (const scopeflow__node *child = a->first; child != NULL; child = child->next) {
        scopeflow__node *const other = scopeflow__node_find_near(trees, b, child->key, near);
        if (other == NULL || !scopeflow__node_equal(trees, child, other)) return false;
        is_in_order &= other == near;
        near = other->next;
    }
    return is_in_order || has_all_keys(trees, a, b);
}

static bool have_equal_elements(scopeflow__trees *trees, const scopeflow__node *a,
                                const scopeflow__node *b) {
    const scopeflow__node *other = b->first;
    for (const scopeflow__node *child = a->first; child != NULL && other != NULL;
         child = child->next, other = other->next)
        if (!scopeflow__node_equal(trees, child, other)) return false;
    return true;
}

bool scopeflow__node_equal(scopeflow__trees *trees, const scopeflow__node *a,
                           const scopeflow__node *b) {
    if (a == NULL || b == NULL) return a == b;
    if (a->kind != b->kind || a->count != b->count || a->bits != b->bits) return false;
    if (!scopeflow__same_text(a->text, b->text)) return false;
    if (a->first == b->first) return true;
    return a->kind == SCOPEFLOW_TOKEN_OBJECT ? have_equal_members(trees, a, b)
                                             : have_equal_elements(trees, a, b);
}
