// Compiled, never run: what users may write, and what the types must refuse.

import {
  type AnnotatedLlmResponse,
  AutoCodec,
  type Codec,
  currentScopeStack,
  event,
  extensions,
  type forms,
  GuardrailRejected,
  InterceptOutcome,
  type LlmRequest,
  llmCallExecute,
  llmStreamCallExecute,
  type NativeHandle,
  OpenAIChatCodec,
  OpenAIChatStreamingCodec,
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
  SseDecoder,
  type StandardSchema,
  scopeRegisterToolConditionalExecutionGuardrail,
  toolCallExecute,
  typedToolExecute,
  usePrices,
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

const chat = new OpenAIChatCodec();
const given: LlmRequest = { headers: {}, content: { messages: [] } };
const annotated = chat.decode(given);
const last: forms.Message | undefined = annotated.messages.at(-1);
annotated.messages.push({ role: "user", content: [{ type: "text", text: "hi" }] });
annotated.params = { ...annotated.params, max_tokens: 9 };
const sent: LlmRequest = chat.encode(annotated, given);
const decoded: AnnotatedLlmResponse | null = new AutoCodec(runtime).decodeResponse({});
const total: number | null | undefined = decoded?.usage?.cost?.total;
void [last, sent, total];
// @ts-expect-error A temperature is a number.
annotated.params.temperature = "hot";
// @ts-expect-error What no codec knows has no form.
void new AutoCodec().decode(given).messages;
await llmCallExecute("m", given, () => 1, { codec: "auto", responseCodec: chat });
// @ts-expect-error There is no such codec.
await llmCallExecute("m", given, () => 1, { codec: "openai" });
const streaming = new OpenAIChatStreamingCodec();
await llmStreamCallExecute("m", given, async function* () {}, {
  collector: streaming.collector(),
  finalizer: streaming.finalizer(),
});
const rates = { input_per_million: 1, output_per_million: 2 };
usePrices({ entries: [{ provider: "p", model_id: "m", rates }] });
// @ts-expect-error A rate is a number.
usePrices({ entries: [{ provider: "p", model_id: "m", rates: { input_per_million: "1" } }] });
for (const { data, retryMs } of new SseDecoder().feed("data: x\n\n")) void [data, retryMs];
// @ts-expect-error Values are not given to the core by its user.
runtime.codecSetPrices(0);
