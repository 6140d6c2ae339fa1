import type { Event, EventSanitizeFields } from "./event.js";
import type { ScopeHandle } from "./scope.js";

/** What middleware is told beside its arguments, as a last one that it may leave out (S3.9). */
export interface CallbackContext {
  /** The name of what is called, or of the event. */
  readonly target: string;
  /** The scope that the work belongs to. */
  readonly scope: ScopeHandle;
  /** The provider's id of a tool call, if it has one. */
  readonly toolCallId: string | undefined;
  /** The name of the model of an LLM call, if it has one. */
  readonly modelName: string | undefined;
}

/** What a callback can be given; its registry says which of it, in which order. */
export interface CallbackArguments {
  readonly name: string;
  readonly request: any;
  readonly response: any;
  readonly annotated: any;
  readonly next: (request: any) => any;
  readonly event: Event;
  readonly fields: EventSanitizeFields;
  readonly kinds: number;
  readonly registration: string;
  readonly context: CallbackContext;
}

/** What is to be known of a registry to call what was registered there. */
export interface Registry {
  /** What its callables are called in texts. */
  readonly title: string;
  /** What a callable answers: a `reason` to refuse, a `request`, `nothing` and so on. */
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
