/* PROVISIONAL */
#ifndef SCOPEFLOW_H
#define SCOPEFLOW_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifndef SCOPEFLOW_API
#if defined(_WIN32)
#define SCOPEFLOW_API
#else
#define SCOPEFLOW_API __attribute__((visibility("default")))
#endif
#endif
#if defined(__GNUC__)
#define SCOPEFLOW_NODISCARD __attribute__((warn_unused_result))
#else
#define SCOPEFLOW_NODISCARD
#endif
typedef struct scopeflow_bytes { const char *ptr; size_t len; } scopeflow_bytes;
typedef uintptr_t scopeflow_ref;
typedef struct scopeflow_uuid { uint8_t bytes[16]; } scopeflow_uuid;

typedef int32_t scopeflow_status;
enum {
    SCOPEFLOW_STATUS_OK = 0,
    SCOPEFLOW_STATUS_ALREADY_EXISTS = 1001,
    SCOPEFLOW_STATUS_NOT_FOUND = 1002,
    SCOPEFLOW_STATUS_INVALID_ARGUMENT = 1003,
    SCOPEFLOW_STATUS_INVALID_STATE = 1004,
    SCOPEFLOW_STATUS_GUARDRAIL_REJECTED = 1005,
    SCOPEFLOW_STATUS_CANCELLED = 1006,
    SCOPEFLOW_STATUS_INVALID_JSON = 2001,
    SCOPEFLOW_STATUS_INVALID_UTF8 = 2002,
    SCOPEFLOW_STATUS_LIMIT_EXCEEDED = 3001,
    SCOPEFLOW_STATUS_NO_MEMORY = 3002,
    SCOPEFLOW_STATUS_PLUGIN_ERROR = 3003,
    SCOPEFLOW_STATUS_INTERNAL = 9001,
};
typedef struct scopeflow_tape scopeflow_tape;
typedef struct scopeflow_runtime scopeflow_runtime;
typedef struct scopeflow_scope scopeflow_scope;
typedef struct scopeflow_event scopeflow_event;
typedef struct scopeflow_atof_sink scopeflow_atof_sink;
typedef struct scopeflow_task { uint64_t private_words[32]; } scopeflow_task;
typedef struct scopeflow_emitter { uint64_t private_words[4]; } scopeflow_emitter;
typedef int32_t scopeflow_token;
enum {
    SCOPEFLOW_TOKEN_NULL = 0,
    SCOPEFLOW_TOKEN_FALSE = 1,
    SCOPEFLOW_TOKEN_TRUE = 2,
    SCOPEFLOW_TOKEN_INT = 3,
    SCOPEFLOW_TOKEN_UINT = 4,
    SCOPEFLOW_TOKEN_DOUBLE = 5,
    SCOPEFLOW_TOKEN_STRING = 6,
    SCOPEFLOW_TOKEN_BYTES = 7,
    SCOPEFLOW_TOKEN_BIG_INTEGER = 8,
    SCOPEFLOW_TOKEN_CYCLE = 9,
    SCOPEFLOW_TOKEN_TOO_DEEP = 10,
    SCOPEFLOW_TOKEN_UNSERIALIZABLE = 11,
    SCOPEFLOW_TOKEN_OBJECT = 12,
    SCOPEFLOW_TOKEN_ARRAY = 13,
    SCOPEFLOW_TOKEN_SET = 14,
    SCOPEFLOW_TOKEN_END = 15,
};
typedef uint32_t scopeflow_runtime_flag;
enum {
    SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC = 1,
    SCOPEFLOW_RUNTIME_FLAG_CANONICAL = 2,
};
typedef int32_t scopeflow_scope_type;
enum {
    SCOPEFLOW_SCOPE_TYPE_AGENT = 0,
    SCOPEFLOW_SCOPE_TYPE_FUNCTION = 1,
    SCOPEFLOW_SCOPE_TYPE_TOOL = 2,
    SCOPEFLOW_SCOPE_TYPE_LLM = 3,
    SCOPEFLOW_SCOPE_TYPE_RETRIEVER = 4,
    SCOPEFLOW_SCOPE_TYPE_EMBEDDER = 5,
    SCOPEFLOW_SCOPE_TYPE_RERANKER = 6,
    SCOPEFLOW_SCOPE_TYPE_GUARDRAIL = 7,
    SCOPEFLOW_SCOPE_TYPE_EVALUATOR = 8,
    SCOPEFLOW_SCOPE_TYPE_CUSTOM = 9,
    SCOPEFLOW_SCOPE_TYPE_UNKNOWN = 10,
};
typedef int32_t scopeflow_end_status;
enum {
    SCOPEFLOW_END_STATUS_UNSET = 0,
    SCOPEFLOW_END_STATUS_OK = 1,
    SCOPEFLOW_END_STATUS_ERROR = 2,
    SCOPEFLOW_END_STATUS_CANCELLED = 3,
};
typedef uint32_t scopeflow_scope_attribute;
enum {
    SCOPEFLOW_SCOPE_ATTRIBUTE_PARALLEL = 1,
    SCOPEFLOW_SCOPE_ATTRIBUTE_RELOCATABLE = 2,
};
typedef uint32_t scopeflow_pop_flag;
enum {
    SCOPEFLOW_POP_FLAG_CLOSE = 1,
};
typedef uint32_t scopeflow_tool_attribute;
enum {
    SCOPEFLOW_TOOL_ATTRIBUTE_REMOTE = 1,
};
typedef uint32_t scopeflow_call_flag;
enum {
    SCOPEFLOW_CALL_FLAG_SYNC = 1,
};
typedef uint32_t scopeflow_callable_flag;
enum {
    SCOPEFLOW_CALLABLE_FLAG_ASYNC = 1,
};
typedef int32_t scopeflow_step_kind;
enum {
    SCOPEFLOW_STEP_KIND_DONE = 0,
    SCOPEFLOW_STEP_KIND_INVOKE = 1,
    SCOPEFLOW_STEP_KIND_DELIVER = 2,
    SCOPEFLOW_STEP_KIND_EXECUTE = 3,
    SCOPEFLOW_STEP_KIND_RETURN = 4,
    SCOPEFLOW_STEP_KIND_RAISE = 5,
};
typedef int32_t scopeflow_answer_kind;
enum {
    SCOPEFLOW_ANSWER_KIND_VALUE = 0,
    SCOPEFLOW_ANSWER_KIND_REFUSE = 1,
    SCOPEFLOW_ANSWER_KIND_ERROR = 2,
    SCOPEFLOW_ANSWER_KIND_CANCEL = 3,
};
typedef int32_t scopeflow_event_kind;
enum {
    SCOPEFLOW_EVENT_KIND_SCOPE = 0,
    SCOPEFLOW_EVENT_KIND_MARK = 1,
};
typedef int32_t scopeflow_scope_category;
enum {
    SCOPEFLOW_SCOPE_CATEGORY_NONE = 0,
    SCOPEFLOW_SCOPE_CATEGORY_START = 1,
    SCOPEFLOW_SCOPE_CATEGORY_END = 2,
};
typedef int32_t scopeflow_event_part;
enum {
    SCOPEFLOW_EVENT_PART_LINE = 0,
    SCOPEFLOW_EVENT_PART_DATA = 1,
    SCOPEFLOW_EVENT_PART_METADATA = 2,
    SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE = 3,
    SCOPEFLOW_EVENT_PART_ATTRIBUTES = 4,
};
typedef int32_t scopeflow_file_mode;
enum {
    SCOPEFLOW_FILE_MODE_APPEND = 0,
    SCOPEFLOW_FILE_MODE_OVERWRITE = 1,
};
typedef int32_t scopeflow_registry;
enum {
    SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL = 1,
    SCOPEFLOW_REGISTRY_SUBSCRIBER = 2,
};
#define SCOPEFLOW_PAYLOAD_DEPTH_LIMIT 128
#define SCOPEFLOW_NAME_SIZE_LIMIT_BYTES 65535
#define SCOPEFLOW_EMITTER_EVENT_LIMIT 1024
#define SCOPEFLOW_TIMESTAMP_NONE INT64_MIN
#define SCOPEFLOW_TASK_SIZE_BYTES 256
typedef struct scopeflow_host {
    uint32_t struct_size_bytes;
    void *context;
    void (*release)(void *context, scopeflow_ref ref);
    void (*encode)(void *context, scopeflow_ref ref, scopeflow_tape *tape);
    void (*describe_error)(void *context, scopeflow_ref ref, scopeflow_tape *tape);
    int64_t (*clock)(void *context);
    void (*entropy)(void *context, uint8_t *out, size_t out_len_bytes);
    void *(*reallocate)(void *context, void *block, size_t old_size_bytes, size_t new_size_bytes);
} scopeflow_host;
typedef struct scopeflow_error {
    scopeflow_status status;
    uint32_t message_len_bytes;
    char message[248];
} scopeflow_error;
typedef struct scopeflow_runtime_stats {
    uint64_t scope_event_count;
    uint64_t mark_event_count;
    uint64_t subscriber_error_count;
    uint64_t dropped_event_count;
    uint64_t abandoned_scope_count;
} scopeflow_runtime_stats;
typedef struct scopeflow_scope_info {
    scopeflow_uuid uuid;
    scopeflow_uuid parent_uuid;
    scopeflow_bytes name;
    scopeflow_bytes subtype;
    scopeflow_bytes tool_call_id;
    int64_t started_at_ns;
    scopeflow_scope_type type;
    uint32_t attributes;
    uint32_t is_open;
} scopeflow_scope_info;
typedef struct scopeflow_answer {
    scopeflow_answer_kind kind;
    scopeflow_status status;
    scopeflow_ref value;
    scopeflow_emitter *emitter;
} scopeflow_answer;
typedef struct scopeflow_step {
    scopeflow_step_kind kind;
    scopeflow_registry registry;
    scopeflow_status status;
    uint32_t flags;
    scopeflow_ref callable;
    scopeflow_ref input;
    scopeflow_ref value;
    scopeflow_scope *scope;
    scopeflow_event *event;
    scopeflow_bytes registration;
    scopeflow_bytes target;
} scopeflow_step;
typedef struct scopeflow_event_info {
    scopeflow_uuid uuid;
    scopeflow_uuid parent_uuid;
    int64_t timestamp_ns;
    scopeflow_bytes name;
    scopeflow_bytes category;
    scopeflow_event_kind kind;
    scopeflow_scope_category scope_category;
    uint32_t attributes;
} scopeflow_event_info;
typedef struct scopeflow_runtime_new_options {
    uint32_t struct_size_bytes;
    scopeflow_runtime_flag flags;
    int64_t clock_start_ns;
    int64_t clock_step_ns;
    uint32_t payload_budget_bytes;
} scopeflow_runtime_new_options;
typedef struct scopeflow_runtime_flush_options {
    uint32_t struct_size_bytes;
    scopeflow_emitter *emitter;
} scopeflow_runtime_flush_options;
typedef struct scopeflow_scope_push_options {
    uint32_t struct_size_bytes;
    scopeflow_scope *current;
    scopeflow_emitter *emitter;
    scopeflow_bytes name;
    scopeflow_scope_type type;
    scopeflow_scope *parent;
    scopeflow_scope_attribute attributes;
    scopeflow_bytes subtype;
    scopeflow_ref metadata;
    scopeflow_ref input;
    int64_t timestamp_ns;
} scopeflow_scope_push_options;
typedef struct scopeflow_scope_pop_options {
    uint32_t struct_size_bytes;
    scopeflow_scope *current;
    scopeflow_emitter *emitter;
    scopeflow_pop_flag flags;
    scopeflow_ref output;
    scopeflow_ref metadata;
    scopeflow_end_status status;
    scopeflow_ref error;
    int64_t timestamp_ns;
} scopeflow_scope_pop_options;
typedef struct scopeflow_scope_event_options {
    uint32_t struct_size_bytes;
    scopeflow_scope *current;
    scopeflow_emitter *emitter;
    scopeflow_bytes name;
    scopeflow_scope *parent;
    scopeflow_ref data;
    scopeflow_ref metadata;
    int64_t timestamp_ns;
} scopeflow_scope_event_options;
typedef struct scopeflow_tool_execute_options {
    uint32_t struct_size_bytes;
    scopeflow_scope *current;
    scopeflow_emitter *emitter;
    scopeflow_call_flag flags;
    scopeflow_bytes name;
    scopeflow_ref request;
    scopeflow_scope *parent;
    scopeflow_tool_attribute attributes;
    scopeflow_bytes tool_call_id;
    scopeflow_ref data;
    scopeflow_ref metadata;
    int64_t timestamp_ns;
} scopeflow_tool_execute_options;
typedef struct scopeflow_atof_sink_open_options {
    uint32_t struct_size_bytes;
    scopeflow_bytes path;
    scopeflow_file_mode mode;
} scopeflow_atof_sink_open_options;
SCOPEFLOW_API void scopeflow_tape_put_null(scopeflow_tape *self);
SCOPEFLOW_API void scopeflow_tape_put_bool(scopeflow_tape *self, uint32_t value);
SCOPEFLOW_API void scopeflow_tape_put_int(scopeflow_tape *self, int64_t value);
SCOPEFLOW_API void scopeflow_tape_put_uint(scopeflow_tape *self, uint64_t value);
SCOPEFLOW_API void scopeflow_tape_put_double(scopeflow_tape *self, double value);
SCOPEFLOW_API void scopeflow_tape_put_text(scopeflow_tape *self, scopeflow_token token, scopeflow_bytes text);
SCOPEFLOW_API void scopeflow_tape_put_cycle(scopeflow_tape *self, uint32_t levels);
SCOPEFLOW_API void scopeflow_tape_put_mark(scopeflow_tape *self, scopeflow_token token);
SCOPEFLOW_API void scopeflow_tape_put_tokens(scopeflow_tape *self, scopeflow_bytes tokens);
SCOPEFLOW_API void scopeflow_tape_put_json(scopeflow_tape *self, scopeflow_bytes json);
SCOPEFLOW_API uint32_t scopeflow_tape_is_full(const scopeflow_tape *self);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_runtime_new(const scopeflow_host *host, const scopeflow_runtime_new_options *options, scopeflow_runtime **out_runtime, scopeflow_error *out_error);
SCOPEFLOW_API void scopeflow_runtime_free(scopeflow_runtime *self);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_runtime_read_stats(scopeflow_runtime *self, scopeflow_runtime_stats *out_stats, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_runtime_root(scopeflow_runtime *self, scopeflow_scope **out_scope, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_runtime_flush(scopeflow_runtime *self, const scopeflow_runtime_flush_options *options, scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_runtime_after_fork(scopeflow_runtime *self, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_push(scopeflow_runtime *self, const scopeflow_scope_push_options *options, scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_pop(scopeflow_scope *self, const scopeflow_scope_pop_options *options, scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_event(scopeflow_runtime *self, const scopeflow_scope_event_options *options, scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_describe(scopeflow_scope *self, scopeflow_scope_info *out_info, scopeflow_error *out_error);
SCOPEFLOW_API scopeflow_ref scopeflow_scope_metadata(const scopeflow_scope *self);
SCOPEFLOW_API uint32_t scopeflow_scope_is_open(const scopeflow_scope *self);
SCOPEFLOW_API scopeflow_scope *scopeflow_scope_retain(scopeflow_scope *self);
SCOPEFLOW_API void scopeflow_scope_release(scopeflow_scope *self);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_tool_execute(scopeflow_runtime *self, const scopeflow_tool_execute_options *options, scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_task_resume(scopeflow_task *task, const scopeflow_answer *answer, scopeflow_step *out_step, scopeflow_error *out_error);
SCOPEFLOW_API void scopeflow_task_abandon(scopeflow_task *task);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_event_describe(scopeflow_event *self, scopeflow_event_info *out_info, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_event_json(scopeflow_event *self, scopeflow_event_part part, scopeflow_bytes *out_json, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_event_seal(scopeflow_event *self, scopeflow_error *out_error);
SCOPEFLOW_API scopeflow_event *scopeflow_event_retain(scopeflow_event *self);
SCOPEFLOW_API void scopeflow_event_release(scopeflow_event *self);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_atof_sink_open(const scopeflow_atof_sink_open_options *options, scopeflow_atof_sink **out_sink, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_atof_sink_register(scopeflow_atof_sink *self, scopeflow_runtime *runtime, scopeflow_bytes name, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_atof_sink_flush(scopeflow_atof_sink *self, scopeflow_error *out_error);
SCOPEFLOW_API void scopeflow_atof_sink_free(scopeflow_atof_sink *self);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_register_tool_conditional_execution_guardrail(scopeflow_runtime *self, scopeflow_bytes name, int32_t priority, scopeflow_ref callable, scopeflow_callable_flag flags, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_deregister_tool_conditional_execution_guardrail(scopeflow_runtime *self, scopeflow_bytes name, uint32_t *out_removed, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_register_tool_conditional_execution_guardrail(scopeflow_scope *self, scopeflow_bytes name, int32_t priority, scopeflow_ref callable, scopeflow_callable_flag flags, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_deregister_tool_conditional_execution_guardrail(scopeflow_scope *self, scopeflow_bytes name, uint32_t *out_removed, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_register_subscriber(scopeflow_runtime *self, scopeflow_bytes name, scopeflow_ref callable, scopeflow_callable_flag flags, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_deregister_subscriber(scopeflow_runtime *self, scopeflow_bytes name, uint32_t *out_removed, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_register_subscriber(scopeflow_scope *self, scopeflow_bytes name, scopeflow_ref callable, scopeflow_callable_flag flags, scopeflow_error *out_error);
SCOPEFLOW_API SCOPEFLOW_NODISCARD scopeflow_status scopeflow_scope_deregister_subscriber(scopeflow_scope *self, scopeflow_bytes name, uint32_t *out_removed, scopeflow_error *out_error);
SCOPEFLOW_API uint64_t scopeflow_abi_hash(void);
SCOPEFLOW_API const char *scopeflow_version(void);
SCOPEFLOW_API const char *scopeflow_status_name(scopeflow_status status);
#ifdef __cplusplus
}
#endif
#endif
