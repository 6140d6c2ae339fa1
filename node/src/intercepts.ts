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
  name: string;
  data?: unknown;
  metadata?: unknown;
  category?: string;
  /** Facts that belong to the category, an object. */
  categoryProfile?: unknown;
  /** The schema that the data follows. */
  dataSchema?: unknown;
}

/** What an intercept may return in place of its result, to leave marks with the call (S3.11). */
export class InterceptOutcome {
  /** @param result What it would have returned: the request, or the call's result. */
  constructor(
    readonly result: unknown,
    readonly pendingMarks: readonly PendingMark[] = [],
  ) {}
}

/** What an LLM request intercept may return in place of the request. */
export interface LlmRequestInterceptOutcome {
  request: LlmRequest;
  /** The annotated form of the request, if the call has a codec. */
  annotated?: unknown;
  pendingMarks?: readonly PendingMark[];
}

/** Turns requests into their annotated form and back (S4.11). */
export interface LlmCodec {
  decode(request: LlmRequest): unknown;
  /** The request with the edits of its annotated form. */
  encode(annotated: any, request: LlmRequest): LlmRequest | PromiseLike<LlmRequest>;
}

/** Turns responses into their annotated form (S2.8). */
export interface LlmResponseCodec {
  decodeResponse(response: any): unknown;
}

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

export function checkLlmRequest(value: unknown): asserts value is LlmRequest {
  if (isLlmRequest(value)) return;
  throw new InvalidArgument(
    "request must be an LlmRequest: an object of headers, an object, and content",
  );
}
