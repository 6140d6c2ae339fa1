import type { Event } from "./event.js";

/*
 * Events as text, with times and outcomes, as the command `scopeflow tree` of the Python package
 * shows them.
 */

const NAME_LIMIT = 80;
const DETAIL_LIMIT = 100;
const LABEL_WIDTH_LIMIT = 72;
const DURATION_WIDTH = 9;

/** Of the counts, as OpenAI's chat completions call them, and as its responses and others do. */
const PROMPT_NAMES = ["prompt_tokens", "input_tokens"];
const COMPLETION_NAMES = ["completion_tokens", "output_tokens"];

type Members = Record<string, unknown>;

/** How many tokens calls of models took, for prompts and for what came back. */
interface Tokens {
  readonly prompt: number;
  readonly completion: number;
  /** Undefined where that of one call is not known, or they are not of one currency. */
  readonly cost: number | undefined;
  readonly currency: string;
}

const NO_TOKENS: Tokens = { prompt: 0, completion: 0, cost: 0, currency: "" };

/** A scope, a call or a mark. */
interface Node {
  /** Its start; its end if no start was seen; the mark. */
  readonly event: Event;
  readonly parent: Node | undefined;
  readonly children: Node[];
  end: Event | undefined;
  /** What calls of models took, here and below. */
  tokens: Tokens;
}

interface Line {
  readonly label: string;
  readonly time: string;
  readonly status: string;
}

/** All trees that the events make up, in order of their starts, a line for each scope and mark. */
export function treeOf(events: Iterable<Event>): string {
  return nodesOf(events).flatMap(linesOf).join("\n");
}

// --- Events to nodes ---

/** The topmost ones. */
function nodesOf(events: Iterable<Event>): Node[] {
  const roots: Node[] = [];
  const scopes = new Map<string, Node>();
  for (const event of events) {
    const phase = event.scope_category;
    let node = phase === "end" ? scopes.get(event.uuid) : undefined;
    if (node === undefined) {
      const parent = scopes.get(event.parent_uuid ?? "");
      node = { event, parent, children: [], end: undefined, tokens: NO_TOKENS };
      (parent?.children ?? roots).push(node);
      if (phase !== undefined) scopes.set(event.uuid, node);
    }
    if (phase !== "end") continue;
    node.end = event;
    countTokens(node);
  }
  return roots;
}

/** Counts what the call of a model took, once it has ended, for all that it belongs to. */
function countTokens(node: Node): void {
  if (node.event.category !== "llm") return;
  const said = saidTokens(node.end!);
  const taken = said === NO_TOKENS ? node.tokens : said;
  node.tokens = taken;
  for (let above = node.parent; above !== undefined; above = above.parent) {
    above.tokens = sum(above.tokens, taken);
    // A call that makes others tells their sum by itself, or hands it on at its own end.
    if (above.event.category === "llm") break;
  }
}

/** A codec counts all that went in as the prompt; some providers leave out what a cache had. */
function saidTokens({ annotated_response, data }: Event): Tokens {
  const annotated = members(members(annotated_response)["usage"]);
  const isThere = Object.keys(annotated).length > 0;
  const usage = isThere ? annotated : members(members(data)["usage"]);
  const prompt = countIn(usage, PROMPT_NAMES);
  const completion = countIn(usage, COMPLETION_NAMES);
  if (prompt + completion === 0) return NO_TOKENS;
  const { total, currency } = members(usage["cost"]) as { total?: unknown; currency?: unknown };
  const isKnown = typeof total === "number" && total >= 0 && total < Infinity;
  if (!isKnown) return { prompt, completion, cost: undefined, currency: "" };
  return { prompt, completion, cost: total, currency: text(currency) };
}

function sum(one: Tokens, other: Tokens): Tokens {
  if (one === NO_TOKENS || other === NO_TOKENS) return one === NO_TOKENS ? other : one;
  const prompt = one.prompt + other.prompt;
  const completion = one.completion + other.completion;
  const { currency } = one;
  if (one.cost === undefined || other.cost === undefined || currency !== other.currency) {
    return { prompt, completion, cost: undefined, currency: "" };
  }
  return { prompt, completion, cost: one.cost + other.cost, currency };
}

function countIn(usage: Members, names: readonly string[]): number {
  const counts = names.map((name) => usage[name]);
  const found = counts.find((count) => Number.isSafeInteger(count) && (count as number) >= 0);
  return (found as number | undefined) ?? 0;
}

// --- Nodes to lines ---

function linesOf(root: Node): string[] {
  const lines = [...walk(root)];
  const widths = lines.map(({ label }) => lengthOf(label));
  const width = Math.min(Math.max(...widths), LABEL_WIDTH_LIMIT);
  return lines.map(({ label, time, status }, index) => {
    const padding = " ".repeat(Math.max(0, width - widths[index]!));
    return `${label}${padding}  ${time.padStart(DURATION_WIDTH)}  ${status}`.trimEnd();
  });
}

/** Without recursion, for a program decides how deep the tree is. */
function* walk(root: Node): Generator<Line> {
  const pending: [Node, string, string][] = [[root, "", ""]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [node, head, tail] = next;
    yield lineOf(node, head);
    for (const child of [...node.children].reverse()) {
      const isLast = child === node.children.at(-1);
      pending.push([child, tail + (isLast ? "└─ " : "├─ "), tail + (isLast ? "   " : "│  ")]);
    }
  }
}

