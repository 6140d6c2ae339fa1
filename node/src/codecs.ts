import { CodecStream } from "./codec-stream.js";
import { CoreCodec } from "./core-codec.js";
import { defaultRuntime } from "./default.js";
import { CodecId } from "./enums.gen.js";
import type { Runtime } from "./runtime.js";

/*
 * Codecs of providers: what turns requests and responses into an annotated form, which does not
 * depend on the provider, and edits of that form back. `codec: "auto"` of a call is one as well.
 */

/** Gives the runtime that a codec works with: the default one, as it is then, if none was given. */
function lender(runtime: Runtime | undefined): () => Runtime {
  return runtime === undefined ? defaultRuntime : () => runtime;
}

/**
 * For OpenAI Chat Completions and what is compatible with it.
 *
 * @example
 * const codec = new OpenAIChatCodec();
 * const request = { headers: {}, content: { model: "gpt-4o", messages: [], new_in_2027: true } };
 * const annotated = codec.decode(request);
 * annotated.messages.push({ role: "user", content: "hi" });
 * codec.encode(annotated, request).content.new_in_2027; // true
 */
export class OpenAIChatCodec extends CoreCodec {
  /** @param runtime Whose prices tell what responses have cost; the default one if not given. */
  constructor(runtime?: Runtime) {
    super(CodecId.OpenaiChat, lender(runtime));
  }
}

/**
 * For OpenAI Responses.
 *
 * @example
 * const request = { headers: {}, content: { input: "hi" } };
 * new OpenAIResponsesCodec().decode(request).messages; // [{ role: "user", content: "hi" }]
 */
export class OpenAIResponsesCodec extends CoreCodec {
  /** @param runtime As for OpenAIChatCodec. */
  constructor(runtime?: Runtime) {
    super(CodecId.OpenaiResponses, lender(runtime));
  }
}

/**
 * For Anthropic Messages.
 *
 * @example
 * const request = { headers: {}, content: { messages: [], tool_choice: { type: "any" } } };
 * new AnthropicMessagesCodec().decode(request).tool_choice; // "required"
 */
export class AnthropicMessagesCodec extends CoreCodec {
  /** @param runtime As for OpenAIChatCodec. */
  constructor(runtime?: Runtime) {
    super(CodecId.AnthropicMessages, lender(runtime));
  }
}

/**
 * For Gemini generateContent.
 *
 * @example
 * const response = { candidates: [{ content: { parts: [{ text: "hi" }] } }] };
 * new GeminiGenerateContentCodec().decodeResponse(response).message; // "hi"
 */
export class GeminiGenerateContentCodec extends CoreCodec {
  /** @param runtime As for OpenAIChatCodec. */
  constructor(runtime?: Runtime) {
    super(CodecId.GeminiGenerateContent, lender(runtime));
  }
}

/**
 * Whichever codec a payload is of, told by the payload. One that none knows has no annotated form:
 * null.
 *
 * @example
 * new AutoCodec().decodeResponse("hello"); // null
 */
export class AutoCodec extends CoreCodec<null> {
  /** @param runtime As for OpenAIChatCodec. */
  constructor(runtime?: Runtime) {
    super(CodecId.Auto, lender(runtime));
  }
}

/**
 * Puts the chunks of a stream together to what the response would have been without streaming: the
 * collector and the finalizer of a streaming call, whose response codec then decodes it. This one
 * tells by the first chunk whose stream it is. For one stream.
 *
 * @example
 * const codec = new AutoStreamingCodec();
 * const stream = await llmStreamCallExecute("openai", request, produce, {
 *   collector: codec.collector(),
 *   finalizer: codec.finalizer(),
 *   responseCodec: "auto",
 * });
 */
export class AutoStreamingCodec {
  private readonly stream: CodecStream;

  /** @param runtime Lends the memory; the default one if none is given. */
  constructor(runtime?: Runtime);
  /** @internal */
  constructor(runtime: Runtime | undefined, codec: CodecId);
  constructor(runtime: Runtime | undefined, codec = CodecId.Auto) {
    this.stream = new CodecStream(codec, lender(runtime)());
  }

