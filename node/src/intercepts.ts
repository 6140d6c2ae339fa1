import { InvalidArgument } from "./errors.gen.js";

/** A request to a language model: an object of these two members and no other. */
export interface LlmRequest {
  /** Headers of the transport. Observers never see the credentials among them (S3.6). */
  headers: any;
  /** What the provider gets. */
  content: any;
}

/**
 * A request as an object of a class; a plain one of the two members does as well. Headers that are
 * no object become `{}`.
 *
 * @example
 * const request = new LlmRequest({ "x-trace": "1" }, { model: "m", messages: [] });
 */
export const LlmRequest = class LlmRequest {
  headers: any;
  content: any;

  constructor(headers: any, content: any) {
    this.headers = isObject(headers) ? headers : {};
    this.content = content;
  }

  /** Does nothing: nothing has to be given back. Programs for the peers' package call it. */
  free(): void {}
};

/** What an LLM request intercept gets. */
export interface LlmRequestInterceptArgs {
  /** The name of what is called. */
  name: string;
  /** A private copy (S3.10). */
  request: LlmRequest;
  /** What the codec made of it; null where the call has no codec (S4.11). */
  annotated: any;
}

/** A mark that an intercept leaves with its call; it follows the end, as a child (S3.11). */
export interface PendingMark {
  /** What the mark is called. */
  name: string;
  /** Any value. */
  data?: unknown;
  /** Any value; an object in most cases. */
  metadata?: unknown;
  /** The mark's category; none by default. */
  category?: string;
  /** Facts that belong to the category, an object. */
  categoryProfile?: unknown;
  /** The schema that the data follows. */
  dataSchema?: unknown;
}

/** What an intercept may return in place of its result, to leave marks with the call (S3.11). */
export class InterceptOutcome {
  /**
   * @param result As `result`.
   * @param pendingMarks As `pendingMarks`; none by default.
   * @example
   * const mark = { name: "shortened", data: { from: 812, to: 400 } };
   * registerToolRequestIntercept("shorten", 0, false, (name, args) =>
   *   new InterceptOutcome({ ...args, limit: 400 }, [mark]),
   * );
   */
  constructor(
    /** What it would have returned: the request, or the call's result. */
    readonly result: unknown,
    /** They follow the call's end, in this order. */
    readonly pendingMarks: readonly PendingMark[] = [],
  ) {}
}

/** What an LLM request intercept may return in place of the request. */
export interface LlmRequestInterceptOutcome {
  /** The request that goes on. */
  request: LlmRequest;
  /** The annotated form of the request, if the call has a codec. */
  annotated?: unknown;
  /** Marks that are left with the call; none by default. */
  pendingMarks?: readonly PendingMark[];
}

/** Turns requests into their annotated form and back (S4.11). */
export interface LlmCodec {
  /** The annotated form of a request, an object. What it throws fails the call. */
  decode(request: LlmRequest): unknown;
  /** The request with the edits of its annotated form. */
  encode(annotated: any, request: LlmRequest): LlmRequest | PromiseLike<LlmRequest>;
}

/** Turns responses into their annotated form (S2.8). */
export interface LlmResponseCodec {
  /** The annotated form of a response. What it throws is logged; the event goes without. */
  decodeResponse(response: any): unknown;
}

/** @internal */
export function isLlmRequest(value: unknown): value is LlmRequest {
  return (
    isObject(value) &&
    "headers" in value &&
    "content" in value &&
    Object.keys(value).length === 2 &&
    isObject(value.headers)
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @internal */
export function checkLlmRequest(value: unknown): asserts value is LlmRequest {
  if (isLlmRequest(value)) return;
  throw new InvalidArgument(
    "request must be an LlmRequest: an object of headers, an object, and content",
  );
}
