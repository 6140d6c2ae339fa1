import type { CodecName } from "./core-codec.js";
import type { EndStatus, LogLevel } from "./enums.gen.js";
import type { LlmCodec, LlmResponseCodec } from "./intercepts.js";
import type { RuntimeNewOptions } from "./operations.gen.js";
import type { ScopeHandle } from "./scope.js";
import type { LogSeverity } from "./severity.js";
import type { Timestamp } from "./time.js";

/** How a runtime is made. */
export interface RuntimeOptions extends Omit<RuntimeNewOptions, "flags"> {
  /** Ids count up and the clock is counted, for tests. */
  deterministic?: boolean;
  /** Payloads are written in RFC 8785 form (S2.7). */
  canonical?: boolean;
  /**
   * Takes what failed without a caller to be told, such as a subscriber (S5.7); `console.error` by
   * default.
   *
   * @param message Who failed, and with what.
   * @param error What was thrown, where something was.
   * @param level How grave it is.
   */
  log?: (message: string, error: unknown, level: LogLevel) => void;
}

/** What can be said when a scope is opened. What is undefined or null is absent. */
export interface PushOptions {
  /** An open scope to be the parent instead of the current one. */
  parent?: ScopeHandle | null;
  /** `ScopeAttributes`. */
  attributes?: number | null;
  /** Subtype of a custom scope; its name by default. */
  subtype?: string | null;
  /** Stays on the handle (S1.4). */
  data?: unknown;
  /** The start event's metadata; kept for the end event. */
  metadata?: unknown;
  /** The start event's data. */
  input?: unknown;
  /** When it started; now by default. */
  timestamp?: Timestamp | null;
}

/** What can be said with a mark. What is undefined or null is absent. */
export interface EventOptions {
  /** An open scope to stand under instead of the current one. */
  parent?: ScopeHandle | null;
  /** What happened. */
  data?: unknown;
  /** What else is to be known of it; an object where there is a severity. */
  metadata?: unknown;
  /** The mark's category. */
  category?: string | null;
  /** Facts that belong to the category. */
  categoryProfile?: object | null;
  /** The schema that the data follows. */
  dataSchema?: object | null;
  /** How grave it is: a member of the metadata, which then is an object. */
  severity?: LogSeverity | null;
  /** When it happened; now by default. */
  timestamp?: Timestamp | null;
}

/** What can be said with a managed tool call. What is undefined or null is absent. */
export interface ToolCallOptions {
  /** An open scope to be the parent instead of the current one. */
  parent?: ScopeHandle | null;
  /** `ToolAttributes`. */
  attributes?: number | null;
  /** Used as the end event's data when the target returns nothing (S2.5). */
  data?: unknown;
  /** The start event's metadata; kept for the end event. */
  metadata?: unknown;
  /** The provider's id of this call. */
  toolCallId?: string | null;
  /** When it started; now by default. */
  timestamp?: Timestamp | null;
  /**
   * Cancels the call: it ends as cancelled and rejects with the signal's reason. One that was
   * aborted before lets nothing begin. What takes a signal as its second argument gets one, too.
   */
  signal?: AbortSignal | null;
}

/** What can be said with a managed LLM call. What is undefined or null is absent. */
export interface LlmCallOptions extends Omit<ToolCallOptions, "toolCallId"> {
  /** The name of the model. */
  modelName?: string | null;
  /** For requests (S4.11): a codec, or the name of one, such as "auto". */
  codec?: LlmCodec | CodecName | null;
  /** For responses (S2.8): a codec, or the name of one, such as "auto". */
  responseCodec?: LlmResponseCodec | CodecName | null;
}

/** What can be said with a streamed LLM call. What is undefined or null is absent. */
export interface LlmStreamOptions extends LlmCallOptions {
  /** Gets each chunk before the consumer. One that throws ends the stream with its error. */
  collector?: ((chunk: any) => unknown) | null;
  /** Gives the response of the end event, whatever ended the stream but a drop. */
  finalizer?: (() => unknown) | null;
  /** Emits a mark for each chunk, with its number, never the chunk. */
  chunkMarks?: boolean | null;
}

/** What can be said when a tool call begins that the application runs by itself (S4.8). */
export type ToolBeginOptions = Omit<ToolCallOptions, "data" | "signal">;

/** What can be said when an LLM call begins that the application runs by itself (S4.8). */
export interface LlmBeginOptions extends Omit<
  LlmCallOptions,
  "data" | "responseCodec" | "signal"
> {
  /** The annotated form of the request (S2.8). */
  annotatedRequest?: unknown;
}

/** What can be said at the end of a call that the application ran by itself (S4.8). */
export interface CallEndOptions {
  /** Used as the end event's data when there is no response (S2.5). */
  data?: unknown;
  /** Merged over the start's metadata (S2.5). */
  metadata?: unknown;
  /** How it ended; unset by default. */
  status?: EndStatus | null;
  /** What it failed with; described in the end event's metadata. */
  error?: unknown;
  /** When it ended; now by default. */
  timestamp?: Timestamp | null;
}

/** What can be said at the end of a tool call that the application ran by itself (S4.8). */
export interface ToolEndOptions extends CallEndOptions {
  /** What else is to be known of the response; a sanitizer that changes that takes it away. */
  annotation?: unknown;
}

/** What can be said at the end of an LLM call that the application ran by itself (S4.8). */
export interface LlmEndOptions extends CallEndOptions {
  /** The annotated form of the response (S2.8). */
  annotatedResponse?: unknown;
  /** For responses (S2.8): a codec, or the name of one, such as "auto". */
  responseCodec?: LlmResponseCodec | CodecName | null;
}
