/* Tokens: the common totals, and every kind of token once. */
#include "codec/codec.h"

uint64_t scopeflow__tokens(const scopeflow__node *usage, const char *key) {
    uint64_t count = 0;
    /* No real count comes near this, and sums of a few such stay right. */
    if (!scopeflow__node_count(scopeflow__at_key(usage, key), &count)) return 0;
    return count < UINT64_MAX / 16 ? count : UINT64_MAX / 16;
}

static void put_count(const scopeflow__coding *self, scopeflow__node *object, const char *key,
                      uint64_t count) {
    scopeflow__put(self, object, key, scopeflow__node_uint(self->trees, count));
}

static void put_some(const scopeflow__coding *self, scopeflow__node *object, const char *key,
                     uint64_t count) {
    if (count > 0) put_count(self, object, key, count);
}

static uint64_t written_tokens(const scopeflow__token_counts *counts) {
    return counts->cache_write + counts->cache_write_5m + counts->cache_write_1h;
}

/* The peers' keys. The prompt is all that went in, from the cache or not, with every provider. */
static scopeflow__node *common_usage(const scopeflow__coding *self,
                                     const scopeflow__token_counts *counts) {
    scopeflow__node *const usage = scopeflow__object(self);
    uint64_t const written = written_tokens(counts);
    uint64_t const asked =
        counts->input_uncached + counts->input_audio + counts->cache_read + written;
    uint64_t const said = counts->output_text + counts->output_reasoning + counts->output_audio;
    put_count(self, usage, "prompt_tokens", asked);
    put_count(self, usage, "completion_tokens", said);
    put_count(self, usage, "total_tokens", counts->total > 0 ? counts->total : asked + said);
    if (counts->has_cache_read) put_count(self, usage, "cache_read_tokens", counts->cache_read);
    if (counts->has_cache_write) put_count(self, usage, "cache_write_tokens", written);
    return usage;
}

static scopeflow__node *disjoint_usage(const scopeflow__coding *self,
                                       const scopeflow__token_counts *counts,
                                       const scopeflow__node *raw) {
    scopeflow__node *const usage = scopeflow__object(self);
    put_count(self, usage, "input_uncached", counts->input_uncached);
    put_some(self, usage, "input_audio", counts->input_audio);
    put_some(self, usage, "input_cache_read", counts->cache_read);
    put_some(self, usage, "input_cache_write", counts->cache_write);
    put_some(self, usage, "input_cache_write_5m", counts->cache_write_5m);
    put_some(self, usage, "input_cache_write_1h", counts->cache_write_1h);
    put_count(self, usage, "output_text", counts->output_text);
    put_some(self, usage, "output_reasoning", counts->output_reasoning);
    put_some(self, usage, "output_audio", counts->output_audio);
    scopeflow__put_shared(self, usage, "raw", raw);
    return usage;
}

void scopeflow__put_usage(const scopeflow__coding *self, scopeflow__node *annotated,
                          const scopeflow__token_counts *counts, const scopeflow__node *raw) {
    scopeflow__put(self, annotated, "usage", common_usage(self, counts));
    scopeflow__put(self, annotated, "token_usage", disjoint_usage(self, counts, raw));
}

void scopeflow__put_openai_usage(const scopeflow__coding *self, scopeflow__node *annotated,
                                 const scopeflow__node *usage, const scopeflow__usage_keys *keys) {
    const scopeflow__node *const asked = scopeflow__at_key(usage, keys->asked_details);
    const scopeflow__node *const said = scopeflow__at_key(usage, keys->said_details);
    if (!scopeflow__node_is(usage, SCOPEFLOW_TOKEN_OBJECT)) return;
    scopeflow__token_counts counts;
    memset(&counts, 0, sizeof counts);
    counts.cache_read = scopeflow__tokens(asked, "cached_tokens");
    counts.has_cache_read = scopeflow__at_key(asked, "cached_tokens") != NULL;
    counts.input_audio = scopeflow__tokens(asked, "audio_tokens");
    counts.input_uncached = scopeflow__tokens_less(scopeflow__tokens(usage, keys->asked),
                                                   counts.cache_read + counts.input_audio);
    counts.output_reasoning = scopeflow__tokens(said, "reasoning_tokens");
    counts.output_audio = scopeflow__tokens(said, "audio_tokens");
    counts.output_text = scopeflow__tokens_less(scopeflow__tokens(usage, keys->said),
                                                counts.output_reasoning + counts.output_audio);
    counts.total = scopeflow__tokens(usage, "total_tokens");
    scopeflow__put_usage(self, annotated, &counts, usage);
}
