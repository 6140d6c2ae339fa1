/** The base of the errors that the runtime itself raises (S7.1). Its subclasses are generated. */
export abstract class ScopeflowError extends Error {
  /** The reason that a guardrail gave, for `guardrail_rejected`. */
  reason?: string;
  /** The error's name in the contract, such as `not_found`. */
  readonly code: string;
  /** Its number, the same in every language. */
  readonly status: number;

  /**
   * @param code As `code`.
   * @param status As `status`.
   * @param message What went wrong, where, and which limit or value.
   */
  protected constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * Whether an error is the host's own cancellation: what an `AbortSignal` gives as its reason by
 * default, and what libraries throw when they are aborted.
 */
export function isCancellation(error: unknown): boolean {
  return look(() => error instanceof Error && error.name === "AbortError", false);
}

/** The number of one of the runtime's own errors, 0 for all others. */
export function statusOf(error: unknown): number {
  return look(() => (error instanceof ScopeflowError ? error.status : 0), 0);
}

/** The name of one of the runtime's own errors in every language, empty for all others. */
export function ownErrorName(error: unknown): string {
  return look(() => (error instanceof ScopeflowError ? error.code : ""), "");
}

/** Looks at what was thrown, which may be anything: a look may throw, too. */
function look<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
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

/** The text of anything that can be thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
