// The vectors of tests/codecs, and what their tests need.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as scopeflow from "scopeflow";

/** @param name Of a file there, without its ending. */
export function readCodecCases(name) {
  const path = join(process.env.SCOPEFLOW_VECTORS, "../codecs", `${name}.json`);
  return JSON.parse(readFileSync(path, "utf8"));
}

const CLASSES = {
  openai_chat: "OpenAIChat",
  openai_responses: "OpenAIResponses",
  anthropic_messages: "AnthropicMessages",
  gemini_generate_content: "GeminiGenerateContent",
};

export const codecNames = Object.keys(CLASSES);

/** A new codec of a name. */
export function codecNamed(name) {
  return new scopeflow[`${CLASSES[name]}Codec`]();
}

/** A new codec for streams of a name. */
export function streamingCodecNamed(name) {
  return new scopeflow[`${CLASSES[name]}StreamingCodec`]();
}

/** What a stream comes to. */
export function gathered(codec, chunks) {
  const collect = codec.collector();
  for (const chunk of chunks) collect(chunk);
  return codec.finalizer()();
}

/** A value with edits as the vectors write them: `[path, value]` is set, `[path]` taken away. */
export function changed(value, edits) {
  const made = structuredClone(value);
  for (const [path, ...to] of edits) {
    const at = path.slice(0, -1).reduce((container, step) => container[step], made);
    const last = path.at(-1);
    if (to.length > 0) at[last] = to[0];
    else if (Array.isArray(at)) at.splice(last, 1);
    else delete at[last];
  }
  return made;
}
