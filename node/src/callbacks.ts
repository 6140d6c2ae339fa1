import type { Event } from "./event.js";
import type { ScopeHandle } from "./scope.js";

/** What a guard is told beside its arguments, as a last argument that it may leave out (S3.9). */
export interface CallbackContext {
  /** The name of what is called. */
  readonly target: string;
  /** The scope under which the callback runs: the caller's. */
  readonly scope: ScopeHandle;
  /** The provider's id of the call, if it has one. */
  readonly toolCallId: string | undefined;
}

/** What a callback can be given; its registry says which of it, in which order. */
export interface CallbackArguments {
  readonly name?: string;
  readonly request?: unknown;
  readonly event?: Event;
  readonly context?: CallbackContext;
}

/** What is to be known of a registry to call what was registered there. */
export interface Registry {
  /** What its callables are called in texts. */
  readonly title: string;
  /** What a callable answers: a `reason` to refuse, or `nothing`. */
  readonly answer: string;
  readonly acceptsAsync: boolean;
  call(callable: Function, given: CallbackArguments): unknown;
}

const AsyncFunction = (async () => {}).constructor;
const AsyncGeneratorFunction = async function* () {}.constructor;

/** Whether a function is declared async, so that it surely gives a promise. */
export function isDeclaredAsync(callable: Function): boolean {
  return callable instanceof AsyncFunction || callable instanceof AsyncGeneratorFunction;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** Lets go of a promise that nobody will wait for: its rejection must not end the process. */
export function disown(promise: PromiseLike<unknown>): void {
  promise.then(undefined, () => {});
}