  /**
   * What takes each chunk: the JSON of one event of the transport, or the SDK's object of it. What
   * is no object, such as `[DONE]`, it passes over. It throws LimitExceeded for a stream that needs
   * more than 256 MiB.
   *
   * @example
   * const collect = new OpenAIChatStreamingCodec().collector();
   * collect({ choices: [{ index: 0, delta: { content: "hi" } }] });
   */
  collector(): (chunk: unknown) => void {
    return (chunk) => this.stream.feed(chunk);
  }

  /**
   * What gives the response as far as it has come, once; the second time it throws InvalidState.
   *
   * @example
   * const codec = new OpenAIResponsesStreamingCodec();
   * codec.collector()({ type: "response.completed", response: { output: [] } });
   * codec.finalizer()(); // { output: [] }
   */
  finalizer(): () => any {
    return () => this.stream.finish();
  }
}

/**
 * For the chunks of OpenAI Chat Completions.
 *
 * @example
 * const codec = new OpenAIChatStreamingCodec();
 * const collect = codec.collector();
 * for (const content of ["he", "llo"]) collect({ choices: [{ index: 0, delta: { content } }] });
 * codec.finalizer()(); // { choices: [{ index: 0, message: { content: "hello" } }] }
 */
export class OpenAIChatStreamingCodec extends AutoStreamingCodec {
  /** @param runtime As for AutoStreamingCodec. */
  constructor(runtime?: Runtime) {
    super(runtime, CodecId.OpenaiChat);
  }
}

/**
 * For the events of OpenAI Responses.
 *
 * @example
 * const codec = new OpenAIResponsesStreamingCodec();
 * codec.collector()({ type: "response.output_text.delta", output_index: 0, delta: "hi" });
 * codec.finalizer()(); // { output: [{ content: [{ text: "hi" }] }] }
 */
export class OpenAIResponsesStreamingCodec extends AutoStreamingCodec {
  /** @param runtime As for AutoStreamingCodec. */
  constructor(runtime?: Runtime) {
    super(runtime, CodecId.OpenaiResponses);
  }
}

/**
 * For the events of Anthropic Messages.
 *
 * @example
 * const codec = new AnthropicMessagesStreamingCodec();
 * const collect = codec.collector();
 * collect({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
 * collect({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hi" } });
 * codec.finalizer()(); // { content: [{ type: "text", text: "hi" }] }
 */
export class AnthropicMessagesStreamingCodec extends AutoStreamingCodec {
  /** @param runtime As for AutoStreamingCodec. */
  constructor(runtime?: Runtime) {
    super(runtime, CodecId.AnthropicMessages);
  }
}

/**
 * For the chunks of Gemini generateContent.
 *
 * @example
 * const codec = new GeminiGenerateContentStreamingCodec();
 * codec.collector()({ responseId: "r" });
 * codec.finalizer()(); // { responseId: "r" }
 */
export class GeminiGenerateContentStreamingCodec extends AutoStreamingCodec {
  /** @param runtime As for AutoStreamingCodec. */
  constructor(runtime?: Runtime) {
    super(runtime, CodecId.GeminiGenerateContent);
  }
}

/**
 * Says to the default runtime what models cost; `runtime.usePrices` says it to another.
 *
 * @example
 * usePrices(JSON.parse(readFileSync("prices.json", "utf8")));
 */
export const usePrices: Runtime["usePrices"] = (...given) => defaultRuntime().usePrices(...given);

export type * from "./codec-prices.js";
export type { AnnotatedLlmRequest, AnnotatedLlmResponse } from "./codec-forms.gen.js";
/** The types of all objects of the codecs' common form. */
export type * as forms from "./codec-forms.gen.js";
export type { CodecName } from "./core-codec.js";
export { SseDecoder, type SseDecoderOptions, type SseEvent } from "./sse-decoder.js";
