// Replays the vectors with the WebAssembly core and writes down all that crosses its border: calls
// with what was put into its memory for them, what it asks of the host, what it answers, what is
// read of its memory. replay.py does the same with the same file in another engine.
//
// A line for each case: {"case": id, "mode": sync or async, "events": what the vector expects,
// "passed": whether it did, "border": rows}. The rows are
//
//   ["call", name, arguments, [[address, base64] …]]    and after what it leads to
//   ["return", result, base64 of the slots or nothing if they are as they were]
//   ["ask", name, arguments]                            and after what it leads to
//   ["answer", result, [[address, base64] …]]
//   ["read", address, size, text]
//   ["open", address, size, text, where in it the data belongs, in bytes]

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { knownGaps, reasonToLeaveOut, replay } from "./offered.mjs";

const border = [];
const plain = (value) => (typeof value === "bigint" ? String(value) : (value ?? null));
const base64 = (bytes) => Buffer.from(bytes).toString("base64");

const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, { host }) {
  const asked = {};
  for (const [name, call] of Object.entries(host)) asked[name] = ask(name, call);
  const { exports } = new Instance(module, { host: asked });
  const memory = new Memory(exports);
  const calls = { memory: exports.memory };
  for (const [name, call] of Object.entries(exports)) {
    if (typeof call === "function") calls[name] = record(name, call, memory);
  }

  function ask(name, call) {
    return (...given) => {
      border.push(["ask", name, given.map(plain)]);
      const result = call(...given);
      const [address, size] = given;
      const written = name === "entropy" ? [memory.copy(address, size)] : [];
      border.push(["answer", plain(result), written]);
      return result;
    };
  }
  return { exports: calls };
};

function record(name, call, memory) {
  return (...given) => {
    border.push(["call", name, given.map(plain), memory.written()]);
    const result = call(...given);
    border.push(["return", plain(result), memory.slots()]);
    if (name === "allocate") memory.blocks.set(result, given[0]);
    if (name === "deallocate") memory.blocks.delete(given[0]);
    return result;
  };
}

/** What JavaScript has put into the module's memory since the last look. */
class Memory {
  /** Blocks that were got for long texts and are not filled yet: address -> size. */
  blocks = new Map();

  constructor(exports) {
    this.exports = exports;
    this.texts = [exports.textsAddress(), exports.textsSize()];
    this.textsBefore = Buffer.from(this.view(...this.texts));
    this.slotsAddress = exports.slotsAddress();
    this.slotsBefore = "";
  }

  view(address, size) {
    return Buffer.from(this.exports.memory.buffer, address, size);
  }

  copy(address, size) {
    return [address, base64(this.view(address, size))];
  }

  written() {
    const written = [...this.blocks].map(([address, size]) => this.copy(address, size));
    this.blocks.clear();
    const slots = this.slots();
    if (slots !== null) written.push([this.slotsAddress, slots]);
    const [address] = this.texts;
    const now = this.view(...this.texts);
    if (now.equals(this.textsBefore)) return written;
    let first = 0;
    while (now[first] === this.textsBefore[first]) first++;
    let end = now.length;
    while (now[end - 1] === this.textsBefore[end - 1]) end--;
    now.copy(this.textsBefore);
    return [...written, this.copy(address + first, end - first)];
  }

  slots() {
    const now = base64(this.view(this.slotsAddress, 8 * SLOT_COUNT));
    if (now === this.slotsBefore) return null;
    this.slotsBefore = now;
    return now;
  }
}

const require = createRequire(import.meta.url);
const {
  EVENT_LINE_DATA,
  EVENT_LINE_DATA_OFFSET,
  EVENT_LINE_JSON,
  SLOT_COUNT,
  STEP_SLOTS,
} = require("../dist/cjs/core.gen.js");
process.env.SCOPEFLOW_CORE = "wasm";
const { enums, installedEngine } = require("../dist/cjs/node.js");
const scopeflow = await import("scopeflow");
const { runCase } = await import("./vectors.mjs");
const engine = installedEngine();
const internals = { engine, enums };
const { core } = engine;
const text = core.text.bind(core);
core.text = (address, size) => {
  const read = text(address, size);
  border.push(["read", address, size, read]);
  return read;
};
const LINE = STEP_SLOTS + EVENT_LINE_JSON;
const read = new TextDecoder();
/** Lines are taken out at once, and become text when somebody looks. */
function note(address, size, offset) {
  const bytes = new Uint8Array(core.exports.memory.buffer, address, size);
  const kind = offset === undefined ? "read" : "open";
  border.push([kind, address, size, read.decode(bytes), ...(offset === undefined ? [] : [offset])]);
}
const eventLine = core.eventLine.bind(core);
core.eventLine = (event) => {
  const line = eventLine(event);
  if (typeof line !== "number") note(core.slots[0], core.slots[1]);
  return line;
};
const stepLine = core.stepLine.bind(core);
core.stepLine = () => {
  const line = stepLine();
  const { slots } = core;
  const isOpen = slots[STEP_SLOTS + EVENT_LINE_DATA] !== 0;
  const offset = isOpen ? slots[STEP_SLOTS + EVENT_LINE_DATA_OFFSET] : undefined;
  if (line !== undefined) note(slots[LINE], slots[LINE + 1], offset);
  return line;
};

const folder = process.env.SCOPEFLOW_VECTORS;
const gaps = knownGaps(readFileSync(join(folder, "known_gaps.yaml"), "utf8"), "wasm");
for (const name of readdirSync(folder).filter((name) => /^(?!schema\.).*\.json$/.test(name))) {
  for (const vector of JSON.parse(readFileSync(join(folder, name), "utf8")).cases) {
    if (reasonToLeaveOut(vector)) continue;
    for (const mode of ["sync", "async"]) {
      const run = () => runCase(scopeflow, internals, vector, mode);
      const done = replay(vector.id, gaps, run).then(() => true);
      const passed = await done.catch(() => false);
      const events = gaps.has(vector.id) ? {} : (vector.expect?.events ?? {});
      const line = { case: vector.id, mode, events, passed, border };
      process.stdout.write(`${JSON.stringify(line)}\n`);
      border.length = 0;
    }
  }
}
