#include "codec/merge.h"

#include "json/number.h"

/* --- Paths --- */

static void enter_key(scopeflow__path *self, scopeflow_bytes key) {
    if (self->len < SCOPEFLOW__PATH_LIMIT) {
        self->steps[self->len].key = key;
        self->steps[self->len].is_key = true;
    }
    self->len++;
}

static void enter_index(scopeflow__path *self, uint32_t index) {
    if (self->len < SCOPEFLOW__PATH_LIMIT) {
        self->steps[self->len].index = index;
        self->steps[self->len].is_key = false;
    }
    self->len++;
}

static uint32_t told_steps(const scopeflow__path *self) {
    return self->len < SCOPEFLOW__PATH_LIMIT ? self->len : (uint32_t)SCOPEFLOW__PATH_LIMIT;
}

static scopeflow__node *path_as_array(const scopeflow__merge *self) {
    scopeflow__node *const array = scopeflow__node_new(self->trees, SCOPEFLOW_TOKEN_ARRAY);
    for (uint32_t i = 0; i < told_steps(&self->path); i++)
        scopeflow__node_append(self->trees, array,
                               self->path.steps[i].is_key
                                   ? scopeflow__node_text(self->trees, self->path.steps[i].key)
                                   : scopeflow__node_uint(self->trees, self->path.steps[i].index));
    return array;
}

/* --- Edits --- */

static void note_edit(scopeflow__merge *self, const char *kind, const scopeflow__node *value) {
    scopeflow__trees *const trees = self->trees;
    scopeflow__node *const edit = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_ARRAY);
    scopeflow__node_append(trees, edit, path_as_array(self));
    scopeflow__node_append(trees, edit, scopeflow__node_text(trees, scopeflow__c_text(kind)));
    if (value != NULL) scopeflow__node_append(trees, edit, scopeflow__node_share(trees, value));
    scopeflow__node_append(trees, self->edits, edit);
}

static scopeflow__node *set_whole(scopeflow__merge *self, const scopeflow__node *after) {
    note_edit(self, "set", after);
    return scopeflow__node_share(self->trees, after);
}

/* --- Objects --- */

/* A member of the original, or NULL where it is removed. */
static scopeflow__node *merge_member(scopeflow__merge *self, const scopeflow__node *member,
                                     const scopeflow__node *before, const scopeflow__node *after) {
    scopeflow__node *made = NULL;
    if (after == NULL && before == NULL) return scopeflow__node_share(self->trees, member);
    if (scopeflow__node_equal(self->trees, before, after))
        return scopeflow__node_share(self->trees, member);
    enter_key(&self->path, member->key);
    if (after == NULL)
        note_edit(self, "remove", NULL);
    else if (before == NULL)
        made = set_whole(self, after);
    else
        made = scopeflow__merge_trees(self, member, before, after);
    self->path.len--;
    return made;
}

static void add_new_members(scopeflow__merge *self, scopeflow__node *made,
                            const scopeflow__node *original, const scopeflow__node *before,
                            const scopeflow__node *after) {
    scopeflow__node *near_original = original->first;
    scopeflow__node *near_before = before->first;
    for (const scopeflow__node *child = after->first; child != NULL; child = child->next) {
        scopeflow__node *const there =
            scopeflow__node_find_near(self->trees, original, child->key, near_original);
        scopeflow__node *const was =
            scopeflow__node_find_near(self->trees, before, child->key, near_before);
        if (there != NULL) near_original = there;
        if (was != NULL) near_before = was;
        /* What encoding makes up where the original has nothing is no edit. */
        if (there != NULL || scopeflow__node_equal(self->trees, was, child)) continue;
        enter_key(&self->path, child->key);
        scopeflow__node_add(self->trees, made, child->key, set_whole(self, child));
        self->path.len--;
    }
}

