import type { AnnotatedLlmRequest, AnnotatedLlmResponse } from "./codec-forms.gen.js";
import type { Core, EncodedLine } from "./core.gen.js";
import { EventFields } from "./event.gen.js";
import { INSPECT, type Inspect } from "./inspection.js";
import { OpenLine } from "./open-line.js";

/**
 * An event in ATOF 0.1 (S2), as of its emission: what the application changes later is not seen in
 * it. Each subscriber gets an object of its own and may keep it. The text is parsed when a member
 * is first read; integers beyond ±(2^53-1) are exact in `json` only.
 */
export class Event extends EventFields {
  // Not shown by whatever looks at objects: a request has its credentials until it is written.
  #line: EncodedLine | OpenLine;
  #core: Core | undefined;
  #parsed: Record<string, unknown> | undefined;

  /** @param line The event as one line of JSON text, without a line end. */
  constructor(line: string);
  /** @internal Or in the form that a core has it in. */
  constructor(line: EncodedLine, core: Core);
  /** @internal Or as one that lacks its data. */
  constructor(line: OpenLine);
  constructor(line: EncodedLine | OpenLine, core?: Core) {
    super();
    this.#line = line;
    this.#core = core;
  }

  /** The event as one line of JSON text, without a line end. */
  get json(): string {
    const line = this.#line;
    if (line instanceof OpenLine) return line.json;
    const core = this.#core;
    if (core === undefined) return line as string;
    this.#core = undefined;
    return (this.#line = core.lineText(line));
  }

  /** When it happened, to the millisecond; `timestamp` has all nine digits. */
  get time(): Date {
    return new Date(this.timestamp);
  }

  /** Of an LLM call, the annotated form of its request (S2.8). */
  get annotated_request(): AnnotatedLlmRequest | undefined {
    return this.category_profile?.["annotated_request"] as AnnotatedLlmRequest | undefined;
  }

  /** Of an LLM call, the annotated form of its response (S2.8). */
  get annotated_response(): AnnotatedLlmResponse | undefined {
    return this.category_profile?.["annotated_response"] as AnnotatedLlmResponse | undefined;
  }

  /** The event as a plain object. */
  toJSON(): Record<string, unknown> {
    if (this.#parsed !== undefined) return this.#parsed;
    const line = this.#line;
    return (this.#parsed = line instanceof OpenLine ? line.fill() : parse(this.json));
  }

  /** What Node shows of it: its members. */
  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return `Event ${inspect(this.toJSON(), options)}`;
  }

  /** Data that nobody looks at becomes no text. */
  protected override field(key: string): unknown {
    const line = this.#line;
    const needsNoData = key !== "data" && line instanceof OpenLine;
    return needsNoData ? line.facts[key] : this.toJSON()[key];
  }
}

function parse(json: string): Record<string, unknown> {
  return JSON.parse(json) as Record<string, unknown>;
}

/** What a sanitizer of events may change of one (S3.12). */
export interface EventSanitizeFields {
  /** Any JSON value; null withholds it. */
  data?: unknown;
  /** An object, or null. */
  metadata?: unknown;
  /** An object, or null; names and annotations stand in it. */
  category_profile?: unknown;
}
