/* Questions about a payload that only its JSON text answers. Each runs host code, and sets
 * `out_failed` where memory runs out; otherwise it leaves that alone. */
#ifndef SCOPEFLOW__COMPARE_H
#define SCOPEFLOW__COMPARE_H

#include "base/base.h"

/* Whether observers would see the same (S2.8). */
bool scopeflow__payloads_are_equal(scopeflow_runtime *runtime, scopeflow_ref a, scopeflow_ref b,
                                   bool *out_failed);

/* What an event sanitizer returned: its `category_profile` is an object, null or absent (S3.12). */
bool scopeflow__fields_are_sane(scopeflow_runtime *runtime, scopeflow_ref fields, bool *out_failed);

#endif
