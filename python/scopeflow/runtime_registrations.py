"""Gates of the default runtime: they switch a registration off for one call (S3.1).

A gate is `guardrail(kinds, registration_name)`, a plain function. It is asked at the beginning of
each managed call that would use the registration of that name in one of these registries, which are
told by their names, such as `tool_request_intercept`. A text switches the registration off for this
call, None leaves it on; so does a gate that fails. Subscribers and gates cannot be switched off.
"""

from ._native import default_runtime
from ._scoped import scoped

register_conditional_middleware_guardrail = (
    default_runtime.register_conditional_middleware_guardrail
)
deregister_conditional_middleware_guardrail = (
    default_runtime.deregister_conditional_middleware_guardrail
)

# Each as a Registration, for a `with`.
conditional_middleware_guardrail = scoped(
    register_conditional_middleware_guardrail, deregister_conditional_middleware_guardrail
)

__all__ = [
    "conditional_middleware_guardrail",
    "deregister_conditional_middleware_guardrail",
    "register_conditional_middleware_guardrail",
]
