// One run of the demo: database, tools, agents, events.

import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { OpenAI } from "openai";
import {
  AtofExporter,
  deregisterSubscriber,
  type PriceCatalogue,
  registerSubscriber,
  usePrices,
} from "scopeflow";
import { Chat } from "./chat.js";
import * as middleware from "./middleware.js";
import { MODEL } from "./model.js";
import { Progress } from "./progress.js";
import { coordinator } from "./team.js";
import * as tools from "./tools.js";

export const QUESTION =
  "ada@example.com was charged twice, on card 4111 1111 1111 1111. " +
  "Which service had the most trouble, why, and what do our documents advise?";

/** What a run works on. */
export interface Settings {
  readonly database: string;
  /** Folder whose documents are searched. */
  readonly documents: string;
  /** JSON file of what models cost. */
  readonly prices: string;
  /** ATOF file that is written; an older one is replaced. */
  readonly events: string;
  /** Where progress is shown. */
  readonly progress: (text: string) => void;
  readonly question: string;
  /** Goes to the model's server with each request. */
  readonly apiKey: string;
  /** Names of tools that fail. */
  readonly broken: readonly string[];
}

/** Runs the agents on the question, with the model that is served there; gives the answer. */
export async function run(settings: Settings, modelUrl: string): Promise<string> {
  const exporter = new AtofExporter({
    outputDirectory: dirname(settings.events),
    filename: basename(settings.events),
    mode: "overwrite",
  });
  const progress = new Progress(settings.progress);
  const uninstall = middleware.install();
  exporter.register("event file");
  registerSubscriber("progress", progress.show);
  usePrices(JSON.parse(readFileSync(settings.prices, "utf8")) as PriceCatalogue);
  try {
    return await ask(settings, modelUrl, progress);
  } finally {
    usePrices();
    uninstall();
    deregisterSubscriber("progress");
    exporter.deregister("event file");
    await exporter.close();
  }
}

function ask(settings: Settings, modelUrl: string, progress: Progress): Promise<string> {
  const kit = [tools.sql(settings.database), tools.search(settings.documents)].map((tool) =>
    settings.broken.includes(tool.name) ? tools.breakTool(tool) : tool,
  );
  // The key goes with each request, and the runtime sees to new attempts.
  const client = new OpenAI({ baseURL: modelUrl, apiKey: "none", maxRetries: 0 });
  const chat = new Chat(client, MODEL, settings.apiKey);
  return coordinator(chat, kit, progress.say).run(settings.question);
}
