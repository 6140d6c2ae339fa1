/* Reading catalogues of prices: everything is checked, and what is wrong is named with its path. */
#include "codec/codec.h"
#include "codec/prices.h"

typedef struct price_reading {
    scopeflow__trees *trees;
    scopeflow__node *path;
    const char *wrong; /* What is wrong there, or null. */
} price_reading;

static bool refuse_price(price_reading *self, const char *wrong) {
    self->wrong = wrong;
    return false;
}

static size_t enter_member(price_reading *self, scopeflow_bytes key) {
    size_t const before = self->path->text.len;
    scopeflow__node_extend(self->trees, self->path, SCOPEFLOW__TEXT("."));
    scopeflow__node_extend(self->trees, self->path, key);
    return before;
}

static size_t enter_element(price_reading *self, uint64_t position) {
    char digits[24];
    size_t at = sizeof digits;
    size_t const before = self->path->text.len;
    digits[--at] = ']';
    do digits[--at] = (char)('0' + position % 10);
    while ((position /= 10) > 0);
    digits[--at] = '[';
    scopeflow__node_extend(self->trees, self->path,
                           scopeflow__text(digits + at, sizeof digits - at));
    return before;
}

/* --- Values --- */

typedef bool check_price(price_reading *self, const scopeflow__node *value);

typedef struct price_rule {
    const char *key;
    check_price *check;
    bool is_required;
} price_rule;

static const price_rule *rule_of(const price_rule *rules, scopeflow_bytes key) {
    while (rules->key != NULL && !scopeflow__same_text(scopeflow__c_text(rules->key), key)) rules++;
    return rules->key != NULL ? rules : NULL;
}

/* An object of these members only. A member that may be missing may be null. */
static bool check_members(price_reading *self, const scopeflow__node *value,
                          const price_rule *rules) {
    if (value->kind != SCOPEFLOW_TOKEN_OBJECT) return refuse_price(self, " must be an object");
    for (const scopeflow__node *child = value->first; child != NULL; child = child->next) {
        const price_rule *const rule = rule_of(rules, child->key);
        size_t const before = enter_member(self, child->key);
        if (rule == NULL) return refuse_price(self, " is not known");
        bool const is_absent = child->kind == SCOPEFLOW_TOKEN_NULL && !rule->is_required;
        if (!is_absent && !rule->check(self, child)) return false;
        self->path->text.len = before;
    }
    for (; rules->key != NULL; rules++) {
        if (!rules->is_required ||
            scopeflow__node_get(value, scopeflow__c_text(rules->key)) != NULL)
            continue;
        (void)enter_member(self, scopeflow__c_text(rules->key));
        return refuse_price(self, " is missing");
    }
    return true;
}

static bool check_elements(price_reading *self, const scopeflow__node *value, check_price *check) {
    uint64_t position = 0;
    if (value->kind != SCOPEFLOW_TOKEN_ARRAY) return refuse_price(self, " must be an array");
    for (const scopeflow__node *child = value->first; child != NULL; child = child->next) {
        size_t const before = enter_element(self, position++);
        if (!check(self, child)) return false;
        self->path->text.len = before;
    }
    return true;
}

bool scopeflow__node_number(const scopeflow__node *node, double *out) {
    scopeflow__token token;
    if (node == NULL) return false;
    token.number.as_uint = node->bits;
    if (node->kind == SCOPEFLOW_TOKEN_DOUBLE)
        *out = token.number.as_double;
    else if (node->kind == SCOPEFLOW_TOKEN_INT)
        *out = (double)token.number.as_int;
    else if (node->kind == SCOPEFLOW_TOKEN_UINT)
        *out = (double)token.number.as_uint;
    else
        return false;
    return true;
}

static bool check_rate(price_reading *self, const scopeflow__node *value) {
    double rate = -1;
    bool const is_rate = scopeflow__node_number(value, &rate) && rate >= 0 && rate <= 1e15;
    return is_rate || refuse_price(self, " must be a number from 0 to 1e15");
}

static bool check_count(price_reading *self, const scopeflow__node *value) {
    uint64_t count;
    return scopeflow__node_count(value, &count) ||
           refuse_price(self, " must be a whole number from 0");
}

static bool check_price_text(price_reading *self, const scopeflow__node *value) {
    return scopeflow__node_string(value).len > 0 || refuse_price(self, " must be a text");
}

static bool check_model_names(price_reading *self, const scopeflow__node *value) {
    return check_elements(self, value, check_price_text);
}