function lineOf(node: Node, head: string): Line {
  const { event } = node;
  const name = escape(event.name, NAME_LIMIT) || "?";
  if (event.kind === "mark") {
    return { label: `${head}◆ ${name}`, time: offsetOf(node), status: markStatus(event.data) };
  }
  const category = escape(categoryOf(event), NAME_LIMIT) || "unknown";
  const isShown =
    node.tokens !== NO_TOKENS && (event.category === "agent" || event.category === "llm");
  const status = scopeStatus(node) + (isShown ? `  ${tokensText(node.tokens)}` : "");
  return { label: `${head}${category} ${name}`, time: durationOf(node), status };
}

/** A category, of a custom one with its subtype. */
function categoryOf({ category, category_profile }: Event): string {
  const subtype = members(category_profile)["subtype"];
  return typeof subtype === "string" ? `${category}:${subtype}` : (category ?? "");
}

function tokensText({ prompt, completion, cost, currency }: Tokens): string {
  const text = `${grouped(prompt)} + ${grouped(completion)} tokens`;
  if (cost === undefined || currency === "") return text;
  return `${text}, ${sixDigits(cost)} ${escape(currency, NAME_LIMIT)}`;
}

/** With as many digits as say something, as the `g` of other languages does. */
function sixDigits(value: number): string {
  const [digits, power] = value.toExponential(5).split("e") as [string, string];
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return String(Number(value.toPrecision(6)));
  const sign = exponent < 0 ? "-" : "+";
  return `${Number(digits)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

function scopeStatus({ event, end }: Node): string {
  if (end === undefined) return "no end";
  const said = members(end.metadata);
  const status = outcomeText(said);
  return end === event ? `${status} (no start)` : status;
}

function outcomeText(metadata: Members): string {
  const code = metadata["otel.status_code"];
  if (code !== "ERROR") return code === "OK" ? "OK" : "-";
  const message = text(metadata["otel.status_description"]);
  const type = text(metadata["error.type"]);
  if (type === "guardrail_rejected") return withDetail("refused", message);
  const kind = type === "" || type === "exception" ? text(metadata["exception.type"]) : type;
  return withDetail("ERROR", [kind, message].filter((part) => part !== "").join(": "));
}

/** What a mark says; of what the runtime leaves of a call that did not begin, the outcome. */
function markStatus(data: unknown): string {
  const said = members(data);
  if (said["rejected"] === true) return withDetail("refused", text(said["rejection_reason"]));
  if (said["failed"] === true) {
    const error = members(said["error"]);
    const parts = [said["registration"], error["type"], error["message"]].map(text);
    return withDetail("ERROR", parts.filter((part) => part !== "").join(": "));
  }
  return data === null || data === undefined ? "" : escape(spacedJson(data), DETAIL_LIMIT);
}

function withDetail(status: string, detail: string): string {
  return detail === "" ? status : `${status}: ${escape(detail, DETAIL_LIMIT)}`;
}

/** On one line, with a space behind each comma and colon. */
function spacedJson(data: unknown): string {
  // Line ends stand between the parts only: inside a text they are escaped.
  return JSON.stringify(data, null, 1)
    .replace(/([[{])\n */g, "$1")
    .replace(/\n *([\]}])/g, "$1")
    .replace(/,\n */g, ", ");
}

// --- Text for terminals ---

/**
 * A text in a form that is safe to print on one line: control, format and bidirectional characters,
 * line separators and lone surrogates become escapes such as `\x1b`. A longer one than `limit`
 * characters is cut.
 */
function escape(value: string, limit: number): string {
  const characters = [...value];
  if (characters.length > limit) characters.splice(limit - 1, characters.length, "…");
  const isSafe = (each: string): boolean => /^[^\p{C}\p{Z}]$|^ $/u.test(each);
  return characters.map((each) => (isSafe(each) ? each : escaped(each))).join("");
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  if (code === 0xa0) return " "; // A no-break space looks like a space and does no harm.
  const digits = code.toString(16);
  if (code <= 0xff) return `\\x${digits.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

function offsetOf({ event, parent }: Node): string {
  return parent === undefined ? "" : `+${duration(timeOf(event) - timeOf(parent.event))}`;
}

function durationOf({ event, end }: Node): string {
  return end === undefined || end === event ? "-" : duration(timeOf(end) - timeOf(event));
}

/** Nanoseconds since 1970. */
function timeOf({ timestamp }: Event): bigint {
  const fraction = /\.(\d+)/.exec(timestamp)?.[1] ?? "";
  const seconds = BigInt(Date.parse(timestamp.replace(/\.\d+/, ""))) / 1000n;
  return seconds * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** A duration in the unit that keeps it readable. */
function duration(ns: bigint): string {
  const value = Number(ns);
  if (value < 0) return `-${duration(-ns)}`;
  if (value < 1e4) return `${(value / 1e3).toFixed(1)} µs`;
  if (value < 1e6) return `${Math.floor(value / 1e3)} µs`;
  if (value < 1e9) return `${(value / 1e6).toFixed(1)} ms`;
  if (value < 60e9) return `${(value / 1e9).toFixed(2)} s`;
  const seconds = Math.floor(value / 1e9);
  const minutes = Math.floor(seconds / 60);
  const two = (count: number): string => String(count % 60).padStart(2, "0");
  if (minutes < 60) return `${minutes} m ${two(seconds)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes)} m`;
}

function lengthOf(value: string): number {
  return [...value].length;
}

function members(value: unknown): Members {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Members) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
