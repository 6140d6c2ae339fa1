import type { LlmCodec } from "./intercepts.js";
import type { CallEndOptions, LlmCallOptions } from "./options.js";
import { ScopeHandle } from "./scope.js";

/*
 * Optional arguments may be given as one object of options, or by position as in the peers'
 * package: what tells the two apart, and what turns the peers' codecs, which are single functions,
 * into ours.
 */

export type Maybe<T> = T | null | undefined;

/** Turns a request into its annotated form, as the peers' functions take it by position. */
export type CodecDecode = (request: any) => unknown;

/** The way back, which the peers' functions give one object. */
export type CodecEncode = (given: { annotated: any; original: any }) => any;

/** Whether the first optional argument is the options. A handle in its place is the parent's. */
export function isOptions<T extends object>(given: unknown): given is T {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  return !(given instanceof ScopeHandle);
}

/** The options of a model's call, with codecs of single functions. */
export function withCodecs<T extends LlmCallOptions>(
  options: T,
  decode: Maybe<CodecDecode>,
  encode: Maybe<CodecEncode>,
  decodeResponse: Maybe<CodecDecode>,
): T {
  const responseCodec = decodeResponse ? { decodeResponse } : undefined;
  return { ...options, codec: codecOf(decode, encode), responseCodec };
}

/** The codec of a request. Without both ways there is none, as in the peers' package. */
function codecOf(decode: Maybe<CodecDecode>, encode: Maybe<CodecEncode>): LlmCodec | undefined {
  if (!decode || !encode) return undefined;
  return { decode, encode: (annotated, original) => encode({ annotated, original }) };
}

const END_OPTIONS = new Set([
  ...["data", "metadata", "status", "error", "timestamp"],
  ...["annotation", "annotatedResponse", "responseCodec"],
]);

/**
 * The options at the end of a call. What stands in the place of the first optional argument is the
 * options if it alone is given and all its members are options, else the end event's `data`.
 */
export function endOptions<T extends CallEndOptions>(
  first: unknown,
  metadata: unknown,
  timestamp: CallEndOptions["timestamp"],
): T {
  const isAlone = (metadata ?? undefined) === undefined && (timestamp ?? undefined) === undefined;
  if (isAlone && isOptions<T>(first)) {
    if (Object.keys(first).every((name) => END_OPTIONS.has(name))) return first;
  }
  return { data: first, metadata, timestamp } as T;
}
