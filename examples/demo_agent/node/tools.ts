// The tools that the agents may use, as OpenAI function declarations and as functions.

import type { ChatCompletionTool } from "openai/resources/chat/completions";
import * as database from "./database.js";
import * as documents from "./documents.js";

const ROW_LIMIT = 50;
const HIT_LIMIT = 3;

/** A function that a model may ask for. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Record<string, object>;
  /** Gets the arguments as the model wrote them. */
  readonly run: (args: any) => Promise<unknown>;
}

/** A tool as the chat-completions API wants it. */
export function declarationOf({ name, description, parameters }: Tool): ChatCompletionTool {
  return {
    type: "function",
    function: {
      name,
      description,
      parameters: {
        type: "object",
        properties: parameters,
        required: Object.keys(parameters),
        additionalProperties: false,
      },
    },
  };
}

/** The tool that runs SQL on the database in `file`. */
export function sql(file: string): Tool {
  return {
    name: "sql",
    description: "Runs a statement on the incident database.",
    parameters: { statement: { type: "string", description: "One statement in SQLite's SQL." } },
    run: async ({ statement }) => database.query(file, statement, ROW_LIMIT),
  };
}

/** The tool that searches the documents below `root`. */
export function search(root: string): Tool {
  return {
    name: "search",
    description: "Searches the documents of the repository.",
    parameters: { query: { type: "string", description: "Words that a paragraph must have." } },
    run: async ({ query }) => documents.search(root, query, HIT_LIMIT),
  };
}

/** A tool that fails whenever it is called, to see what the agent makes of it. */
export function breakTool(tool: Tool): Tool {
  return {
    ...tool,
    run: async () => {
      throw new Error(`the tool ${tool.name} is broken`);
    },
  };
}
