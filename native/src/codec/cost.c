/* What a response has cost. Tokens are counted in buckets of which none overlap (usage.c), so that
 * it makes no difference whether a provider counts the cached ones into the prompt. */
#include "codec/codec.h"
#include "codec/prices.h"

/* Who has priced the models that an interface serves under their own names. */
static const char *const vendors[] = {"", "openai", "openai", "anthropic", "google"};

/* --- Numbers --- */

/* To a millionth of a millionth, beyond what sums of doubles get wrong. */
static double rounded(double cost) {
    return cost < 9000 ? (double)(uint64_t)(cost * 1e12 + 0.5) / 1e12 : cost;
}

static void put_cost_number(const scopeflow__coding *self, scopeflow__node *object, const char *key,
                            double cost) {
    scopeflow__token token;
    token.number.as_double = rounded(cost);
    scopeflow__node *const made = scopeflow__node_new(self->trees, SCOPEFLOW_TOKEN_DOUBLE);
    made->bits = token.number.as_uint;
    scopeflow__put(self, object, key, made);
}

/* --- The rates of a model --- */

static const scopeflow__node *entry_named(scopeflow__trees *trees, const scopeflow__prices *prices,
                                          const char *vendor, scopeflow_bytes model) {
    scopeflow__node *const name = scopeflow__node_text(trees, SCOPEFLOW__TEXT(""));
    scopeflow__node_extend(trees, name, scopeflow__c_text(vendor));
    if (vendor[0] != '\0') scopeflow__node_extend(trees, name, SCOPEFLOW__TEXT("/"));
    scopeflow__node_extend(trees, name, model);
    /* Its index is made: nothing of the prices changes. */
    return scopeflow__node_find((scopeflow__trees *)(uintptr_t)&prices->trees, prices->models,
                                name->text);
}

/* `model` as its vendor calls it; as `provider/model`, or of whatever provider; without what stands
 * before the last slash. */
static const scopeflow__node *entry_of(scopeflow__trees *trees, const scopeflow__prices *prices,
                                       scopeflow_codec_id codec, scopeflow_bytes model) {
    scopeflow_bytes const lower = scopeflow__lower_text(trees, model);
    const scopeflow__node *found = entry_named(trees, prices, vendors[codec], lower);
    if (found == NULL) found = entry_named(trees, prices, "", lower);
    size_t at = lower.len;
    while (at > 0 && lower.ptr[at - 1] != '/') at--;
    if (found != NULL || at == 0) return found;
    return entry_named(trees, prices, "", scopeflow__text(lower.ptr + at, lower.len - at));
}

static bool is_tier_for(const scopeflow__node *tier, uint64_t prompt) {
    uint64_t least = 0;
    uint64_t most = UINT64_MAX;
    (void)scopeflow__node_count(scopeflow__at_key(tier, "min_prompt_tokens"), &least);
    (void)scopeflow__node_count(scopeflow__at_key(tier, "max_prompt_tokens"), &most);
    return least <= prompt && prompt <= most;
}

/* Of a schedule, the first tier for such a prompt. NULL where there are none. */
static const scopeflow__node *rates_for(const scopeflow__node *entry, uint64_t prompt) {
    const scopeflow__node *const unit = scopeflow__at_key(entry, "unit");
    const scopeflow__node *const schedule = scopeflow__at_key(entry, "rate_schedule");
    bool const is_per_token = !scopeflow__node_is(unit, SCOPEFLOW_TOKEN_STRING) ||
                              scopeflow__node_says(unit, SCOPEFLOW__TEXT("per_token"));
    if (!is_per_token) return NULL;
    if (!scopeflow__node_is(schedule, SCOPEFLOW_TOKEN_OBJECT))
        return scopeflow__at_key(entry, "rates");
    const scopeflow__node *tier = scopeflow__at_key(schedule, "tiers")->first;
    for (; tier != NULL; tier = tier->next)
        if (is_tier_for(tier, prompt)) return scopeflow__at_key(tier, "rates");
    return NULL;
}

/* --- The sum --- */

typedef struct costs {
    const scopeflow__coding *coding;
    const scopeflow__node *rates;
    const scopeflow__node *tokens;
    scopeflow__node *made;
    double total;
    bool has_tokens;
    bool is_unknown; /* There are tokens without a rate. */
} costs;

/* What one kind of tokens costs; false if that is not known. */
static bool cost_of(costs *self, const char *bucket, const char *rate_key, double *sum) {
    double rate = 0;
    uint64_t const count = scopeflow__tokens(self->tokens, bucket);
    if (count == 0) return true;
    self->has_tokens = true;
    if (!scopeflow__node_number(scopeflow__at_key(self->rates, rate_key), &rate)) return false;
    *sum += (double)count * rate / 1e6;
    return true;
}

typedef struct bucket_rate {
    const char *bucket;
    const char *rate;
} bucket_rate;

