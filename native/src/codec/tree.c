#include "codec/tree.h"

#include "json/parse.h"

struct scopeflow__tree_block {
    scopeflow__tree_block *before;
    size_t size_bytes; /* With this head. */
};

enum { TREE_BLOCK_BYTES = 16 * 1024, TREE_ALIGNMENT_BYTES = 8 };

/* --- Memory --- */

void scopeflow__trees_init(scopeflow__trees *self, const scopeflow__memory *memory, uint64_t seed,
                           size_t limit_bytes) {
    memset(self, 0, sizeof *self);
    self->memory = memory;
    self->seed = seed;
    self->limit_bytes = limit_bytes;
}

static void free_blocks(scopeflow__trees *self, const scopeflow__tree_block *kept) {
    scopeflow__tree_block *block = self->block;
    while (block != kept) {
        scopeflow__tree_block *const before = block->before;
        self->held_bytes -= block->size_bytes;
        scopeflow__deallocate(self->memory, block, block->size_bytes);
        block = before;
    }
    self->block = block;
}

void scopeflow__trees_deinit(scopeflow__trees *self) {
    free_blocks(self, NULL);
}

void scopeflow__trees_reset(scopeflow__trees *self) {
    const scopeflow__tree_block *first = self->block;
    while (first != NULL && first->before != NULL) first = first->before;
    free_blocks(self, first);
    self->used_bytes = sizeof(scopeflow__tree_block);
    self->failed = false;
    self->is_full = false;
}

static bool add_block(scopeflow__trees *self, size_t size_bytes) {
    size_t const least = size_bytes + sizeof(scopeflow__tree_block);
    size_t const usual = self->block == NULL ? (size_t)TREE_BLOCK_BYTES : self->held_bytes;
    size_t const wanted = least > usual ? least : usual;
    scopeflow__tree_block *block = NULL;
    self->is_full = wanted > self->limit_bytes - self->held_bytes;
    if (!self->is_full) block = (scopeflow__tree_block *)scopeflow__allocate(self->memory, wanted);
    if (block == NULL) {
        self->failed = true;
        return false;
    }
    block->before = self->block;
    block->size_bytes = wanted;
    self->block = block;
    self->used_bytes = sizeof *block;
    self->held_bytes += wanted;
    return true;
}

void *scopeflow__trees_allocate(scopeflow__trees *self, size_t size_bytes) {
    if (self->failed || size_bytes > self->limit_bytes) {
        self->is_full |= !self->failed;
        self->failed = true;
        return NULL;
    }
    size_t const size =
        (size_bytes + TREE_ALIGNMENT_BYTES - 1) & ~(size_t)(TREE_ALIGNMENT_BYTES - 1);
    bool const has_room = self->block != NULL && self->block->size_bytes - self->used_bytes >= size;
    if (!has_room && !add_block(self, size)) return NULL;
    char *const at = (char *)self->block + self->used_bytes;
    self->used_bytes += size;
    return at;
}

/* --- New nodes --- */

scopeflow__node *scopeflow__node_new(scopeflow__trees *self, scopeflow_token kind) {
    scopeflow__node *node = (scopeflow__node *)scopeflow__trees_allocate(self, sizeof *node);
    if (node == NULL) node = &self->spare;
    memset(node, 0, sizeof *node);
    node->kind = kind;
    node->key = node->text = scopeflow__text("", 0);
    return node;
}

scopeflow__node *scopeflow__node_text(scopeflow__trees *self, scopeflow_bytes text) {
    scopeflow__node *const node = scopeflow__node_new(self, SCOPEFLOW_TOKEN_STRING);
    node->text = text;
    return node;
}

scopeflow__node *scopeflow__node_uint(scopeflow__trees *self, uint64_t value) {
    bool const is_wide = value > (uint64_t)INT64_MAX;
    scopeflow__node *const node =
        scopeflow__node_new(self, is_wide ? SCOPEFLOW_TOKEN_UINT : SCOPEFLOW_TOKEN_INT);
    node->bits = value;
    return node;
}

scopeflow__node *scopeflow__node_bool(scopeflow__trees *self, bool value) {
    return scopeflow__node_new(self, value ? SCOPEFLOW_TOKEN_TRUE : SCOPEFLOW_TOKEN_FALSE);
}

