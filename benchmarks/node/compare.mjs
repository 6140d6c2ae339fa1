// Both cores of scopeflow beside nemo-relay, nemo-flow and OpenTelemetry, in one interleaved run.
//
//     cmake --preset release && cmake --build --preset release --target scopeflow_node_packages
//     node benchmarks/node/compare.mjs [--check] [--write] [--rounds 25] [--only <row>]
//
// Each contestant has a process of its own, on the newer Node that the tests run on, too, since
// nemo-relay-node needs it. One works at a time, in short repetitions, and the fastest of each
// counts: a machine's noise hits whoever is running. Read the ratios; the times hold for this
// machine and this minute. `--check` ends with 1 where a limit is passed (rows.mjs, and below);
// `--write` puts the tables into benchmarks/README.md. The floor is the same work without any of
// the others. npm fetches all that races, once.

import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { install, PEERS } from "./installation.mjs";
import { FLOOR, NATIVE, PAIRS, RELAY_NODE, ROWS, SPANS, WASM } from "./rows.mjs";
import { LIBRARIES } from "./libraries.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const README = join(root, "benchmarks/README.md");
const [BEGIN, END] = ["<!-- node: written by compare.mjs --write -->\n", "<!-- /node -->"];

const REPETITION_NS = 10e6;
const IMPORTS = 15;

/** The first import of ours takes at most this part of nemo-relay-node's. */
const MOST_IMPORT = 0.5;
/** What a million calls may leave behind: noise of the engine, but no object or scope of each. */
const MOST_HEAP_BYTES = 1e6;
const MOST_RSS_BYTES = 32e6;

const CORES = { [NATIVE]: "native", [WASM]: "wasm" };

const environment = (name) =>
  name in CORES ? { ...process.env, SCOPEFLOW_CORE: CORES[name] } : process.env;

// --- Times ---

/** One contestant in its process. */
class Contestant {
  #counts = new Map();
  #best = new Map();

  #child;
  #ended;

