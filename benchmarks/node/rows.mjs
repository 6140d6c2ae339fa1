// What `compare.mjs` lets race, and the limits.

export const NATIVE = "scopeflow, native";
export const WASM = "scopeflow, wasm";
export const RELAY_NODE = "nemo-relay-node";
export const RELAY_WASM = "nemo-relay-wasm";
export const FLOW_NODE = "nemo-flow-node";
export const FLOW_WASM = "nemo-flow-wasm";
export const SPANS = "otel-js";
export const FLOOR = "floor";

/** Each of our cores, with the peer that is measured beside it. */
export const PAIRS = [
  [NATIVE, RELAY_NODE],
  [WASM, RELAY_WASM],
];

/** @returns What our call may take where a bare await takes `floor`, in nanoseconds. */
const tenAwaits = (floor) => 10 * floor + 2000;

/**
 * `work` is done, with a subscriber that is called and looks at nothing if `heard`. `least` is how
 * many times as fast as its peer the native core and the WebAssembly core have to be, and `most`
 * how long they may take. Neither may take longer than a span of OpenTelemetry for the same.
 */
export const ROWS = {
  scope: { work: "scopes", least: [6, 4] },
  "scope, one subscriber": { work: "scopes", heard: true, least: [1, 1] },
  mark: { work: "marks", least: [1, 1] },
  "tool by hand": { work: "manual", least: [1, 1] },
  tool: { work: "calls", least: [100, 6], most: tenAwaits },
  "tool, one subscriber": { work: "calls", heard: true, least: [1, 1] },
  "tool, one guard": { work: "guarded", least: [1, 1] },
  "tool, 1,000 at once": { work: "gathered", least: [1, 1] },
  "LLM, 8 KB": { work: "llm", least: [40, 5] },
  "LLM, 8 KB, one subscriber": { work: "llm", heard: true, least: [1, 1] },
  "LLM stream, a chunk": { work: "stream", least: [1, 1] },
};
