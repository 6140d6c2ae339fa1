#include "value/described.h"

bool scopeflow__member_find(scopeflow__cursor object, scopeflow_bytes key, scopeflow__cursor *out) {
    bool found = false;
    if (scopeflow__cursor_read(&object).kind != SCOPEFLOW_TOKEN_OBJECT) return false;
    while (scopeflow__cursor_peek(&object) != SCOPEFLOW_TOKEN_END) {
        bool const is_it = scopeflow__same_text(scopeflow__cursor_read(&object).text, key);
        scopeflow__cursor const value = scopeflow__cursor_take(&object);
        if (!is_it) continue;
        *out = value;
        found = true;
    }
    return found;
}

scopeflow_bytes scopeflow__described(scopeflow__cursor error, const char *key) {
    scopeflow__cursor value;
    if (!scopeflow__member_find(error, scopeflow__c_text(key), &value) ||
        scopeflow__cursor_peek(&value) != SCOPEFLOW_TOKEN_STRING)
        return SCOPEFLOW__TEXT("");
    return scopeflow__cursor_read(&value).text;
}