static scopeflow__node *merge_objects(scopeflow__merge *self, const scopeflow__node *original,
                                      const scopeflow__node *before, const scopeflow__node *after) {
    scopeflow__node *const made = scopeflow__node_new(self->trees, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__node *near_before = before->first;
    scopeflow__node *near_after = after->first;
    for (const scopeflow__node *child = original->first; child != NULL; child = child->next) {
        scopeflow__node *const was =
            scopeflow__node_find_near(self->trees, before, child->key, near_before);
        scopeflow__node *const is =
            scopeflow__node_find_near(self->trees, after, child->key, near_after);
        if (was != NULL) near_before = was;
        if (is != NULL) near_after = is;
        scopeflow__node *const merged = merge_member(self, child, was, is);
        if (merged != NULL) scopeflow__node_add(self->trees, made, child->key, merged);
    }
    add_new_members(self, made, original, before, after);
    return made;
}

/* --- Arrays --- */

/* The elements that are left of three arrays, and what becomes of them. `original` and `before`
 * go side by side. */
typedef struct element_rows {
    const scopeflow__node *original;
    const scopeflow__node *before;
    const scopeflow__node *after;
    uint32_t before_count;
    uint32_t after_count;
    uint32_t at; /* The position in what is made. */
    scopeflow__node *made;
} element_rows;

/* Goes on in all three, and in what is made. */
static void pass_row(element_rows *rows) {
    rows->original = rows->original->next;
    rows->before = rows->before->next;
    rows->after = rows->after->next;
    rows->before_count--;
    rows->after_count--;
    rows->at++;
}

static void pass_equal(scopeflow__merge *self, element_rows *rows) {
    scopeflow__node_append(self->trees, rows->made,
                           scopeflow__node_share(self->trees, rows->original));
    pass_row(rows);
}

static void merge_pair(scopeflow__merge *self, element_rows *rows) {
    enter_index(&self->path, rows->at);
    scopeflow__node *const merged =
        scopeflow__merge_trees(self, rows->original, rows->before, rows->after);
    self->path.len--;
    scopeflow__node_append(self->trees, rows->made, merged);
    pass_row(rows);
}

static void remove_element(scopeflow__merge *self, element_rows *rows) {
    enter_index(&self->path, rows->at);
    note_edit(self, "remove", NULL);
    self->path.len--;
    rows->original = rows->original->next;
    rows->before = rows->before->next;
    rows->before_count--;
}

static void insert_element(scopeflow__merge *self, element_rows *rows) {
    enter_index(&self->path, rows->at);
    note_edit(self, "insert", rows->after);
    self->path.len--;
    scopeflow__node_append(self->trees, rows->made,
                           scopeflow__node_share(self->trees, rows->after));
    rows->after = rows->after->next;
    rows->after_count--;
    rows->at++;
}

/* How many elements further one equal to `wanted` stands; `count` if none does, or only beyond what
 * may be looked at: a long array that was wholly changed costs no more than its length. */
static uint32_t distance_to(scopeflow__merge *self, const scopeflow__node *from, uint32_t count,
                            const scopeflow__node *wanted) {
    uint32_t const looked = count < 64 ? count : 64;
    for (uint32_t i = 0; i < looked; i++, from = from->next)
        if (scopeflow__node_equal(self->trees, from, wanted)) return i;
    return count;
}

/* One step over a place where both differ: whichever side finds its element again on the other one
 * tells whether something was put in or taken out; else the two are versions of one element. */
static void merge_difference(scopeflow__merge *self, element_rows *rows) {
    uint32_t const inserted = distance_to(self, rows->after, rows->after_count, rows->before);
    uint32_t const removed = distance_to(self, rows->before, rows->before_count, rows->after);
    bool const is_found_after = inserted < rows->after_count;
    bool const is_found_before = removed < rows->before_count;
    if (is_found_after && (!is_found_before || inserted <= removed))
        for (uint32_t i = 0; i < inserted; i++) insert_element(self, rows);
    else if (is_found_before)
        for (uint32_t i = 0; i < removed; i++) remove_element(self, rows);
    else
        merge_pair(self, rows);
}

static scopeflow__node *merge_arrays(scopeflow__merge *self, const scopeflow__node *original,
                                     const scopeflow__node *before, const scopeflow__node *after) {
    element_rows rows;
    rows.original = original->first;
    rows.before = before->first;
    rows.after = after->first;
    rows.before_count = before->count;
    rows.after_count = after->count;
    rows.at = 0;
    rows.made = scopeflow__node_new(self->trees, SCOPEFLOW_TOKEN_ARRAY);
    while (rows.before != NULL && rows.after != NULL && !self->trees->failed) {
        if (scopeflow__node_equal(self->trees, rows.before, rows.after))
            pass_equal(self, &rows);
        else
            merge_difference(self, &rows);
    }
    while (rows.before != NULL && !self->trees->failed) remove_element(self, &rows);
    while (rows.after != NULL && !self->trees->failed) insert_element(self, &rows);
    return rows.made;
}

scopeflow__node *scopeflow__merge_trees(scopeflow__merge *self, const scopeflow__node *original,
                                        const scopeflow__node *before,
                                        const scopeflow__node *after) {
    bool const are_alike = original->kind == before->kind && before->kind == after->kind;
    if (are_alike && original->kind == SCOPEFLOW_TOKEN_OBJECT)
        return merge_objects(self, original, before, after);
    if (are_alike && original->kind == SCOPEFLOW_TOKEN_ARRAY && original->count == before->count)
        return merge_arrays(self, original, before, after);
    return set_whole(self, after);
}

/* --- The first difference --- */

static void find_difference(scopeflow__merge *self, const scopeflow__node *a,
                            const scopeflow__node *b);

static bool find_in_members(scopeflow__merge *self, const scopeflow__node *a,
                            const scopeflow__node *b) {
    scopeflow__node *near = b->first;
    for (const scopeflow__node *child = a->first; child != NULL; child = child->next) {
        scopeflow__node *const other = scopeflow__node_find_near(self->trees, b, child->key, near);
        if (other != NULL) near = other;
        if (scopeflow__node_equal(self->trees, child, other)) continue;
        enter_key(&self->path, child->key);
        if (other != NULL)
            find_difference(self, child, other);
        else if (child->kind == SCOPEFLOW_TOKEN_OBJECT && child->count > 0)
            enter_key(&self->path, child->first->key); /* All of it is missing. */
        return true;
    }
    return false;
}

static void find_in_elements(scopeflow__merge *self, const scopeflow__node *a,
                             const scopeflow__node *b) {
    uint32_t index = 0;
    const scopeflow__node *other = b->first;
    const scopeflow__node *child = a->first;
    for (; child != NULL && other != NULL && scopeflow__node_equal(self->trees, child, other);
         index++) {
        child = child->next;
        other = other->next;
    }
    enter_index(&self->path, index);
    if (child != NULL && other != NULL) find_difference(self, child, other);
}

static void find_difference(scopeflow__merge *self, const scopeflow__node *a,
                            const scopeflow__node *b) {
    if (a->kind != b->kind) return;
    if (a->kind == SCOPEFLOW_TOKEN_ARRAY) find_in_elements(self, a, b);
    if (a->kind == SCOPEFLOW_TOKEN_OBJECT && !find_in_members(self, a, b))
        (void)find_in_members(self, b, a);
}

static void put_step(scopeflow__trees *trees, const scopeflow__path *path, uint32_t i,
                     scopeflow__node *out) {
    char number[SCOPEFLOW__NUMBER_SIZE_BYTES];
    if (path->steps[i].is_key) {
        if (i > 0) scopeflow__node_extend(trees, out, SCOPEFLOW__TEXT("."));
        scopeflow__node_extend(trees, out, path->steps[i].key);
        return;
    }
    size_t const len = scopeflow__number_write_uint(path->steps[i].index, number);
    scopeflow__node_extend(trees, out, SCOPEFLOW__TEXT("["));
    scopeflow__node_extend(trees, out, scopeflow__text(number, len));
    scopeflow__node_extend(trees, out, SCOPEFLOW__TEXT("]"));
}

scopeflow_bytes scopeflow__path_text(scopeflow__trees *trees, const scopeflow__node *steps) {
    scopeflow__node *const text = scopeflow__node_text(trees, SCOPEFLOW__TEXT(""));
    scopeflow__path path;
    path.len = 0;
    for (const scopeflow__node *step = steps->first; step != NULL; step = step->next) {
        uint64_t index = 0;
        if (scopeflow__node_count(step, &index))
            enter_index(&path, (uint32_t)index);
        else
            enter_key(&path, step->text);
    }
    for (uint32_t i = 0; i < told_steps(&path); i++) put_step(trees, &path, i, text);
    return text->text;
}

scopeflow_bytes scopeflow__first_difference(scopeflow__trees *trees, const scopeflow__node *a,
                                            const scopeflow__node *b) {
    scopeflow__merge merge;
    scopeflow__node *const text = scopeflow__node_text(trees, SCOPEFLOW__TEXT(""));
    merge.trees = trees;
    merge.path.len = 0;
    find_difference(&merge, a, b);
    for (uint32_t i = 0; i < told_steps(&merge.path); i++) put_step(trees, &merge.path, i, text);
    return text->text;
}
