"""What becomes of an event before it is delivered (S3.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import payload
from .delivery import Emission, Maker
from .errors import Failure, Held, HostCancellation
from .events import Draft
from .middleware import INJECTOR, SUBSCRIBER, Registration
from .requests import private_copy
from .scopes import Context, Scope

if TYPE_CHECKING:
    from .runtime import Runtime


class AsyncHere(Failure):
    """What is declared async has failed where nothing can be awaited; it is not called (S3.8)."""


def ask(registration: Registration, value: Any, context: Context, can_await: bool) -> Any:
    """Calls what must not fail the call: a sanitizer or an injector."""
    if registration.is_async and not can_await:
        raise AsyncHere
    return registration.callable(value, context)


@dataclass(eq=False)
class Watch:
    """Who has to do with an event, resolved as its making begins (S3.4, S3.12)."""

    runtime: Runtime
    injectors: list[Registration]
    sanitizers: list[Registration]
    subscribers: list[Registration]

    @staticmethod
    def of(runtime: Runtime, sanitizer: str, scope: Scope) -> Watch | None:
        """Those of the scope that the event belongs to (S5.3); none if nobody listens (S5.4)."""
        subscribers = runtime.chain(SUBSCRIBER, scope)
        if not subscribers:
            return None
        injectors = runtime.chain(INJECTOR, scope)
        return Watch(runtime, injectors, runtime.chain(sanitizer, scope), subscribers)

    def emit(self, draft: Draft, context: Context, can_await: bool) -> None:
        """Alone; then a cancellation in one of those who have to do with it is raised."""
        self.runtime.emitter.emit([self.maker(draft, context, can_await)], context)

    def maker(self, draft: Draft, context: Context, can_await: bool = False) -> Maker:
        """Injectors and event sanitizers, when its turn has come; what they emit does not wait."""

        def make(held: Held) -> Emission:
            for injector in self.injectors:
                with held:
                    self.inject(injector, draft, context, can_await)
            for sanitizer in self.sanitizers:
                if not self.sanitize(sanitizer, draft, context, can_await, held):
                    break
            return draft.finished(), self.subscribers

        return make

    def inject(
        self, injector: Registration, draft: Draft, context: Context, can_await: bool
    ) -> None:
        """Keys that are there already win; an injector that fails is passed over (S3.12)."""
        try:
            members = ask(injector, draft, context, can_await)
        except HostCancellation:
            raise
        except Failure:
            return
        if not isinstance(members, dict):
            return
        for key, value in members.items():
            if not draft.has_metadata(key):
                draft.injected[key] = payload.encode(value, self.runtime.payload_budget)

    def sanitize(
        self,
        sanitizer: Registration,
        draft: Draft,
        context: Context,
        can_await: bool,
        held: Held,
    ) -> bool:
        """Whether it went well; one that fails withholds what is the user's (S3.12)."""
        fields: Any = None
        failed = dict(draft.facts, **{"sanitize.failed": payload.quote(sanitizer.name)})
        try:
            fields = ask(sanitizer, private_copy(draft.fields()), context, can_await)
        except HostCancellation as cancellation:  # no failure, but withheld all the same (S3.6)
            failed = draft.facts
            with held:
                raise cancellation
        except Failure:
            pass
        if isinstance(fields, dict) and isinstance(
            fields.get("category_profile"), (dict, type(None))
        ):
            draft.replace(fields, self.runtime.payload_budget)
            return True
        self.runtime.stats.withheld_payload_count += 1
        draft.facts = failed
        draft.withhold()
        return False
