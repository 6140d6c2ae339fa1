// The payload of the benchmarks, as ../python/request.py has it: a chat request of 20 messages,
// prose and code in turn, of 7.6 KB as text and 140 values in all.

const CHARACTERS_A_MESSAGE = 280;

const PROSE =
  "The deployment of the second region failed again: the health check, which should take two " +
  "seconds at most, did not answer for twenty. Please look at what changed since the last " +
  "release and say what you would do first. ";
const CODE =
  'def check(region):\n    if region.state != "ready":\n' +
  "        raise NotReady(region.name, region.state)\n    return region.probe(timeout=2)\n\n";
const OTHER = "Die Prüfung dauerte länger als üblich – bitte noch einmal. 最初に何を確認しますか。 ";

function message(number) {
  const source = number === 7 ? OTHER : number % 4 === 3 ? CODE : PROSE;
  const content = source.repeat(CHARACTERS_A_MESSAGE / source.length + 1);
  return {
    role: number % 2 ? "user" : "assistant",
    content: content.slice(0, CHARACTERS_A_MESSAGE),
    name: `agent-${number}`,
  };
}

function tool(name) {
  const properties = { query: { type: "string" }, limit: { type: "integer", maximum: 100 } };
  const parameters = { type: "object", properties, required: ["query"] };
  return { type: "function", function: { name, description: `Runs a ${name}.`, parameters } };
}

/** What a tool is called with. */
export const SMALL = { query: "x", limit: 3 };

/** What a language model is called with. */
export const LARGE = {
  headers: {},
  content: {
    model: "gpt-4o-mini",
    temperature: 0.2,
    max_tokens: 1024,
    stream: false,
    messages: Array.from({ length: 20 }, (_, number) => message(number)),
    metadata: { session: "7f3a", attempt: 1, tags: ["deploys", "search"] },
    tools: [tool("search"), tool("sql"), tool("fetch")],
    user: "u-1017",
    seed: 7,
    stop: ["###", "END"],
  },
};
