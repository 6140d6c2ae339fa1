/* Questions about a payload that only its JSON text answers. Each runs host code. */
#ifndef SCOPEFLOW__COMPARE_H
#define SCOPEFLOW__COMPARE_H

#include "base/base.h"

/* Whether observers would see the same (S2.8). False too where memory runs out. */
bool scopeflow__payloads_are_equal(scopeflow_runtime *runtime, scopeflow_ref a, scopeflow_ref b);

/* What an event sanitizer returned: its `category_profile` is an object, null or absent (S3.12). */
bool scopeflow__fields_are_sane(scopeflow_runtime *runtime, scopeflow_ref fields);

#endif
