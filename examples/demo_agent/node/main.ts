// `node compiled/main.js`: run the demo, print the run as a tree, then the answer.

import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { deregisterSubscriber, registerSubscriber } from "scopeflow";
import { CapturedEvents } from "scopeflow/testing";
import * as database from "./database.js";
import { serve } from "./model.js";
import { QUESTION, run } from "./run.js";

const USAGE = `usage: demo --node [options] [question]

  --data FOLDER      CSV files from which the database is built
  --database FILE    use this SQLite database, build none
  --documents FOLDER search the documents in this folder, not those of the repository
  --output FOLDER    where the database and the event file are written (.demo in the repository)
  --model URL        ask the model that is served there, start no server
  --break sql|search make a tool fail; may be repeated
  --quiet            show no progress
  --repository FOLDER  where scopeflow's repository is (the current folder)
  --help             show this
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    database: { type: "string" },
    documents: { type: "string" },
    output: { type: "string" },
    model: { type: "string" },
    break: { type: "string", multiple: true, default: [] },
    quiet: { type: "boolean", default: false },
    repository: { type: "string", default: "." },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(USAGE);
} else {
  await main();
}

async function main(): Promise<void> {
  const repository = resolve(values.repository);
  const examples = join(repository, "examples");
  const output = resolve(values.output ?? join(repository, ".demo"));
  const file = values.database ?? join(output, "incidents.db");
  if (values.database === undefined) {
    database.build(values.data ?? join(examples, "demo_agent", "data"), file);
  }
  const events = join(output, "run.jsonl");
  const question = positionals[0] ?? QUESTION;
  const settings = {
    database: file,
    documents: values.documents ?? repository,
    prices: join(examples, "demo_agent", "data", "prices.json"),
    events,
    progress: values.quiet ? () => {} : (text: string) => void process.stderr.write(text),
    question,
    apiKey: "sk-demo-0d5e4b7a",
    broken: values.break,
  };
  const model = values.model === undefined ? await started(examples) : undefined;
  const captured = new CapturedEvents();
  registerSubscriber("captured", captured.add);
  let answer: string;
  try {
    answer = await run(settings, values.model ?? model!.url);
  } finally {
    deregisterSubscriber("captured");
    await model?.stop();
  }
  console.log(`\nThe run, from ${relative(".", events)}:\n\n${captured.tree()}`);
  console.log(`\nQuestion: ${question}\nAnswer: ${answer}`);
}

/** Models are slow; without, one would not see that the sub-agents work at the same time. */
function started(examples: string): ReturnType<typeof serve> {
  return serve(examples, ["--thinking", "0.05", "--busy", "incidents=1"]);
}
