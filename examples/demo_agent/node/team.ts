// The coordinator and its three sub-agents.

import { Agent } from "./agent.js";
import type { Chat, Say } from "./chat.js";
import type { Tool } from "./tools.js";

const COORDINATOR =
  "You answer questions about our services. Delegate, then sum up what you are told.";

const ROLES = {
  incidents: "You know which service is in trouble. Look it up in the incident database.",
  deploys: "You find the deploy that caused incidents, and record it in the database.",
  documents: "You find what our documents say about the topic of incidents.",
};

/** The coordinator, who answers aloud. Its sub-agents work with `tools`, silently. */
export function coordinator(chat: Chat, tools: readonly Tool[], say: Say): Agent {
  const agents = new Map(
    Object.entries(ROLES).map(([name, role]) => [name, new Agent(name, role, tools, chat)]),
  );
  const delegate: Tool = {
    name: "delegate",
    description: "Gives a task to a sub-agent.",
    parameters: {
      agent: { type: "string", enum: [...agents.keys()], description: "Who is to do it." },
      task: { type: "string", description: "What is to be done." },
    },
    async run({ agent, task }) {
      const found = agents.get(agent);
      if (found === undefined) throw new Error(`there is no agent ${agent}`);
      return { agent, answer: await found.run(task) };
    },
  };
  return new Agent("coordinator", COORDINATOR, [delegate], chat, say);
}
