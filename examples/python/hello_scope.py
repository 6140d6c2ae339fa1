"""A scope with a mark in it, and a subscriber that prints what becomes of them."""

from scopeflow import Event, ScopeType, scope, subscribers


def show(event: Event) -> None:
    print(event.scope_category or event.kind, event.name, event.data)


with subscribers.subscriber("show", show):
    with scope.scope("planner", ScopeType.Agent, input={"goal": "tea"}) as planner:
        scope.event("thinking", data={"about": "leaves"})  # A child of the scope.
        planner.output = {"plan": ["boil water", "wait four minutes"]}