  constructor(name, { node, folder }) {
    this.name = name;
    this.#child = fork(join(folder, "contestant.mjs"), [name], {
      execPath: node,
      // nemo-*-wasm import their module as one, of which Node warns.
      execArgv: ["--disable-warning=ExperimentalWarning"],
      env: environment(name),
    });
    this.#ended = once(this.#child, "exit").then(([code, signal]) => {
      throw new Error(`${name} has ended: ${signal ?? code}`);
    });
    this.#ended.catch(() => {});
  }

  static async start(name, place) {
    const contestant = new Contestant(name, place);
    contestant.rows = new Set(await contestant.#hear());
    return contestant;
  }

  /** @returns What the process says next. Rejected if it ends instead. */
  async #hear() {
    const [said] = await Promise.race([once(this.#child, "message"), this.#ended]);
    return said;
  }

  #repeat(row, count) {
    this.#child.send({ row, count });
    return this.#hear();
  }

  end() {
    this.#child.disconnect();
  }

  /** Warms up, and finds out how many operations a repetition has. */
  async prepare(row) {
    let count = 3;
    // A few operations say more of what stands around them than of themselves.
    for (let i = 0; i < 4; i++) {
      count = Math.max(3, Math.round(REPETITION_NS / (await this.#repeat(row, count))));
    }
    this.#counts.set(row, count);
  }

  async turn(row) {
    const ns = await this.#repeat(row, this.#counts.get(row));
    this.#best.set(row, Math.min(ns, this.best(row) ?? Infinity));
  }

  /** @returns Nanoseconds an operation, if it does this row. */
  best(row) {
    return this.#best.get(row);
  }
}

/** @returns The fastest repetition of each contestant in each row. */
async function race(place, names, rounds) {
  const contestants = [];
  for (const name of Object.keys(LIBRARIES)) contestants.push(await Contestant.start(name, place));
  const turns = names.flatMap((row) =>
    contestants.filter(({ rows }) => rows.has(row)).map((contestant) => ({ row, contestant })),
  );
  for (const { row, contestant } of turns) await contestant.prepare(row);
  for (let i = 0; i < rounds; i++) {
    // The order changes from round to round, so that nobody always follows the same one.
    const shift = i % turns.length;
    for (const { row, contestant } of [...turns.slice(shift), ...turns.slice(0, shift)]) {
      await contestant.turn(row);
    }
  }
  for (const contestant of contestants) contestant.end();
  return new Map(
    names.map((row) => [row, new Map(contestants.map((one) => [one.name, one.best(row)]))]),
  );
}

// --- What was measured, as a table, and which limits were passed ---

const whole = (figure) =>
  figure === undefined ? "–" : Math.round(figure).toLocaleString("en-US");
const line = (cells) => `| ${cells.join(" | ")} |`;

function raceTable(best) {
  const names = Object.keys(LIBRARIES);
  const head = ["", ...names];
  for (const [ours, peer] of PAIRS) head.push(`${peer} / ${ours}`, "at least");
  const lines = [line(head), `|---|${"---:|".repeat(head.length - 1)}`];
  for (const [row, figures] of best) {
    const cells = [row, ...names.map((name) => whole(figures.get(name)))];
    PAIRS.forEach(([ours, peer], i) => {
      const ratio = figures.has(peer) && figures.get(peer) / figures.get(ours);
      cells.push(ratio ? ratio.toFixed(1) : "–", ratio ? ROWS[row].least[i] : "–");
    });
    lines.push(line(cells));
  }
  return lines;
}

function* passedLimits(best) {
  for (const [row, figures] of best) {
    const { least, most } = ROWS[row];
    for (const [i, [ours, peer]] of PAIRS.entries()) {
      const [taken, theirs, spans] = [ours, peer, SPANS].map((name) => figures.get(name));
      const isTooSlow = theirs / taken < least[i];
      if (isTooSlow) yield `${row}: ${ours} is not ${least[i]} times as fast as ${peer}`;
      if (taken > spans) yield `${row}: ${ours} is slower than ${SPANS}`;
      const limit = most?.(figures.get(FLOOR));
      if (taken > limit) yield `${row}: ${ours} takes more than ${whole(limit)} ns`;
    }
  }
}

// --- Memory and the import ---

/** @returns What a program says, which is JSON. */
function ask({ node, folder }, name, program) {
  const options = { cwd: folder, env: environment(name), encoding: "utf8" };
  return JSON.parse(execFileSync(node, program, options));
}

/** @returns Bytes that stay behind for each core, as lines, and which limits were passed. */
function memory(place) {
  const [lines, passed] = [[], []];
  for (const [ours] of PAIRS) {
    const left = ask(place, ours, ["--expose-gc", "memory.mjs"]);
    const { calls, heap, rss, abandoned, handles } = left;
    lines.push(
      `${ours}: ${whole(calls)} calls, each in a scope, leave ${whole(heap / 1024)} KB of heap ` +
        `and ${whole(rss / 1024)} KB of memory behind, ${handles} handles and ${abandoned} open ` +
        "scopes.",
    );
    if (heap > MOST_HEAP_BYTES) passed.push(`${ours}: the heap grows`);
    if (rss > MOST_RSS_BYTES) passed.push(`${ours}: memory grows`);
    if (handles > 0 || abandoned > 0) passed.push(`${ours}: handles or scopes are left`);
  }
  return { lines, passed };
}

/** @returns Milliseconds of the first import, the fastest of many that take turns. */
function imports(place) {
  const packages = { [NATIVE]: "scopeflow", [WASM]: "scopeflow", [RELAY_NODE]: RELAY_NODE };
  const best = {};
  for (let i = 0; i < IMPORTS; i++) {
    for (const [name, imported] of Object.entries(packages)) {
      const ms = ask(place, name, ["importing.mjs", imported]);
      best[name] = Math.min(ms, best[name] ?? Infinity);
    }
  }
  const told = Object.entries(best).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`);
  const passed = [NATIVE, WASM]
    .filter((name) => best[name] > MOST_IMPORT * best[RELAY_NODE])
    .map((name) => `${name}: the import takes more than ${MOST_IMPORT} of ${RELAY_NODE}'s`);
  return { lines: [`First import: ${told.join(", ")}.`], passed };
}

// --- The whole ---

function circumstances({ node, folder }, rounds) {
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  const peers = Object.keys(PEERS)
    .map((name) => JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"))))
    .map(({ name, version }) => `${name} ${version}`);
  const date = new Date().toISOString().slice(0, 10);
  return (
    `Nanoseconds an operation, the fastest of ${rounds} repetitions. ${peers.join(", ")}; Node ` +
    `${version}; ${cpus()[0].model}, ${date}. The floor is a bare \`await\`, an async-local ` +
    "value set and set back, or the same without any of the others."
  );
}

function write(text) {
  const readme = readFileSync(README, "utf8");
  const [before, rest] = readme.split(BEGIN);
  const [, after] = rest.split(END);
  writeFileSync(README, before + BEGIN + text + END + after);
}

const { values: given } = parseArgs({
  options: {
    check: { type: "boolean" },
    write: { type: "boolean" },
    rounds: { type: "string", default: "25" },
    only: { type: "string", multiple: true },
    packed: { type: "string", default: join(root, "build/release/node/packed") },
  },
});
const rounds = Number(given.rounds);
const place = await install(resolve(given.packed));
const best = await race(place, given.only ?? Object.keys(ROWS), rounds);
const lines = [circumstances(place, rounds), "", ...raceTable(best)];
const passed = [...passedLimits(best)];
if (given.only === undefined) {
  for (const part of [memory(place), imports(place)]) {
    lines.push("", ...part.lines);
    passed.push(...part.passed);
  }
}
if (passed.length > 0) {
  lines.push("", "Limits that did not hold:", "", ...passed.map((limit) => `- ${limit}`));
}
const text = lines.join("\n") + "\n";
console.log(text);
if (given.write) write(text);
process.exitCode = passed.length > 0 && given.check ? 1 : 0;
