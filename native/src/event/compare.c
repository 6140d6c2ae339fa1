#include "event/compare.h"

#include "base/names.gen.h"
#include "event/credentials.h"
#include "event/metadata.h"
#include "value/described.h"

/* The canonical text of what observers see of a payload; false if that is not all of it. */
static bool write_seen(scopeflow_runtime *runtime, scopeflow_ref ref, scopeflow__buffer *out) {
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &runtime->memory, scopeflow__payload_full_at(runtime));
    scopeflow__encode_ref(runtime, ref, &tape);
    scopeflow__credentials_remove(runtime, &tape);
    if (tape.bytes.failed) out->failed = true;
    scopeflow__json_writer writer;
    scopeflow__json_writer_init(&writer, out, runtime->payload_budget_bytes, true);
    scopeflow__json_write(&writer, scopeflow__tape_value(&tape));
    scopeflow__tape_deinit(&tape);
    return !writer.truncated;
}

bool scopeflow__payloads_are_equal(scopeflow_runtime *runtime, scopeflow_ref a, scopeflow_ref b,
                                   bool *out_failed) {
    scopeflow__buffer texts[2];
    for (int i = 0; i < 2; i++) scopeflow__buffer_init(&texts[i], &runtime->memory);
    bool are_equal = write_seen(runtime, a, &texts[0]);
    are_equal = write_seen(runtime, b, &texts[1]) && are_equal;
    if (texts[0].failed || texts[1].failed) *out_failed = true;
    are_equal = are_equal && scopeflow__same_text(scopeflow__text(texts[0].ptr, texts[0].len),
                                                  scopeflow__text(texts[1].ptr, texts[1].len));
    for (int i = 0; i < 2; i++) scopeflow__buffer_deinit(&texts[i]);
    return are_equal;
}

bool scopeflow__fields_are_sane(scopeflow_runtime *runtime, scopeflow_ref fields,
                                bool *out_failed) {
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &runtime->memory, scopeflow__payload_full_at(runtime));
    scopeflow__encode_ref(runtime, fields, &tape);
    scopeflow__cursor profile;
    bool is_sane = true;
    if (tape.bytes.failed) *out_failed = true;
    if (scopeflow__member_find(scopeflow__tape_value(&tape),
                               SCOPEFLOW__TEXT(SCOPEFLOW__KEY_CATEGORY_PROFILE), &profile)) {
        scopeflow_token const kind = scopeflow__cursor_peek(&profile);
        is_sane = kind == SCOPEFLOW_TOKEN_OBJECT || kind == SCOPEFLOW_TOKEN_NULL;
    }
    scopeflow__tape_deinit(&tape);
    return is_sane;
}