scopeflow__node *scopeflow__node_share(scopeflow__trees *self, const scopeflow__node *node) {
    scopeflow__node *const made = scopeflow__node_new(self, node->kind);
    *made = *node;
    made->key = scopeflow__text("", 0);
    /* Whoever extends it must not write behind the other one's text, nor know its members. */
    made->room_bytes = 0;
    made->index = NULL;
    made->next = NULL;
    return made;
}

static scopeflow_bytes copy_bytes(scopeflow__trees *self, scopeflow_bytes text) {
    char *const at = text.len > 0 ? (char *)scopeflow__trees_allocate(self, text.len) : NULL;
    if (at == NULL) return scopeflow__text("", 0);
    memcpy(at, text.ptr, text.len);
    return scopeflow__text(at, text.len);
}

static scopeflow__node *copy_one(scopeflow__trees *self, const scopeflow__node *node) {
    scopeflow__node *const made = scopeflow__node_new(self, node->kind);
    made->bits = node->bits;
    made->key = copy_bytes(self, node->key);
    made->text = copy_bytes(self, node->text);
    return made;
}

static void link_child(scopeflow__trees *self, scopeflow__node *parent, scopeflow__node *child) {
    if (self->failed) return;
    if (parent->last == NULL)
        parent->first = child;
    else
        parent->last->next = child;
    parent->last = child;
    parent->count++;
}

/* As deep as a payload may be, and the few levels that a codec puts around it. */
scopeflow__node *scopeflow__node_copy(scopeflow__trees *self, const scopeflow__node *node) {
    scopeflow__node *const made = copy_one(self, node);
    for (const scopeflow__node *child = node->first; child != NULL; child = child->next)
        link_child(self, made, scopeflow__node_copy(self, child));
    return made;
}

static scopeflow__node *node_of_token(scopeflow__trees *self, const scopeflow__token *token) {
    scopeflow_token const kind = token->kind;
    scopeflow__node *const node = scopeflow__node_new(
        self, kind == SCOPEFLOW_TOKEN_SET ? (scopeflow_token)SCOPEFLOW_TOKEN_ARRAY : kind);
    node->bits = token->number.as_uint;
    node->text = token->text;
    return node;
}

scopeflow__node *scopeflow__node_read(scopeflow__trees *self, scopeflow__cursor value) {
    scopeflow__node *open[SCOPEFLOW_PAYLOAD_DEPTH_LIMIT + 1];
    uint32_t depth = 0;
    scopeflow__node *root = NULL;
    while (!scopeflow__cursor_is_done(&value) && !self->failed) {
        scopeflow_bytes key = scopeflow__text("", 0);
        bool const is_member = depth > 0 && open[depth - 1]->kind == SCOPEFLOW_TOKEN_OBJECT;
        scopeflow__token token = scopeflow__cursor_read(&value);
        if (token.kind == SCOPEFLOW_TOKEN_END) {
            depth--;
            continue;
        }
        if (is_member) {
            key = token.text;
            token = scopeflow__cursor_read(&value);
        }
        scopeflow__node *const node = node_of_token(self, &token);
        node->key = key;
        if (depth > 0)
            link_child(self, open[depth - 1], node);
        else
            root = node;
        if (scopeflow__is_container(token.kind)) open[depth++] = node;
    }
    return root != NULL ? root : scopeflow__node_new(self, SCOPEFLOW_TOKEN_NULL);
}

scopeflow__node *scopeflow__node_parse(scopeflow__trees *self, scopeflow_bytes json) {
    scopeflow_tape tape;
    scopeflow__node *node = NULL;
    scopeflow__tape_init(&tape, self->memory, SIZE_MAX);
    if (scopeflow__json_parse(&tape, json)) {
        scopeflow_bytes const row = scopeflow__text(tape.bytes.ptr, tape.bytes.len);
        const unsigned char *const at = (const unsigned char *)copy_bytes(self, row).ptr;
        scopeflow__cursor const value = {at, at + row.len};
        if (!self->failed) node = scopeflow__node_read(self, value);
    }
    scopeflow__tape_deinit(&tape);
    return node;
}

/* --- Building --- */

