// `using` and `await using`, which the compiler turns into what Node runs.
import { AtofExporter, llmStreamCallExecute, Runtime, ScopeType } from "scopeflow";
import { capture, isolate } from "scopeflow/testing";

const told: unknown[] = [];

async function* endless(): AsyncGenerator<number> {
  try {
    for (let i = 1; ; i++) yield i;
  } finally {
    told.push("the producer is stopped");
  }
}

{
  using isolation = isolate();
  const { events, runtime } = isolation;
  {
    using outer = runtime.pushScope("outer", ScopeType.Agent);
    using inner = runtime.pushScope("inner", ScopeType.Function);
    inner.output = 1;
    outer.output = 2;
  }
  try {
    using broken = runtime.pushScope("broken", ScopeType.Agent);
    throw new Error(broken.name);
  } catch (error) {
    told.push((error as Error).message);
  }
  {
    const request = { headers: {}, content: {} };
    await using stream = await llmStreamCallExecute("gpt", request, endless);
    told.push(await stream.next(), await stream.next());
  }
  {
    using stream = runtime.llmStreamCallExecuteSync("gpt", { headers: {}, content: {} }, () => [1]);
    told.push(stream.next().value);
  }
  told.push(...events.names(), events.at(1)?.data ?? null);
}

const lines: string[] = [];
let closed: Runtime;
{
  using runtime = new Runtime();
  closed = runtime;
  using captured = capture(runtime);
  const stream = new WritableStream<string>({ write: (text) => void lines.push(text) });
  await using exporter = new AtofExporter({ output: stream }, runtime);
  exporter.register("lines");
  using callback = new AtofExporter({ output: () => told.push("a line") }, runtime);
  callback.register("callback");
  runtime.event("m");
  told.push(captured.events.length);
}
told.push(lines.length);
try {
  closed.event("late");
} catch (error) {
  told.push((error as { code: string }).code);
}
console.log(JSON.stringify(told));