static bool is_any(const scopeflow__node *value, const char *const *texts) {
    for (; *texts != NULL; texts++)
        if (scopeflow__node_says(value, scopeflow__c_text(*texts))) return true;
    return false;
}

static bool check_unit(price_reading *self, const scopeflow__node *value) {
    static const char *const units[] = {"per_token", "per_request", "per_second", "gpu_hour", NULL};
    return is_any(value, units) ||
           refuse_price(self, " must be per_token, per_request, per_second or gpu_hour");
}

static bool check_accounting(price_reading *self, const scopeflow__node *value) {
    static const char *const ways[] = {"included_in_prompt_tokens", "separate", NULL};
    return is_any(value, ways) ||
           refuse_price(self, " must be included_in_prompt_tokens or separate");
}

static bool check_threshold(price_reading *self, const scopeflow__node *value) {
    return scopeflow__node_says(value, SCOPEFLOW__TEXT("prompt_token_threshold")) ||
           refuse_price(self, " must be prompt_token_threshold");
}

static bool check_applies(price_reading *self, const scopeflow__node *value) {
    return scopeflow__node_says(value, SCOPEFLOW__TEXT("full_request")) ||
           refuse_price(self, " must be full_request");
}

static bool check_catalogue_version(price_reading *self, const scopeflow__node *value) {
    uint64_t version = 0;
    return (scopeflow__node_count(value, &version) && version == 1) ||
           refuse_price(self, " must be 1");
}

/* --- Objects --- */

static bool check_rates(price_reading *self, const scopeflow__node *value) {
    static const price_rule rules[] = {{"input_per_million", check_rate, true},
                                       {"output_per_million", check_rate, true},
                                       {"cache_read_per_million", check_rate, false},
                                       {"cache_write_per_million", check_rate, false},
                                       {"cache_write_1h_per_million", check_rate, false},
                                       {"input_audio_per_million", check_rate, false},
                                       {"output_audio_per_million", check_rate, false},
                                       {NULL, NULL, false}};
    return check_members(self, value, rules);
}

static bool check_tier(price_reading *self, const scopeflow__node *value) {
    static const price_rule rules[] = {{"min_prompt_tokens", check_count, false},
                                       {"max_prompt_tokens", check_count, false},
                                       {"rates", check_rates, true},
                                       {NULL, NULL, false}};
    return check_members(self, value, rules);
}

static bool check_tiers(price_reading *self, const scopeflow__node *value) {
    return check_elements(self, value, check_tier);
}

static bool check_schedule(price_reading *self, const scopeflow__node *value) {
    static const price_rule rules[] = {{"type", check_threshold, true},
                                       {"applies_to", check_applies, false},
                                       {"tiers", check_tiers, true},
                                       {NULL, NULL, false}};
    return check_members(self, value, rules);
}

static bool check_prompt_cache(price_reading *self, const scopeflow__node *value) {
    static const price_rule rules[] = {{"read_accounting", check_accounting, false},
                                       {NULL, NULL, false}};
    return check_members(self, value, rules);
}

static bool check_entry(price_reading *self, const scopeflow__node *value) {
    static const price_rule rules[] = {{"provider", check_price_text, true},
                                       {"model_id", check_price_text, true},
                                       {"aliases", check_model_names, false},
                                       {"currency", check_price_text, false},
                                       {"unit", check_unit, false},
                                       {"rates", check_rates, false},
                                       {"rate_schedule", check_schedule, false},
                                       {"prompt_cache", check_prompt_cache, false},
                                       {"pricing_as_of", check_price_text, false},
                                       {"pricing_source", check_price_text, false},
                                       {NULL, NULL, false}};
    return check_members(self, value, rules);
}

static bool check_entries(price_reading *self, const scopeflow__node *value) {
    return check_elements(self, value, check_entry);
}

static bool check_catalogue(price_reading *self, const scopeflow__node *value) {
    static const price_rule rules[] = {{"version", check_catalogue_version, false},
                                       {"entries", check_entries, true},
                                       {NULL, NULL, false}};
    return check_members(self, value, rules);
}

/* --- Names --- */

scopeflow_bytes scopeflow__lower_text(scopeflow__trees *trees, scopeflow_bytes text) {
    char *const at = (char *)scopeflow__trees_allocate(trees, text.len + 1);
    if (at == NULL) return scopeflow__text("", 0);
    for (size_t i = 0; i < text.len; i++) at[i] = scopeflow__lower(text.ptr[i]);
    return scopeflow__text(at, text.len);
}

