/* From a payload to its annotated form, whoever asks: an application, or an event (S2.8). */
#include "codec/codec.h"
#include "codec/prices.h"

scopeflow_status scopeflow__fail_trees(const scopeflow__trees *trees, scopeflow_error *out_error) {
    if (trees->is_full)
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_LIMIT_EXCEEDED,
                                    "the payload needs more memory than codec_memory_limit");
    return scopeflow__fail_memory(out_error);
}

scopeflow_status scopeflow__fail_unknown(scopeflow_error *out_error) {
    return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                                "no codec knows such a payload");
}

static void put_cost(scopeflow_runtime *runtime, scopeflow__trees *trees, scopeflow_codec_id codec,
                     const scopeflow__node *annotated) {
    scopeflow__prices *const prices = scopeflow__prices_hold(runtime);
    scopeflow__put_cost(trees, prices, codec, annotated);
    scopeflow__prices_release(prices);
}

scopeflow_status scopeflow__decode_payload(scopeflow_runtime *runtime, scopeflow__trees *trees,
                                           scopeflow_codec_id *codec, bool is_response,
                                           const scopeflow__node *given,
                                           const scopeflow__node **out_made,
                                           scopeflow_error *out_error) {
    if (trees->failed) return scopeflow__fail_trees(trees, out_error);
    if (*codec == SCOPEFLOW_CODEC_ID_AUTO)
        *codec = is_response ? scopeflow__detect_response(given)
                             : scopeflow__detect_request(given, scopeflow__text("", 0));
    if (*codec == SCOPEFLOW_CODEC_ID_AUTO) return scopeflow__fail_unknown(out_error);
    if (is_response)
        *out_made = scopeflow__decode_response(trees, *codec, given);
    else if (given->kind == SCOPEFLOW_TOKEN_OBJECT)
        *out_made = scopeflow__decode_request(trees, *codec, given);
    else
        *out_made = NULL;
    if (is_response && *out_made != NULL) put_cost(runtime, trees, *codec, *out_made);
    if (trees->failed) return scopeflow__fail_trees(trees, out_error);
    if (*out_made != NULL) return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail(
        out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT, scopeflow__map_of(*codec)->title,
        is_response ? SCOPEFLOW__TEXT(" response decode: it has nothing of such a response")
                    : SCOPEFLOW__TEXT(" request decode: the content is no object"),
        scopeflow__text("", 0));
}
