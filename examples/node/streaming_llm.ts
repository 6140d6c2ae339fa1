// A model that answers in chunks: the consumer gets each at once, events get the whole answer.

import { setImmediate as pause } from "node:timers/promises";
import { llmStreamCallExecute, registerSubscriber, type LlmRequest } from "scopeflow";

async function* complete({ content }: LlmRequest): AsyncGenerator<string> {
  for (const word of content.prompt.split(" ")) {
    await pause(); // Here a real one waits for the provider.
    yield word.toUpperCase();
  }
}

async function ask(prompt: string, enough: number): Promise<void> {
  const request = { headers: { authorization: "Bearer secret" }, content: { prompt } };
  const answer: string[] = [];
  const stream = await llmStreamCallExecute("shouter", request, complete, {
    collector: (word: string) => void answer.push(word),
    finalizer: () => answer.join(" "),
  });
  // Whoever leaves early stops the producer, and the end event says so.
  for await (const word of stream) {
    console.log(word);
    if (answer.length === enough) break;
  }
}

registerSubscriber("show", ({ scope_category, name, data, metadata }) => {
  console.log("  ", scope_category, name, typeof data === "string" ? data : JSON.stringify(data));
  if (scope_category === "end") {
    console.log("  ", metadata?.["otel.status_code"], metadata?.["stream.chunk_count"]);
  }
});
await ask("all of the words", 10);
await ask("only some of the words", 2);