/* Puts the entry under a name; `bits` of it are the number of its catalogue. False where another
 * entry of the same catalogue has it. */
static bool put_name(scopeflow__prices *self, scopeflow_bytes name, const scopeflow__node *entry,
                     uint64_t catalogue) {
    const scopeflow__node *const there = scopeflow__node_find(&self->trees, self->models, name);
    if (there != NULL) return there->bits != catalogue || there->first == entry->first;
    scopeflow__node *const put = scopeflow__node_share(&self->trees, entry);
    put->bits = catalogue;
    scopeflow__node_add(&self->trees, self->models, name, put);
    return true;
}

/* Under the name of its provider, and alone: of several providers' the first one counts. */
static bool put_model(scopeflow__prices *self, const scopeflow__node *entry, scopeflow_bytes model,
                      uint64_t catalogue) {
    scopeflow__trees *const trees = &self->trees;
    scopeflow_bytes const provider =
        scopeflow__node_string(scopeflow__node_get(entry, SCOPEFLOW__TEXT("provider")));
    scopeflow__node *const name = scopeflow__node_text(trees, SCOPEFLOW__TEXT(""));
    scopeflow__node_extend(trees, name, scopeflow__lower_text(trees, provider));
    scopeflow__node_extend(trees, name, SCOPEFLOW__TEXT("/"));
    scopeflow_bytes const alone = scopeflow__lower_text(trees, model);
    scopeflow__node_extend(trees, name, alone);
    (void)put_name(self, alone, entry, catalogue);
    return put_name(self, name->text, entry, catalogue);
}

static bool put_entry(scopeflow__prices *self, const scopeflow__node *entry, uint64_t catalogue) {
    const scopeflow__node *const aliases = scopeflow__node_get(entry, SCOPEFLOW__TEXT("aliases"));
    scopeflow_bytes const model =
        scopeflow__node_string(scopeflow__node_get(entry, SCOPEFLOW__TEXT("model_id")));
    if (!put_model(self, entry, model, catalogue)) return false;
    const scopeflow__node *alias = aliases != NULL ? aliases->first : NULL;
    for (; alias != NULL; alias = alias->next)
        if (!put_model(self, entry, alias->text, catalogue)) return false;
    return true;
}

static bool put_catalogue(scopeflow__prices *self, price_reading *reading,
                          const scopeflow__node *given, uint64_t catalogue) {
    uint64_t position = 0;
    const scopeflow__node *entry = scopeflow__node_get(given, SCOPEFLOW__TEXT("entries"))->first;
    size_t const before = enter_member(reading, SCOPEFLOW__TEXT("entries"));
    for (; entry != NULL; entry = entry->next) {
        size_t const outside = enter_element(reading, position++);
        if (!put_entry(self, entry, catalogue))
            return refuse_price(reading, " has a model that is there already");
        reading->path->text.len = outside;
    }
    reading->path->text.len = before;
    return true;
}

static bool read_catalogues(scopeflow__prices *self, price_reading *reading,
                            const scopeflow__node *given) {
    uint64_t catalogue = 0;
    if (given->kind != SCOPEFLOW_TOKEN_ARRAY)
        return check_catalogue(reading, given) && put_catalogue(self, reading, given, 1);
    for (const scopeflow__node *child = given->first; child != NULL; child = child->next) {
        size_t const before = enter_element(reading, catalogue++);
        if (!check_catalogue(reading, child) || !put_catalogue(self, reading, child, catalogue))
            return false;
        reading->path->text.len = before;
    }
    return true;
}

scopeflow_status scopeflow__prices_read(scopeflow__prices *self, const scopeflow__node *given,
                                        scopeflow_error *out_error) {
    price_reading reading;
    reading.trees = &self->trees;
    reading.wrong = NULL;
    reading.path = scopeflow__node_text(&self->trees, SCOPEFLOW__TEXT(""));
    scopeflow__node_extend(&self->trees, reading.path, SCOPEFLOW__TEXT("prices"));
    self->models = scopeflow__node_new(&self->trees, SCOPEFLOW_TOKEN_OBJECT);
    bool const is_read = read_catalogues(self, &reading, given);
    /* From now on nothing of them changes, whoever looks. */
    (void)scopeflow__node_find(&self->trees, self->models, SCOPEFLOW__TEXT(""));
    if (self->trees.failed) return scopeflow__fail_trees(&self->trees, out_error);
    if (is_read) return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT, reading.path->text,
                           scopeflow__c_text(reading.wrong), scopeflow__text("", 0));
}
