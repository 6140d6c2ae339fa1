// A program in which much is rejected that nobody awaits. It tells of what it hears: one rejection
// for each promise that it was given and dropped, and none of the package's own.
import {
  AtofExporter,
  core,
  llmStreamCallExecute,
  registerSubscriber,
  registerToolConditionalExecutionGuardrail,
  registerToolExecutionIntercept,
  registerToolSanitizeRequestGuardrail,
  Runtime,
  ScopeType,
  toolCallExecute,
  toolCallExecuteSync,
  withScope,
} from "scopeflow";

const heard = [];
process.on("unhandledRejection", (reason) => heard.push(reason));
const request = { headers: {}, content: {} };
const failing = (name) => Promise.reject(new Error(name));
const runtime = new Runtime({ log: () => {} });

registerSubscriber("fails", () => {
  throw new Error("no affair of the caller's");
});
registerToolSanitizeRequestGuardrail("fails", 0, () => failing("withheld"));
const output = new WritableStream({ write: () => failing("the stream's") });
const exporter = new AtofExporter({ output });
exporter.register("stream");

// Each gives one promise that is dropped here.
toolCallExecute("target", 1, () => failing("target"));
withScope("scope", ScopeType.Agent, () => failing("scope"));
llmStreamCallExecute("producer", request, () => failing("producer"));
registerToolConditionalExecutionGuardrail("guard", 0, (name) =>
  name === "guarded" ? failing("guard") : null,
);
toolCallExecute("guarded", 1, () => 1);
registerToolExecutionIntercept("intercept", 0, (request, next, { target }) =>
  target === "intercepted" ? failing("intercept") : next(request),
);
toolCallExecute("intercepted", 1, () => 1);
const stream = await llmStreamCallExecute("chunks", request, async function* () {
  yield 1;
  throw new Error("chunks");
});
await stream.next();
stream.next();

// These give none: what fails is told to the caller, or to nobody.
runtime.registerToolSanitizeRequestGuardrail("fails", 0, () => failing("withheld"));
runtime.registerSubscriber("s", () => {});
runtime.toolCallExecuteSync("sync", 1, () => 1);
try {
  toolCallExecuteSync("promise", 1, () => failing("disowned"));
} catch {}
await exporter.close().catch(() => {});
await new Promise((resolve) => setTimeout(resolve, 50));
const told = heard.map((reason) => reason.message).sort();
console.log(JSON.stringify({ core: core.kind, told }));
