// An agent: asks the model, runs the tools that it asks for, and asks again.

import type {
  ChatCompletionMessageFunctionToolCall,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";
import { GuardrailRejected, ScopeType, toolCallExecute, withScope } from "scopeflow";
import type { Chat, Say } from "./chat.js";
import { declarationOf, type Tool } from "./tools.js";

const TURN_LIMIT = 8;

/** One role: a name, instructions and tools. */
export class Agent {
  private readonly tools: Map<string, Tool>;

  /** @param say Gets the answer while the model still writes it. */
  constructor(
    private readonly name: string,
    private readonly instructions: string,
    tools: readonly Tool[],
    private readonly chat: Chat,
    private readonly say?: Say,
  ) {
    this.tools = new Map(tools.map((tool) => [tool.name, tool]));
  }

  /** Works on a task until the model answers; gives the answer. */
  run(task: string): Promise<string> {
    const input = { task };
    return withScope(this.name, ScopeType.Agent, async (scope) => {
      const answer = await this.converse(task);
      scope.output = { answer };
      return answer;
    }, { input });
  }

  private async converse(task: string): Promise<string> {
    const messages: ChatCompletionMessageParam[] = [
      { role: "system", content: this.instructions },
      { role: "user", content: task },
    ];
    const declarations = [...this.tools.values()].map(declarationOf);
    for (let turn = 0; turn < TURN_LIMIT; turn++) {
      const message = await this.chat.ask(messages, declarations, this.say);
      if (!message.tool_calls?.length) return message.content ?? "";
      messages.push(withoutNulls(message) as ChatCompletionMessageParam);
      // All the tools that the model wants now run at once.
      const calls = message.tool_calls.filter((call) => call.type === "function");
      messages.push(...(await Promise.all(calls.map((call) => this.call(call)))));
    }
    throw new Error(`${this.name} has no answer after ${TURN_LIMIT} turns`);
  }

  private async call(
    call: ChatCompletionMessageFunctionToolCall,
  ): Promise<ChatCompletionMessageParam> {
    // Whatever goes wrong is told to the model, which decides how to go on.
    let content: unknown;
    try {
      const tool = this.tools.get(call.function.name);
      if (tool === undefined) throw new Error(`there is no tool ${call.function.name}`);
      const args: unknown = JSON.parse(call.function.arguments);
      content = await toolCallExecute(tool.name, args, tool.run, { toolCallId: call.id });
    } catch (error) {
      if (error instanceof GuardrailRejected) content = { refused: error.reason };
      else content = { error: String(error) };
    }
    return { role: "tool", tool_call_id: call.id, content: JSON.stringify(content) };
  }
}

/** A message as it is sent: the server does not take null for what a message does not have. */
function withoutNulls(message: object): object {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
}
