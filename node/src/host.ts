import type { Core } from "./core.gen.js";
import { Token } from "./enums.gen.js";
import { errorMessage, errorTypeName, ownErrorName } from "./error.js";
import { encodePayload } from "./payload.js";
import type { Refs } from "./refs.js";
import { TokenWriter } from "./tokens.js";

/** What the core calls while it runs. None of these throws. */
export interface Host {
  /** Gives a reference back that the core had taken. */
  release(ref: number): void;
  /**
   * Puts exactly one value on a tape.
   *
   * @param limit Bytes of JSON text after which nothing more is visited.
   */
  encode(ref: number, tape: number, limit: number): void;
  /** Puts an object with the members `type` and `message` on a tape. */
  describeError(ref: number, tape: number): void;
}

/** @param core Gives the core that calls; it is made with this host, so it does not exist yet. */
export function createHost(refs: Refs, core: () => Core): Host {
  return {
    release: (ref) => refs.release(ref),
    encode: (ref, tape, limit) =>
      encodePayload(refs.get(ref), limit, (tokens) => core().tapePutTokens(tape, tokens)),
    describeError: (ref, tape) => core().tapePutTokens(tape, describeError(refs.get(ref))),
  };
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
