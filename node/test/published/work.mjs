// What each program and bundle of these tests does: some of everything, with known ids and times,
// so that the lines are the same wherever it runs.

// Beyond what fits where short texts are put.
const SIZE = 20_000;

/** @returns The events, as lines of ATOF, with the long text cut. */
export async function work(scopeflow) {
  const { GuardrailRejected, Runtime, ScopeType } = scopeflow;
  const clockStartNs = 1_767_225_600_000_000_000n;
  const runtime = new Runtime({ deterministic: true, clockStartNs, log: () => {} });
  const lines = [];
  runtime.registerSubscriber("lines", (event) => lines.push(event.json));
  runtime.registerToolConditionalExecutionGuardrail("guard", 0, async (name) =>
    name === "bad" ? "no" : null,
  );
  const scope = runtime.pushScope("agent", ScopeType.Agent, { input: { big: "ž".repeat(SIZE) } });
  const result = { n: 1n, bytes: new Uint8Array([1, 2]) };
  const found = await runtime.toolCallExecute("good", { q: 1 }, async () => result);
  if (found !== result) throw new Error("another object came back");
  const refused = await runtime.toolCallExecute("bad", 1, () => 1).catch((error) => error);
  if (!(refused instanceof GuardrailRejected)) throw refused;
  const request = { headers: {}, content: {} };
  const chunks = runtime.llmStreamCallExecute("model", request, async function* () {
    yield* ["a", "b"];
  });
  for await (const _ of await chunks);
  runtime.event("mark", { data: [0.1, null, true], parent: scope });
  scope.pop({ output: "done" });
  runtime.close();
  const long = "ž".repeat(SIZE);
  if (!lines[0].includes(long)) throw new Error("the long text was changed");
  return lines.map((line) => line.replace(long, "…"));
}

/** Tells the test what came of a bundle, in whatever host it runs. */
export async function report(name, scopeflow, ready) {
  let told;
  try {
    await ready;
    told = { name, core: scopeflow.core, lines: await work(scopeflow) };
  } catch (error) {
    told = { name, error: `${error?.stack ?? error}` };
  }
  const text = JSON.stringify(told);
  if (globalThis.tell) globalThis.tell(text);
  else if (globalThis.document) await fetch("/report", { method: "POST", body: text });
  else console.log(text);
}
