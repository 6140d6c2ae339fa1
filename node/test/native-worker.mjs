// Middleware in C in a thread of its own.

import { parentPort } from "node:worker_threads";
import { Registry, Runtime } from "scopeflow";
import { Registered } from "./native-callables.mjs";

const runtime = new Runtime();
const guard = new Registered(runtime, Registry.ToolConditionalExecutionGuardrail, "refuse", {
  text: "not here",
});
try {
  await runtime.toolCallExecute("t", 1, () => 2);
} catch (error) {
  parentPort.postMessage([error.message, guard.runs]);
}
