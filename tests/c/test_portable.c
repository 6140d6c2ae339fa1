/* A context that crosses to another process and back (S1.10). */
#include "check.h"
#include "session.h"

static scopeflow_status capture(session *s, scopeflow_scope *current, scopeflow_propagation *out) {
    scopeflow_error error;
    return scopeflow_propagation_capture(s->runtime, current, out, &error);
}

static scopeflow_scope *adopt(session *s, const char *text) {
    scopeflow_scope *scope = NULL;
    scopeflow_error error;
    CHECK(scopeflow_propagation_adopt(s->runtime, session_text(text), &scope, &error) ==
          SCOPEFLOW_STATUS_OK);
    return scope;
}

static scopeflow_uuid uuid_of(scopeflow_scope *scope) {
    scopeflow_scope_info info;
    CHECK(scopeflow_scope_describe(scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    return info.uuid;
}

static scopeflow_uuid parent_of(scopeflow_scope *scope) {
    scopeflow_scope_info info;
    CHECK(scopeflow_scope_describe(scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    return info.parent_uuid;
}

static bool same(scopeflow_uuid a, scopeflow_uuid b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static void end(session *s, scopeflow_scope *scope) {
    session_pop(s, scope);
    scopeflow_scope_release(scope);
}

static void names_outermost_and_current(void) {
    session s;
    scopeflow_propagation form;
    session_init(&s);
    scopeflow_scope *const outer = session_push(&s, NULL, "outer");
    scopeflow_scope *const inner = session_push(&s, outer, "inner");
    CHECK(capture(&s, inner, &form) == SCOPEFLOW_STATUS_OK);
    CHECK(same(form.root_uuid, uuid_of(outer)) && same(form.parent_uuid, uuid_of(inner)));
    CHECK(strcmp(form.json, "{\"version\":1,\"root_uuid\":\"01900000-0000-7000-8000-000000000001\","
                            "\"parent_uuid\":\"01900000-0000-7000-8000-000000000002\"}") == 0);
    CHECK(strcmp(form.traceparent, "00-01900000000070008000000000000001-8000000000000002-01") == 0);
    session_pop(&s, inner); /* What has ended is passed by (S1.5). */
    CHECK(capture(&s, inner, &form) == SCOPEFLOW_STATUS_OK);
    CHECK(same(form.parent_uuid, uuid_of(outer)));
    scopeflow_scope_release(inner);
    end(&s, outer);
    CHECK(session_deinit(&s));
}

static void nothing_open_has_no_trace(void) {
    session s;
    scopeflow_propagation form;
    scopeflow_scope *root = NULL;
    session_init(&s);
    CHECK(capture(&s, NULL, &form) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(scopeflow_scope_new_root(s.runtime, &root, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(capture(&s, root, &form) == SCOPEFLOW_STATUS_INVALID_STATE);
    scopeflow_scope_release(root);
    CHECK(session_deinit(&s));
}

static void json_crosses_whole(void) {
    session here;
    session there;
    scopeflow_propagation form;
    scopeflow_propagation further;
    session_init(&here);
    session_init(&there);
    scopeflow_scope *const outer = session_push(&here, NULL, "outer");
    scopeflow_scope *const inner = session_push(&here, outer, "inner");
    CHECK(capture(&here, inner, &form) == SCOPEFLOW_STATUS_OK);
    scopeflow_scope *const root = adopt(&there, form.json);
    scopeflow_scope *const work = session_push(&there, root, "work");
    CHECK(same(parent_of(work), uuid_of(inner)));
    CHECK(capture(&there, work, &further) == SCOPEFLOW_STATUS_OK);
    CHECK(same(further.root_uuid, form.root_uuid) && same(further.parent_uuid, uuid_of(work)));
    CHECK(capture(&there, root, &further) == SCOPEFLOW_STATUS_OK); /* Goes on without work here. */
    CHECK(strcmp(further.json, form.json) == 0);
    end(&there, work);
    scopeflow_scope_release(root);
    end(&here, inner);
    end(&here, outer);
    CHECK(session_deinit(&here) && session_deinit(&there));
}

static void traceparent_crosses_as_far_as_it_can(void) {
    session s;
    scopeflow_propagation form;
    session_init(&s);
    scopeflow_scope *const root =
        adopt(&s, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    scopeflow_uuid const id = uuid_of(root);
    static uint8_t const zeros[8];
    CHECK(memcmp(id.bytes, zeros, sizeof zeros) == 0 && id.bytes[15] == 0xb7);
    scopeflow_scope *const work = session_push(&s, root, "work");
    CHECK(capture(&s, work, &form) == SCOPEFLOW_STATUS_OK);
    CHECK(strncmp(form.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-", 36) == 0);
    end(&s, work);
    scopeflow_scope_release(root);
    CHECK(session_deinit(&s));
}

static void bad_texts_change_nothing(void) {
    static const char *const texts[] = {"",
                                        "x",
                                        "{",
                                        "[]",
                                        "{\"version\":2}",
                                        "00-",
                                        "00-4bf92f3577b34da6a3ce929d0e0e4736",
                                        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                        "00-00000000000000000000000000000000-00f067aa0ba902b7-01"};
    session s;
    session_init(&s);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        scopeflow_scope *scope = NULL;
        scopeflow_error error;
        CHECK(scopeflow_propagation_adopt(s.runtime, session_text(texts[i]), &scope, &error) !=
              SCOPEFLOW_STATUS_OK);
        CHECK(scope == NULL && error.message_len_bytes > 20);
    }
    CHECK(session_deinit(&s));
}

int main(void) {
    static const test tests[] = {
        {"the outermost and the current scope are named", names_outermost_and_current},
        {"where nothing is open there is no trace", nothing_open_has_no_trace},
        {"JSON crosses whole", json_crosses_whole},
        {"traceparent crosses as far as it can", traceparent_crosses_as_far_as_it_can},
        {"bad texts change nothing", bad_texts_change_nothing},
    };
    return RUN_TESTS(tests);
}
