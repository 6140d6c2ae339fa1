import { coreCodecNumber } from "./core-codec.js";
import type { Core } from "./core.gen.js";
import { DecodeShape, Token, type LogLevel } from "./enums.gen.js";
import { errorMessage, errorTypeName, ownErrorName } from "./error.js";
import type { LlmRequest } from "./intercepts.js";
import { encodePayload } from "./payload.js";
import type { Refs } from "./refs.js";
import { nativeError } from "./rejection.js";
import { TokenWriter } from "./tokens.js";

/**
 * What the core calls while it runs. None of these throws, but for the last two: then the addon
 * tells the core that nothing was made. `same` and those two are asked for by native middleware
 * only, which the WebAssembly build has none of.
 */
export interface Host {
  /** Gives a reference back that the core had taken. */
  release(ref: number): void;
  /**
   * Gives the tokens of exactly one value, as a view that is good until the next call.
   *
   * @param limit Bytes of JSON text after which nothing more is visited.
   */
  encode(ref: number, limit: number): Uint8Array;
  /** Gives those of an object with the members `type` and `message`. */
  describeError(ref: number): Uint8Array;
  /** Puts such tokens on a tape, which the addon does by itself. */
  put(tape: number, tokens: Uint8Array): void;
  /** Whether two references mean the same object, 1 or 0 (S3.10). */
  same(a: number, b: number): number;
  /** What a codec of a call is: its `codec_id` and 1 if it is one of the core's own, else 0. */
  coreCodec(ref: number): number;
  /** Takes a message about a failure that nobody is told of by other means (S5.7). */
  log(level: LogLevel, address: number, size: number): void;
  /** Makes a value of JSON text at an address of the core's memory. Gives the reference. */
  decode(address: number, size: number, shape: DecodeShape): number;
  /** Makes one of our own errors. Gives the reference. */
  makeError(status: number, address: number, size: number): number;
}

/**
 * @param core Gives the core that calls; it is made with this host, so it does not exist yet.
 * @param log Takes what the core logs.
 */
export function createHost(
  refs: Refs,
  core: () => Core,
  log: (level: LogLevel, message: string) => void,
): Host {
  return {
    release: (ref) => refs.release(ref),
    encode: (ref, limit) => encodePayload(refs.get(ref), limit),
    describeError: (ref) => describeError(refs.get(ref)),
    put: (tape, tokens) => core().tapePutTokens(tape, tokens),
    same: (a, b) => Number(Object.is(refs.get(a), refs.get(b))),
    coreCodec: (ref) => coreCodecNumber(refs.get(ref)),
    log: (level, address, size) => log(level, core().text(address, size)),
    decode: (address, size, shape) => refs.lend(decode(core().text(address, size), shape)),
    makeError: (status, address, size) =>
      refs.lend(nativeError(status, core().text(address, size))),
  };
}

/** The core knows that the text is JSON, and that what is to be a request has what makes one. */
function decode(json: string, shape: DecodeShape): unknown {
  const value: unknown = JSON.parse(json);
  if (shape !== DecodeShape.LlmRequest) return value;
  const { headers, content } = value as LlmRequest;
  return { headers, content };
}

function describeError(error: unknown): Uint8Array {
  const writer = new TokenWriter();
  writer.mark(Token.Object);
  writer.text(Token.String, "type");
  writer.text(
    Token.String,
    textOf(() => errorTypeName(error)),
  );
  writer.text(Token.String, "message");
  writer.text(
    Token.String,
    textOf(() => errorMessage(error)),
  );
  const own = ownErrorName(error);
  if (own) {
    writer.text(Token.String, "status");
    writer.text(Token.String, own);
  }
  writer.mark(Token.End);
  return writer.row;
}

/** A text that the application's own code gives, which may fail or give something else. */
function textOf(read: () => unknown): string {
  try {
    const text = read();
    return typeof text === "string" ? text : "";
  } catch {
    return "";
  }
}
