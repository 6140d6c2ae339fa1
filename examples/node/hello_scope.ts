// A scope with a mark in it, and a subscriber that prints what becomes of them.

import { event, registerSubscriber, ScopeType, withScope } from "scopeflow";

registerSubscriber("show", ({ scope_category, kind, name, data }) => {
  console.log(scope_category ?? kind, name, data);
});

const input = { goal: "tea" };
await withScope("planner", ScopeType.Agent, (planner) => {
  event("thinking", { data: { about: "leaves" } }); // A child of the scope.
  planner.output = { plan: ["boil water", "wait four minutes"] };
}, { input });
