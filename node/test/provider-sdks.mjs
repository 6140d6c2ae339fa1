// The official SDK of each provider, driven against a loopback server, and what its own parsed
// objects say in the words of the common form.

import { createRequire } from "node:module";

// They are installed beside the compiler.
const require = createRequire(process.env.SCOPEFLOW_TYPESCRIPT);
const KEY = "not-a-key";

/** Arguments of a tool, which are a text where they are no JSON. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** One text alone is the text; several parts are those. */
function said(parts) {
  if (parts.length === 1 && parts[0].type === "text") return parts[0].text;
  return parts.length > 0 ? parts : undefined;
}

/** Without what is absent. */
export function present(members) {
  const there = ([, value]) => value !== undefined && value !== null;
  return Object.fromEntries(Object.entries(members).filter(there));
}

/** Buckets of tokens; one that nothing is in is left out. */
export function counted(buckets) {
  return Object.fromEntries(Object.entries(buckets).filter(([, count]) => count));
}

const orNone = (list) => (list.length > 0 ? list : undefined);
const without = (value, ...names) =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));

class OpenAIChat {
  provider = "openai_chat";

  constructor(url) {
    const { OpenAI } = require("openai");
    this.client = new OpenAI({ apiKey: KEY, baseURL: `${url}/v1`, maxRetries: 0 });
  }

  /** What the request was, of a body that was sent. */
  body(sent) {
    return without(sent, "stream");
  }

  /** The payload that a parsed object was made of. */
  spoken(response) {
    return response;
  }

  create(request) {
    return this.client.chat.completions.create(request);
  }

  stream(request) {
    return this.client.chat.completions.create({ ...request, stream: true });
  }

  /** What the SDK itself puts the stream together to. */
  async aggregated(request) {
    const { ChatCompletionStream } = require("openai/lib/ChatCompletionStream");
    const stream = await this.stream(request);
    const runner = ChatCompletionStream.fromReadableStream(stream.toReadableStream());
    let last;
    runner.on("chunk", (_chunk, snapshot) => (last = snapshot));
    // It refuses a response that was cut, having put it together.
    await runner.done().catch(() => {});
    return last;
  }

  annotated(completion) {
    const [{ message, finish_reason: reason }] = completion.choices;
    const parts = [];
    if (typeof message.content === "string") parts.push({ type: "text", text: message.content });
    if (typeof message.refusal === "string") {
      parts.push({ type: "refusal", refusal: message.refusal });
    }
    const calls = (message.tool_calls ?? []).map(({ id, type, custom, function: called }) =>
      type === "custom"
        ? { id, name: custom.name, arguments: custom.input }
        : { id, name: called.name, arguments: parsed(called.arguments) },
    );
    const old = message.function_call;
    if (old) calls.push({ name: old.name, arguments: parsed(old.arguments) });
    const { usage } = completion;
    return present({
      id: completion.id,
      model: completion.model,
      message: said(parts),
      tool_calls: orNone(calls),
      finish_reason: OPENAI_REASONS[reason],
      usage: usage && {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        total_tokens: usage.total_tokens,
        cache_read_tokens: usage.prompt_tokens_details.cached_tokens,
      },
      token_usage: usage && this.tokens(usage),
    });
  }

  tokens({ prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details }) {
    const { cached_tokens, audio_tokens } = prompt_tokens_details;
    const { reasoning_tokens, audio_tokens: spoken } = completion_tokens_details;
    return counted({
      input_uncached: prompt_tokens - cached_tokens - audio_tokens,
      input_audio: audio_tokens,
      input_cache_read: cached_tokens,
      output_text: completion_tokens - reasoning_tokens - spoken,
      output_reasoning: reasoning_tokens,
      output_audio: spoken,
    });
  }
}

const OPENAI_REASONS = {
  stop: "complete",
  length: "length",
  tool_calls: "tool_use",
  function_call: "tool_use",
  content_filter: "content_filter",
};

class OpenAIResponses extends OpenAIChat {
  provider = "openai_responses";

  /** The SDK adds all texts as one. */
  spoken(response) {
    return without(response, "output_text");
  }

  create(request) {
    return this.client.responses.create(request);
  }

  stream(request) {
    return this.client.responses.create({ ...request, stream: true });
  }

  async aggregated(request) {
    let last;
    for await (const event of this.client.responses.stream(request)) last = event.response ?? last;
    return last;
  }

  annotated(response) {
    const parts = response.output
      .filter(({ type }) => type === "message")
      .flatMap(({ content }) => content)
      .map(({ type, text, refusal }) =>
        type === "output_text" ? { type: "text", text } : { type: "refusal", refusal },
      );
    const calls = response.output
      .filter(({ type }) => type === "function_call" || type === "custom_tool_call")
      .map(({ type, call_id, name, arguments: given, input }) => ({
        id: call_id,
        name,
        arguments: type === "function_call" ? parsed(given) : input,
      }));
    const { usage } = response;
    return present({
      id: response.id,
      model: response.model,
      message: said(parts),
      tool_calls: orNone(calls),
      finish_reason: this.reason(response, calls.length > 0),
      usage: usage && {
        prompt_tokens: usage.input_tokens,
        completion_tokens: usage.output_tokens,
        total_tokens: usage.total_tokens,
        cache_read_tokens: usage.input_tokens_details.cached_tokens,
      },
      token_usage: usage && this.tokens(usage),
    });
  }

  reason({ status, incomplete_details }, hasCalls) {
    if (status === "completed") return hasCalls ? "tool_use" : "complete";
    if (status !== "incomplete") return { unknown: status };
    const { reason } = incomplete_details;
    return reason === "max_output_tokens" ? "length" : reason;
  }

