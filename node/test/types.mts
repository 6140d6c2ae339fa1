// Compiled, never run: what users may write, and what the types must refuse.

import {
  type Codec,
  currentScopeStack,
  event,
  extensions,
  GuardrailRejected,
  InterceptOutcome,
  type LlmRequest,
  llmCallExecute,
  llmStreamCallExecute,
  type NativeHandle,
  pushScope,
  registerLlmRequestIntercept,
  registerToolExecutionIntercept,
  registerToolRequestIntercept,
  registerSubscriber,
  registerToolConditionalExecutionGuardrail,
  Runtime,
  ScopeAttributes,
  type ScopeHandle,
  ScopeType,
  type StandardSchema,
  scopeRegisterToolConditionalExecutionGuardrail,
  toolCallExecute,
  typedToolExecute,
  withScope,
  withScopeStack,
} from "scopeflow";
import { capture, isolated } from "scopeflow/testing";

interface Query {
  q: string;
}

const runtime = new Runtime({ deterministic: true, clockStepNs: 1_000n });
const scope: ScopeHandle = pushScope("a", ScopeType.Agent, {
  attributes: ScopeAttributes.Parallel,
});
{
  using inner = runtime.pushScope("b", ScopeType.Tool, scope, null, { kept: 1 });
  event("m", inner, { x: 1 }, null, new Date());
}
registerToolConditionalExecutionGuardrail("sync", 0, (name: string, args: Query) =>
  name === args.q ? "reason" : null,
);
registerToolConditionalExecutionGuardrail("async", 1, async (name, args, context) => {
  context.scope.name;
});
scopeRegisterToolConditionalExecutionGuardrail(scope, "g", 0, () => undefined);
registerSubscriber("s", (heard) => {
  const name: string = heard.name;
  const start: boolean = heard.scope_category === "start";
  return void [name, start, heard.data];
});

registerToolRequestIntercept("r", 0, false, (name: string, args: Query) => args);
registerToolExecutionIntercept("e", 0, async (args, next) => {
  return new InterceptOutcome(await next(args), [{ name: "m", data: 1 }]);
});
registerLlmRequestIntercept("l", 0, true, ({ request }) => ({ request, pendingMarks: [] }));

const asked: LlmRequest = { headers: {}, content: { messages: [] } };
const answered: string = await llmCallExecute("gpt", asked, async () => "hi", { modelName: "m" });
const stream = await llmStreamCallExecute("gpt", asked, () => [answered], {
  collector: (chunk: string) => void chunk,
  finalizer: () => "all",
});
for await (const chunk of stream) void chunk;

const hits: number = await toolCallExecute("t", { q: "x" }, async (args) => args.q.length);
const text: string = await withScope("w", ScopeType.Function, (handle) => handle.uuid);
const same: number = runtime.toolCallExecuteSync("t", 1, (n) => n + hits + text.length);
scope.pop({ output: same, error: new GuardrailRejected("no") });

// @ts-expect-error A name is a string.
pushScope(1, ScopeType.Agent);
// @ts-expect-error There is no such type.
pushScope("x", "agent");
// @ts-expect-error A result has the target's type.
const wrong: string = await toolCallExecute("t", 1, async (n) => n);
// @ts-expect-error A request has headers and content.
await llmCallExecute("gpt", { content: 1 }, () => 1);
// @ts-expect-error Whether it breaks the chain has to be said.
registerToolRequestIntercept("r", 0, () => 1);
// @ts-expect-error A reason is a string.
registerToolConditionalExecutionGuardrail("g", 0, () => 1);
// @ts-expect-error There is no such option.
runtime.event("m", { input: 1 });

const table: NativeHandle<"functions"> = extensions.functions();
const owners: [NativeHandle<"runtime">, NativeHandle<"scope">, string] = [
  runtime.nativeHandle,
  scope.nativeHandle,
  extensions.getInclude(),
];
// @ts-expect-error A scope's handle is not a runtime's.
owners[0] = scope.nativeHandle;
void [table, owners];

declare const queries: Codec<Query>;
declare const numbers: StandardSchema<number>;
const count: number = await typedToolExecute("t", { q: "x" }, (a) => a.q.length, queries, numbers);
const kept: Promise<number> = withScopeStack(currentScopeStack(), async () => count);
// @ts-expect-error The function gets what the codec of the arguments reads.
await typedToolExecute("t", { q: "x" }, (a: number) => a, queries, numbers);
// @ts-expect-error A stack is no handle.
withScopeStack(scope, () => kept);

const done: number = await isolated(async (events, isolatedRuntime) => {
  const first: string | undefined = events.at(0)?.name;
  const told: string = events.find({ name: "t", phase: "end" }).name + events.tree();
  const errors: string[] = isolatedRuntime.lastErrors();
  return told.length + errors.length + Number(first !== undefined);
});
using capturing = capture(runtime, "types");
for (const each of capturing.events) void [each.name, done];
// @ts-expect-error There is no such phase.
capturing.events.findAll({ phase: "begin" });
const atOnce: number = runtime.withScopeSync("w", ScopeType.Function, (handle) => {
  handle.output = { any: "thing" };
  return 1;
});
void atOnce;