/* A part of the cost, of the kinds of tokens up to one without a name. */
static void put_part(costs *self, const char *key, const bucket_rate *kinds) {
    double sum = 0;
    bool is_known = true;
    bool is_there = false;
    for (; kinds->bucket != NULL; kinds++) {
        is_known = cost_of(self, kinds->bucket, kinds->rate, &sum) && is_known;
        is_there = is_there || scopeflow__tokens(self->tokens, kinds->bucket) > 0;
    }
    self->is_unknown = self->is_unknown || !is_known;
    self->total += sum;
    if (is_known && is_there) put_cost_number(self->coding, self->made, key, sum);
}

static void put_parts(costs *self) {
    static const bucket_rate input[] = {{"input_uncached", "input_per_million"},
                                        {"input_audio", "input_audio_per_million"},
                                        {NULL, NULL}};
    static const bucket_rate output[] = {{"output_text", "output_per_million"},
                                         {"output_reasoning", "output_per_million"},
                                         {"output_audio", "output_audio_per_million"},
                                         {NULL, NULL}};
    static const bucket_rate read[] = {{"input_cache_read", "cache_read_per_million"},
                                       {NULL, NULL}};
    static const bucket_rate write[] = {{"input_cache_write", "cache_write_per_million"},
                                        {"input_cache_write_5m", "cache_write_per_million"},
                                        {"input_cache_write_1h", "cache_write_1h_per_million"},
                                        {NULL, NULL}};
    put_part(self, "input", input);
    put_part(self, "output", output);
    put_part(self, "cache_read", read);
    put_part(self, "cache_write", write);
}

/* A text of the prices, which may be gone before the response is. */
static void put_copied(const scopeflow__coding *self, scopeflow__node *object, const char *key,
                       const scopeflow__node *text) {
    if (scopeflow__node_is(text, SCOPEFLOW_TOKEN_STRING))
        scopeflow__put(self, object, key, scopeflow__node_copy(self->trees, text));
}

static scopeflow__node *priced(const scopeflow__coding *coding, const scopeflow__node *entry,
                               const scopeflow__node *rates, const scopeflow__node *tokens) {
    costs self;
    memset(&self, 0, sizeof self);
    self.coding = coding;
    self.rates = rates;
    self.tokens = tokens;
    self.made = scopeflow__object(coding);
    put_parts(&self);
    if (!self.has_tokens) return NULL;
    if (!self.is_unknown) put_cost_number(coding, self.made, "total", self.total);
    put_copied(coding, self.made, "currency", scopeflow__at_key(entry, "currency"));
    if (scopeflow__at_key(self.made, "currency") == NULL)
        scopeflow__put_text(coding, self.made, "currency", "USD");
    scopeflow__put_text(coding, self.made, "source", "model_pricing");
    put_copied(coding, self.made, "pricing_provider", scopeflow__at_key(entry, "provider"));
    put_copied(coding, self.made, "pricing_model", scopeflow__at_key(entry, "model_id"));
    put_copied(coding, self.made, "pricing_as_of", scopeflow__at_key(entry, "pricing_as_of"));
    put_copied(coding, self.made, "pricing_source", scopeflow__at_key(entry, "pricing_source"));
    return self.made;
}

static scopeflow__node *reported(const scopeflow__coding *coding, double cost) {
    scopeflow__node *const made = scopeflow__object(coding);
    put_cost_number(coding, made, "total", cost);
    scopeflow__put_text(coding, made, "currency", "USD");
    scopeflow__put_text(coding, made, "source", "provider_reported");
    return made;
}

void scopeflow__put_cost(scopeflow__trees *trees, const scopeflow__prices *prices,
                         scopeflow_codec_id codec, const scopeflow__node *annotated) {
    double cost = -1;
    scopeflow__coding coding;
    coding.trees = trees;
    coding.map = scopeflow__map_of(codec);
    scopeflow__node *const usage = scopeflow__at_key(annotated, "usage");
    const scopeflow__node *const tokens = scopeflow__at_key(annotated, "token_usage");
    scopeflow_bytes const model = scopeflow__node_string(scopeflow__at_key(annotated, "model"));
    if (usage == NULL || tokens == NULL) return;
    const scopeflow__node *const raw = scopeflow__at_key(tokens, "raw");
    if (scopeflow__node_number(scopeflow__at_key(raw, "cost"), &cost) && cost >= 0) {
        scopeflow__put(&coding, usage, "cost", reported(&coding, cost));
        return;
    }
    const scopeflow__node *const entry =
        prices != NULL ? entry_of(trees, prices, codec, model) : NULL;
    const scopeflow__node *const rates =
        entry != NULL ? rates_for(entry, scopeflow__tokens(usage, "prompt_tokens")) : NULL;
    if (scopeflow__node_is(rates, SCOPEFLOW_TOKEN_OBJECT))
        scopeflow__put(&coding, usage, "cost", priced(&coding, entry, rates, tokens));
}
