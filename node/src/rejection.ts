import type { ScopeflowError } from "./error.js";
import { GuardrailRejected } from "./errors.gen.js";
import { errorOf } from "./status.gen.js";

const PREFIX = "guardrail rejected: ";

/** What a call is refused with, for the reason that a guard gave (S4.5). */
export function rejection(reason: string): GuardrailRejected {
  const error = new GuardrailRejected(PREFIX + reason);
  error.reason = reason;
  return error;
}

/** The error that native middleware failed with, whose message names the kind already. */
export function nativeError(status: number, message: string): ScopeflowError {
  const error = errorOf(status, message);
  if (!(error instanceof GuardrailRejected)) return error;
  return rejection(message.startsWith(PREFIX) ? message.slice(PREFIX.length) : message);
}
