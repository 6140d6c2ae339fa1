import * as scopeflow from "scopeflow";

async function search(query) {
  scopeflow.event("cache miss"); // A child of the call, because it happens inside it.
  return query.toUpperCase();
}

scopeflow.registerSubscriber("log", (event) =>
  console.log(event.scope_category ?? event.kind, event.name),
);
scopeflow.registerToolConditionalExecutionGuardrail("length", 10, (name, query) =>
  query.length > 20 ? "the query is too long" : undefined,
);

await scopeflow.withScope("assistant", scopeflow.ScopeType.Agent, async () => {
  console.log("found", await scopeflow.toolCallExecute("search", "scopes", search));
  try {
    await scopeflow.toolCallExecute("search", "scopes, all of the scopes", search);
  } catch (refusal) {
    console.log(refusal.message);
  }
});
