/* What the end of a streaming call tells of its chunks, whoever ends it (S4.7, S1.12). */
#include "scope/scope.h"

bool scopeflow__stream_reserve(scopeflow_scope *self) {
    self->stream = (scopeflow__stream_facts *)scopeflow__allocate(&self->runtime->memory,
                                                                  sizeof *self->stream);
    if (self->stream == NULL) return false;
    memset(self->stream, 0, sizeof *self->stream);
    return true;
}

void scopeflow__stream_free(scopeflow_scope *self) {
    scopeflow__deallocate(&self->runtime->memory, self->stream, sizeof *self->stream);
}

void scopeflow__stream_begin(scopeflow__stream_facts *self) {
    scopeflow__store_u64(&self->has_begun, 1);
}

void scopeflow__stream_count(scopeflow__stream_facts *self, uint64_t gap_ns) {
    if (self->chunk_count == 0)
        scopeflow__store_u64(&self->first_chunk_ns, gap_ns);
    else if (gap_ns > self->longest_gap_ns)
        scopeflow__store_u64(&self->longest_gap_ns, gap_ns);
    scopeflow__store_u64(&self->chunk_count, self->chunk_count + 1);
}

bool scopeflow__stream_read(const scopeflow__stream_facts *self, scopeflow__stream_facts *out) {
    out->has_begun = scopeflow__load_u64(&self->has_begun);
    out->chunk_count = scopeflow__load_u64(&self->chunk_count);
    out->first_chunk_ns = scopeflow__load_u64(&self->first_chunk_ns);
    out->longest_gap_ns = scopeflow__load_u64(&self->longest_gap_ns);
    return out->has_begun != 0;
}
