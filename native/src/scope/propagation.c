#include "scope/propagation.h"

#include "event/text.h"
#include "json/number.h"
#include "json/parse.h"
#include "json/scan.h"
#include "value/tape.h"

#define PROPAGATION_HEAD "{\"version\":1,\"root_uuid\":\""
#define PROPAGATION_MIDDLE "\",\"parent_uuid\":\""
#define PROPAGATION_TAIL "\"}"

enum { SPAN_ID_BYTES = 8, TRACE_ID_BYTES = 16 };

static scopeflow_status fail_propagation(scopeflow_error *out_error, const char *what,
                                         const char *problem) {
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT, scopeflow__c_text(what),
                           scopeflow__c_text(problem), SCOPEFLOW__TEXT(""));
}

static scopeflow_status check_length(scopeflow_bytes text, scopeflow_error *out_error) {
    if (text.len <= SCOPEFLOW__PROPAGATION_LIMIT_BYTES) return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_LIMIT_EXCEEDED,
                                "a propagated context is longer than 4096 bytes");
}

static bool is_all_zeros(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0) return false;
    return true;
}

/* --- JSON --- */

static scopeflow_status check_ids(const scopeflow__propagation *self, scopeflow_error *out_error) {
    if (scopeflow__is_zero_uuid(&self->root_uuid))
        return fail_propagation(out_error, "root_uuid", " is all zeros");
    if (scopeflow__is_zero_uuid(&self->parent_uuid))
        return fail_propagation(out_error, "parent_uuid", " is all zeros");
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow__propagation_write_json(const scopeflow__propagation *self,
                                                   char out[SCOPEFLOW__PROPAGATION_JSON_BYTES],
                                                   scopeflow_error *out_error) {
    scopeflow_status const status = check_ids(self, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    char *at = out;
    memcpy(at, PROPAGATION_HEAD, sizeof PROPAGATION_HEAD - 1);
    at += sizeof PROPAGATION_HEAD - 1;
    scopeflow__uuid_write(&self->root_uuid, at);
    at += SCOPEFLOW__UUID_TEXT_BYTES;
    memcpy(at, PROPAGATION_MIDDLE, sizeof PROPAGATION_MIDDLE - 1);
    at += sizeof PROPAGATION_MIDDLE - 1;
    scopeflow__uuid_write(&self->parent_uuid, at);
    at += SCOPEFLOW__UUID_TEXT_BYTES;
    memcpy(at, PROPAGATION_TAIL, sizeof PROPAGATION_TAIL - 1);
    return SCOPEFLOW_STATUS_OK;
}

/* What was found under the three keys; a kind of -1 says that the key is missing. */
typedef struct propagation_members {
    scopeflow__token version;
    scopeflow__token root_uuid;
    scopeflow__token parent_uuid;
} propagation_members;

static void keep_member(propagation_members *self, scopeflow_bytes key, scopeflow__token value) {
    if (scopeflow__same_text(key, SCOPEFLOW__TEXT("version"))) self->version = value;
    if (scopeflow__same_text(key, SCOPEFLOW__TEXT("root_uuid"))) self->root_uuid = value;
    if (scopeflow__same_text(key, SCOPEFLOW__TEXT("parent_uuid"))) self->parent_uuid = value;
}

/* False for a value that is no object. */
static bool find_members(scopeflow__cursor value, propagation_members *out) {
    memset(out, 0, sizeof *out);
    out->version.kind = out->root_uuid.kind = out->parent_uuid.kind = -1;
    if (scopeflow__cursor_read(&value).kind != SCOPEFLOW_TOKEN_OBJECT) return false;
    while (scopeflow__cursor_peek(&value) != SCOPEFLOW_TOKEN_END) {
        scopeflow_bytes const key = scopeflow__cursor_read(&value).text;
        scopeflow__cursor member = scopeflow__cursor_take(&value);
        keep_member(out, key, scopeflow__cursor_read(&member));
    }
    return true;
}

static scopeflow_status read_id(scopeflow__token token, const char *key, scopeflow_uuid *out,
                                scopeflow_error *out_error) {
    if (token.kind < 0) return fail_propagation(out_error, key, " is missing");
    if (token.kind != SCOPEFLOW_TOKEN_STRING || !scopeflow__uuid_read(token.text, out))
        return fail_propagation(out_error, key, " is no uuid");
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status read_members(scopeflow__cursor value, scopeflow__propagation *out,
                                     scopeflow_error *out_error) {
    propagation_members members;
    if (!find_members(value, &members))
        return fail_propagation(out_error, "a propagated context", " is no object");
    if (members.version.kind < 0) return fail_propagation(out_error, "version", " is missing");
    if (members.version.kind != SCOPEFLOW_TOKEN_INT || members.version.number.as_int != 1)
        return fail_propagation(out_error, "version", " is not 1, the only one that is known");

    scopeflow__propagation read;
    scopeflow_status status =
        read_id(members.parent_uuid, "parent_uuid", &read.parent_uuid, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    read.root_uuid = read.parent_uuid; /* NeMo Relay also writes contexts that name no root. */
    if (members.root_uuid.kind >= 0 && members.root_uuid.kind != SCOPEFLOW_TOKEN_NULL)
        status = read_id(members.root_uuid, "root_uuid", &read.root_uuid, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    status = check_ids(&read, out_error);
    if (status == SCOPEFLOW_STATUS_OK) *out = read;
    return status;
}

static scopeflow_status fail_json(scopeflow_error *out_error, scopeflow_bytes json) {
    char where[SCOPEFLOW__NUMBER_SIZE_BYTES + 2];
    scopeflow__json_fault fault;
    (void)scopeflow__json_find_fault(json, &fault);
    size_t len = scopeflow__number_write_uint(fault.at, where);
    where[len++] = ':';
    where[len++] = ' ';
    return scopeflow__fail(out_error, fault.status,
                           SCOPEFLOW__TEXT("a propagated context goes wrong at offset "),
                           scopeflow__text(where, len), scopeflow__c_text(fault.problem));
}

scopeflow_status scopeflow__propagation_read_json(const scopeflow__memory *memory,
                                                  scopeflow_bytes json, scopeflow__propagation *out,
                                                  scopeflow_error *out_error) {
    scopeflow_status status = check_length(json, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, memory, SIZE_MAX);
    bool const is_json = scopeflow__json_parse(&tape, json);
    if (tape.bytes.failed)
        status = scopeflow__fail_memory(out_error);
    else if (!is_json)
        status = fail_json(out_error, json);
    else
        status = read_members(scopeflow__tape_value(&tape), out, out_error);
    scopeflow__tape_deinit(&tape);
    return status;
}

/* --- W3C traceparent: version-trace_id-span_id-flags, in lower case --- */

static char *put_hex(char *at, const uint8_t *bytes, size_t size) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

scopeflow_status scopeflow__propagation_write_traceparent(const scopeflow__propagation *self,
                                                          char out[SCOPEFLOW__TRACEPARENT_BYTES],
                                                          scopeflow_error *out_error) {
    const uint8_t *const span_id = self->parent_uuid.bytes + TRACE_ID_BYTES - SPAN_ID_BYTES;
    if (scopeflow__is_zero_uuid(&self->root_uuid))
        return fail_propagation(out_error, "root_uuid", " is all zeros");
    if (is_all_zeros(span_id, SPAN_ID_BYTES))
        return fail_propagation(out_error, "parent_uuid", " ends in 8 zero bytes");
    memcpy(out, "00-", 3);
    char *at = put_hex(out + 3, self->root_uuid.bytes, TRACE_ID_BYTES);
    *at++ = '-';
    at = put_hex(at, span_id, SPAN_ID_BYTES);
    memcpy(at, "-01", 3);
    return SCOPEFLOW_STATUS_OK;
}

/* Lower case only, as the standard asks. */
static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool get_hex(const char *at, uint8_t *out, size_t size) {
    for (size_t i = 0; i < size; i++) {
        int const high = hex_digit(at[2 * i]);
        int const low = hex_digit(at[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

scopeflow_status scopeflow__propagation_read_traceparent(scopeflow_bytes text,
                                                         scopeflow__propagation *out,
                                                         scopeflow_error *out_error) {
    const char *const what = "traceparent";
    scopeflow_status const status = check_length(text, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (text.len < SCOPEFLOW__TRACEPARENT_BYTES)
        return fail_propagation(out_error, what, " is shorter than 55 characters");

    uint8_t version;
    uint8_t flags;
    scopeflow__propagation read;
    memset(&read, 0, sizeof read);
    uint8_t *const span_id = read.parent_uuid.bytes + TRACE_ID_BYTES - SPAN_ID_BYTES;
    if (!get_hex(text.ptr, &version, 1) || version == 0xFF)
        return fail_propagation(out_error, what, " has no version from 00 to fe");
    if (version == 0 && text.len > SCOPEFLOW__TRACEPARENT_BYTES)
        return fail_propagation(out_error, what, " of version 00 is longer than 55 characters");
    if (text.len > SCOPEFLOW__TRACEPARENT_BYTES && text.ptr[SCOPEFLOW__TRACEPARENT_BYTES] != '-')
        return fail_propagation(out_error, what, " goes on without a hyphen after 55 characters");
    if (text.ptr[2] != '-' || text.ptr[35] != '-' || text.ptr[52] != '-')
        return fail_propagation(out_error, what, " has no hyphens after 2, 35 and 52 characters");
    if (!get_hex(text.ptr + 3, read.root_uuid.bytes, TRACE_ID_BYTES) ||
        scopeflow__is_zero_uuid(&read.root_uuid))
        return fail_propagation(out_error, what,
                                " has no trace id of 32 digits in lower case, not all zeros");
    if (!get_hex(text.ptr + 36, span_id, SPAN_ID_BYTES) || is_all_zeros(span_id, SPAN_ID_BYTES))
        return fail_propagation(out_error, what,
                                " has no span id of 16 digits in lower case, not all zeros");
    if (!get_hex(text.ptr + 53, &flags, 1))
        return fail_propagation(out_error, what, " has no flags of 2 digits in lower case");
    *out = read;
    return SCOPEFLOW_STATUS_OK;
}
