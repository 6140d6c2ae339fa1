// A tool behind a guardrail that refuses, and a sanitizer that keeps a password out of events.

import assert from "node:assert/strict";
import {
  GuardrailRejected,
  registerSubscriber,
  registerToolConditionalExecutionGuardrail,
  registerToolSanitizeRequestGuardrail,
  toolCallExecute,
} from "scopeflow";

interface Query {
  statement: string;
  password: string;
}

async function query({ password }: Query): Promise<number[]> {
  assert.equal(password, "sesame"); // Sanitizers change what observers see, and nothing else.
  return [42];
}

function onlyReading(name: string, { statement }: Query): string | null {
  return statement.startsWith("select") ? null : "only statements that read are allowed";
}

function withoutPassword(name: string, request: Query): Query {
  return { ...request, password: "(hidden)" };
}

registerSubscriber("show", ({ scope_category, kind, name, data }) => {
  console.log("  ", scope_category ?? kind, name, JSON.stringify(data));
});
registerToolConditionalExecutionGuardrail("only reading", 10, onlyReading);
registerToolSanitizeRequestGuardrail("password", 20, withoutPassword);

for (const statement of ["select * from answers", "drop table answers"]) {
  try {
    console.log(await toolCallExecute("query", { statement, password: "sesame" }, query));
  } catch (refusal) {
    if (!(refusal instanceof GuardrailRejected)) throw refusal;
    console.log(refusal.message);
  }
}
