/** The base of the errors that the runtime itself raises (S7.1). Its subclasses are generated. */
export abstract class ScopeflowError extends Error {
  /** The reason that a guardrail gave, for `guardrail_rejected`. */
  reason?: string;

  /**
   * @param code The error's name in the contract, such as `not_found`.
   * @param status Its number, the same in every language.
   * @param message What went wrong, where, and which limit or value.
   */
  protected constructor(
    readonly code: string,
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Whether an error is the host's own cancellation: what an `AbortSignal` gives as its reason by
 * default, and what libraries throw when they are aborted.
 */
export function isCancellation(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** The unqualified class name of anything that can be thrown (S2.4). */
export function errorTypeName(error: unknown): string {
  if (!(error instanceof Error)) return error === null ? "null" : typeof error;
  const className = error.constructor?.name;
  // Platform errors are of one class and told apart by name; ours keep theirs through a minifier.
  const isNamedByProperty =
    !className ||
    className === "Error" ||
    className === "DOMException" ||
    error instanceof ScopeflowError;
  return isNamedByProperty ? error.name : className;
}
