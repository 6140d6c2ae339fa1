// The model as the agents see it: each request is a managed call of the runtime.

import type { OpenAI } from "openai";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionMessage,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from "openai/resources/chat/completions";
import { llmCallExecute, llmStreamCallExecute, type LlmRequest } from "scopeflow";
import { Answer } from "./answer.js";

const NAME = "chat.completions";
/** Whose responses they are: observers get each in the common form, tokens included. */
const CODEC = "openai_chat";

/** What gets a text piece by piece. */
export type Say = (piece: string) => void;

/** A model behind a server that speaks OpenAI's protocol. */
export class Chat {
  constructor(
    private readonly client: OpenAI,
    private readonly modelName: string,
    private readonly apiKey: string,
  ) {}

  /**
   * Gives the model's next message. With `say` it is streamed: its text is said as it comes.
   *
   * The API key goes with the request, and into no event: the runtime removes such headers.
   */
  async ask(
    messages: readonly ChatCompletionMessageParam[],
    tools: readonly ChatCompletionTool[],
    say?: Say,
  ): Promise<ChatCompletionMessage> {
    const headers = { Authorization: `Bearer ${this.apiKey}` };
    const content = { model: this.modelName, messages: [...messages], tools };
    const completion = await (say === undefined
      ? this.complete({ headers, content })
      : this.stream({ headers, content: { ...content, ...STREAMED } }, say));
    return completion.choices[0]!.message;
  }

  private complete(request: LlmRequest): Promise<ChatCompletion> {
    const options = { modelName: this.modelName, responseCodec: CODEC } as const;
    return llmCallExecute(NAME, request, this.create<ChatCompletion>, options);
  }

  private async stream(request: LlmRequest, say: Say): Promise<ChatCompletion> {
    const { modelName } = this;
    const answer = new Answer();
    // The end event gets what the chunks make up: the whole message, with its usage.
    const stream = await llmStreamCallExecute(
      NAME,
      request,
      this.create<AsyncIterable<ChatCompletionChunk>>,
      { collector: answer.add, finalizer: answer.completion, modelName, responseCodec: CODEC },
    );
    for await (const chunk of stream as AsyncIterable<ChatCompletionChunk>) {
      for (const { delta } of chunk.choices) say(delta.content ?? "");
    }
    return answer.completion();
  }

  private readonly create = async <R>({ headers, content }: LlmRequest): Promise<R> =>
    (await this.client.chat.completions.create(content, { headers })) as R;
}

const STREAMED = { stream: true, stream_options: { include_usage: true } };
