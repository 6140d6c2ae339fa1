/* What tokens cost: the catalogues that an application gave its runtime. */
#ifndef SCOPEFLOW__CODEC_PRICES_H
#define SCOPEFLOW__CODEC_PRICES_H

#include "codec/tree.h"
#include "scope/runtime.h"

typedef struct scopeflow__prices {
    uint32_t refs;
    scopeflow_tape tape; /* From which the trees borrow their texts. */
    scopeflow__trees trees;
    scopeflow__node *models; /* The entry of each `provider/model` and `model`, in lower case. */
} scopeflow__prices;

/* --- prices_read.c --- */

/* Fills `models` from one catalogue or an array of them, of which the first that has a model
 * counts. */
scopeflow_status scopeflow__prices_read(scopeflow__prices *self, const scopeflow__node *given,
                                        scopeflow_error *out_error);
scopeflow_bytes scopeflow__lower_text(scopeflow__trees *trees, scopeflow_bytes text);
/* The number of a node; false if it is none. */
bool scopeflow__node_number(const scopeflow__node *node, double *out);

/* --- prices.c --- */

/* Those of the runtime, or null; to be released. */
scopeflow__prices *scopeflow__prices_hold(scopeflow_runtime *runtime);
void scopeflow__prices_release(scopeflow__prices *self);

/* --- cost.c --- */

/* Adds `usage.cost` to the annotated form of a response: what the provider says it has cost, else
 * what the prices come to, which may be null. What has no rate gives no total. */
void scopeflow__put_cost(scopeflow__trees *trees, const scopeflow__prices *prices,
                         scopeflow_codec_id codec, const scopeflow__node *annotated);

#endif