void scopeflow__node_append(scopeflow__trees *self, scopeflow__node *array,
                            scopeflow__node *child) {
    link_child(self, array, child);
}

void scopeflow__node_add(scopeflow__trees *self, scopeflow__node *object, scopeflow_bytes key,
                         scopeflow__node *child) {
    child->key = key;
    link_child(self, object, child);
}

void scopeflow__node_set(scopeflow__trees *self, scopeflow__node *object, scopeflow_bytes key,
                         scopeflow__node *child) {
    scopeflow__node *const old = scopeflow__node_find(self, object, key);
    if (old == NULL) {
        scopeflow__node_add(self, object, key, child);
        return;
    }
    if (self->failed) return;
    scopeflow__node *const next = old->next;
    *old = *child;
    old->key = key;
    old->next = next;
}

void scopeflow__node_add_shared(scopeflow__trees *self, scopeflow__node *object,
                                scopeflow_bytes key, const scopeflow__node *value) {
    if (value != NULL) scopeflow__node_add(self, object, key, scopeflow__node_share(self, value));
}

void scopeflow__node_extend(scopeflow__trees *self, scopeflow__node *string, scopeflow_bytes more) {
    size_t const len = string->text.len + more.len;
    if (len > string->room_bytes) {
        char *const at = (char *)scopeflow__trees_allocate(self, 2 * len);
        if (at == NULL) return;
        scopeflow__copy(at, string->text.ptr, string->text.len);
        string->text.ptr = at;
        string->room_bytes = 2 * len;
    }
    /* The text is in these trees: nobody else has a view of what is behind it. */
    char *const end = (char *)(uintptr_t)string->text.ptr + string->text.len;
    scopeflow__copy(end, more.ptr, more.len);
    string->text.len = len;
}

/* --- Looking --- */

bool scopeflow__node_is(const scopeflow__node *node, scopeflow_token kind) {
    return node != NULL && node->kind == kind;
}

bool scopeflow__node_says(const scopeflow__node *node, scopeflow_bytes text) {
    return scopeflow__node_is(node, SCOPEFLOW_TOKEN_STRING) &&
           scopeflow__same_text(node->text, text);
}

scopeflow_bytes scopeflow__node_string(const scopeflow__node *node) {
    bool const is_string = scopeflow__node_is(node, SCOPEFLOW_TOKEN_STRING);
    return is_string ? node->text : scopeflow__text("", 0);
}

/* A host may have no other numbers. From 2^53 on whole ones are not told apart. */
static bool count_of_double(const scopeflow__node *node, uint64_t *out) {
    double value;
    memcpy(&value, &node->bits, sizeof value);
    if (!(value >= 0 && value <= 9007199254740992.0)) return false;
    uint64_t const whole = (uint64_t)value;
    if ((double)whole != value) return false;
    *out = whole;
    return true;
}

bool scopeflow__node_count(const scopeflow__node *node, uint64_t *out) {
    if (scopeflow__node_is(node, SCOPEFLOW_TOKEN_DOUBLE)) return count_of_double(node, out);
    bool const is_signed = scopeflow__node_is(node, SCOPEFLOW_TOKEN_INT);
    if (!is_signed && !scopeflow__node_is(node, SCOPEFLOW_TOKEN_UINT)) return false;
    if (is_signed && node->bits > (uint64_t)INT64_MAX) return false; /* It is negative. */
    *out = node->bits;
    return true;
}

/* --- Writing --- */

static void write_scalar(const scopeflow__node *node, scopeflow_tape *tape) {
    scopeflow__token token;
    token.kind = node->kind;
    token.text = node->text;
    token.number.as_uint = node->bits;
    scopeflow__tape_put(tape, &token);
}

void scopeflow__node_write(const scopeflow__node *node, scopeflow_tape *tape) {
    if (!scopeflow__is_container(node->kind)) {
        write_scalar(node, tape);
        return;
    }
    bool const is_object = node->kind == SCOPEFLOW_TOKEN_OBJECT;
    scopeflow__tape_put_mark(tape, node->kind);
    for (const scopeflow__node *child = node->first; child != NULL; child = child->next) {
        if (is_object) scopeflow__tape_put_string(tape, child->key);
        scopeflow__node_write(child, tape);
    }
    scopeflow__tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}