  tokens({ input_tokens, output_tokens, input_tokens_details, output_tokens_details }) {
    const { cached_tokens } = input_tokens_details;
    const { reasoning_tokens } = output_tokens_details;
    return counted({
      input_uncached: input_tokens - cached_tokens,
      input_cache_read: cached_tokens,
      output_text: output_tokens - reasoning_tokens,
      output_reasoning: reasoning_tokens,
    });
  }
}

class AnthropicMessages {
  provider = "anthropic_messages";

  constructor(url) {
    const { Anthropic } = require("@anthropic-ai/sdk");
    this.client = new Anthropic({ apiKey: KEY, baseURL: url, maxRetries: 0 });
  }

  body(sent) {
    return without(sent, "stream");
  }

  spoken(response) {
    return response;
  }

  create(request) {
    return this.client.messages.create(request);
  }

  stream(request) {
    return this.client.messages.create({ ...request, stream: true });
  }

  aggregated(request) {
    return this.client.messages.stream(request).finalMessage();
  }

  annotated({ id, model, content, stop_reason, usage }) {
    const texts = content.filter(({ type }) => type === "text");
    const calls = content
      .filter(({ type }) => type === "tool_use")
      .map((block) => ({ id: block.id, name: block.name, arguments: block.input }));
    const read = usage.cache_read_input_tokens;
    const written = usage.cache_creation_input_tokens;
    const prompt = usage.input_tokens + read + written;
    return present({
      id,
      model,
      message: said(texts.map(({ text }) => ({ type: "text", text }))),
      tool_calls: orNone(calls),
      finish_reason: ANTHROPIC_REASONS[stop_reason] ?? { unknown: stop_reason },
      usage: {
        prompt_tokens: prompt,
        completion_tokens: usage.output_tokens,
        total_tokens: prompt + usage.output_tokens,
        cache_read_tokens: read,
        cache_write_tokens: written,
      },
      token_usage: counted({
        input_uncached: usage.input_tokens,
        input_cache_read: read,
        input_cache_write_5m: usage.cache_creation?.ephemeral_5m_input_tokens,
        input_cache_write_1h: usage.cache_creation?.ephemeral_1h_input_tokens,
        output_text: usage.output_tokens,
      }),
    });
  }
}

const ANTHROPIC_REASONS = {
  end_turn: "complete",
  stop_sequence: "complete",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_use",
  refusal: "content_filter",
};

class GeminiGenerateContent {
  provider = "gemini_generate_content";

  constructor(url) {
    const { GoogleGenAI } = require("@google/genai");
    this.client = new GoogleGenAI({ apiKey: KEY, vertexai: false, httpOptions: { baseUrl: url } });
  }

  /** The SDK says nothing where it means nothing. */
  body(sent) {
    const isThere = ([, value]) => JSON.stringify(value) !== "{}";
    return Object.fromEntries(Object.entries(sent).filter(isThere));
  }

  spoken(response) {
    return without(JSON.parse(JSON.stringify(response)), "sdkHttpResponse");
  }

  /** The arguments of the SDK for what goes over the wire. */
  asked({ contents, generationConfig, ...given }) {
    const beside = ["systemInstruction", "tools", "toolConfig", "safetySettings"];
    const config = { ...generationConfig };
    for (const key of beside) if (key in given) config[key] = given[key];
    return { model: "gemini-2.5-flash", contents, config };
  }

  create(request) {
    return this.client.models.generateContent(this.asked(request));
  }

  stream(request) {
    return this.client.models.generateContentStream(this.asked(request));
  }

  /** The SDK puts no stream together; what it gives without streaming is the same. */
  aggregated(request) {
    return this.create(request);
  }

  annotated(response) {
    const candidate = response.candidates?.[0];
    const parts = candidate?.content?.parts ?? [];
    const texts = parts.filter(({ text, thought }) => typeof text === "string" && !thought);
    const calls = parts
      .filter(({ functionCall }) => functionCall)
      .map(({ functionCall: { id, name, args } }) => present({ id, name, arguments: args }));
    const usage = response.usageMetadata;
    const prompt = usage.promptTokenCount + (usage.toolUsePromptTokenCount ?? 0);
    const answered = (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0);
    return present({
      id: response.responseId,
      model: response.modelVersion,
      message: said(texts.map(({ text }) => ({ type: "text", text }))),
      tool_calls: orNone(calls),
      finish_reason: this.reason(candidate, calls.length > 0),
      usage: present({
        prompt_tokens: prompt,
        completion_tokens: answered,
        total_tokens: usage.totalTokenCount,
        cache_read_tokens: usage.cachedContentTokenCount,
      }),
      token_usage: this.tokens(usage, prompt),
    });
  }

  reason(candidate, hasCalls) {
    if (candidate === undefined) return "content_filter";
    if (candidate.finishReason === "STOP") return hasCalls ? "tool_use" : "complete";
    return { MAX_TOKENS: "length" }[candidate.finishReason];
  }

  tokens(usage, prompt) {
    const cached = usage.cachedContentTokenCount ?? 0;
    const audio = (usage.promptTokensDetails ?? [])
      .filter(({ modality }) => modality === "AUDIO")
      .reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    return counted({
      input_uncached: prompt - cached - audio,
      input_audio: audio,
      input_cache_read: cached,
      output_text: usage.candidatesTokenCount,
      output_reasoning: usage.thoughtsTokenCount,
    });
  }
}

export const sdks = [OpenAIChat, OpenAIResponses, AnthropicMessages, GeminiGenerateContent];
