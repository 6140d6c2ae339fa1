/* The prices of a runtime, which may change at any time: whoever looks holds those of now. */
#include "codec/prices.h"

#include "base/checks.gen.h"
#include "codec/codec.h"
#include "event/metadata.h"

static void free_prices(scopeflow__prices *self) {
    const scopeflow__memory *const memory = self->trees.memory;
    scopeflow__trees_deinit(&self->trees);
    scopeflow__tape_deinit(&self->tape);
    scopeflow__deallocate(memory, self, sizeof *self);
}

scopeflow__prices *scopeflow__prices_hold(scopeflow_runtime *runtime) {
    if (__atomic_load_n(&runtime->prices, __ATOMIC_RELAXED) == NULL) return NULL;
    scopeflow__lock(&runtime->prices_lock);
    scopeflow__prices *const held = runtime->prices;
    if (held != NULL) scopeflow__ref_up(&held->refs);
    scopeflow__unlock(&runtime->prices_lock);
    return held;
}

void scopeflow__prices_release(scopeflow__prices *self) {
    if (self != NULL && scopeflow__ref_down(&self->refs)) free_prices(self);
}

static scopeflow_status make_prices(scopeflow_runtime *runtime, scopeflow_ref catalogues,
                                    scopeflow__prices **out_prices, scopeflow_error *out_error) {
    scopeflow__prices *const self =
        (scopeflow__prices *)scopeflow__allocate(&runtime->memory, sizeof *self);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    self->refs = 1;
    scopeflow__tape_init(&self->tape, &runtime->memory, SIZE_MAX);
    scopeflow__trees_init(&self->trees, &runtime->memory, runtime->seed[0],
                          SCOPEFLOW_CODEC_MEMORY_LIMIT_BYTES);
    scopeflow__encode_ref(runtime, catalogues, &self->tape);
    self->trees.failed = self->tape.bytes.failed;
    const scopeflow__node *const given =
        scopeflow__node_read(&self->trees, scopeflow__tape_value(&self->tape));
    scopeflow_status const status = scopeflow__prices_read(self, given, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        *out_prices = self;
    else
        free_prices(self);
    return status;
}

scopeflow_status scopeflow_codec_set_prices(scopeflow_runtime *self, scopeflow_ref catalogues,
                                            scopeflow_error *out_error) {
    scopeflow__prices *made = NULL;
    scopeflow_status status = scopeflow__check_codec_set_prices(self, catalogues, out_error);
    if (status == SCOPEFLOW_STATUS_OK && catalogues != 0)
        status = make_prices(self, catalogues, &made, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__lock(&self->prices_lock);
    scopeflow__prices *const before = self->prices;
    __atomic_store_n(&self->prices, made, __ATOMIC_RELAXED);
    scopeflow__unlock(&self->prices_lock);
    scopeflow__prices_release(before);
    return SCOPEFLOW_STATUS_OK;
}
