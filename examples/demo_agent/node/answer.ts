// What the chunks of a streamed answer make up: one completion, as if it had not been streamed.

import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionMessage,
} from "openai/resources/chat/completions";

type Members = Record<string, unknown>;

/** Takes chunks, and gives what they make up so far. */
export class Answer {
  private readonly head: Partial<ChatCompletionChunk> = {};
  private readonly message: Members = { content: null, refusal: null };
  private finishReason: string | null = null;

  readonly add = ({ choices, ...head }: ChatCompletionChunk): void => {
    // The last one alone has the usage.
    Object.assign(this.head, head);
    for (const { delta, finish_reason } of choices) {
      merge(this.message, delta as Members);
      this.finishReason = finish_reason ?? this.finishReason;
    }
  };

  readonly completion = (): ChatCompletion =>
    ({
      ...this.head,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: this.message as unknown as ChatCompletionMessage,
          logprobs: null,
          finish_reason: this.finishReason,
        },
      ],
    }) as ChatCompletion;
}

/** Adds a piece of a message: texts go on, items of lists are told by their `index`. */
function merge(whole: Members, piece: Members): void {
  for (const [name, value] of Object.entries(piece)) {
    const known = whole[name];
    if (typeof known === "string" && typeof value === "string" && !FIXED.has(name)) {
      whole[name] = known + value;
    } else if (Array.isArray(value)) {
      const items = (whole[name] ??= []) as Members[];
      for (const item of value as Members[]) merge((items[item["index"] as number] ??= {}), item);
    } else if (isObject(known) && isObject(value)) {
      merge(known, value);
    } else {
      whole[name] = structuredClone(value);
    }
  }
}

/** Texts that each piece may say again. */
const FIXED = new Set(["role", "type", "id"]);

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null;
}
