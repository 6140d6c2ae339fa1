import { beginHelper, beginTool, endTool, manualTool, promised } from "./calls.js";
import { CallFlags } from "./enums.gen.js";
import type { ToolHandle } from "./handles.js";
import { toolConditionalExecution, toolRequestIntercepts } from "./operations.gen.js";
import type { ToolBeginOptions, ToolCallOptions, ToolEndOptions } from "./options.js";
import { endOptions, isOptions, type Maybe } from "./positional.js";
import { RuntimeScopes } from "./runtime-scopes.js";
import type { ScopeHandle } from "./scope.js";
import type { Timestamp } from "./time.js";

/** The part of `Runtime` that calls tools. */
export abstract class RuntimeTools extends RuntimeScopes {
  /**
   * Runs a tool under management: guards, request intercepts, start event, execution intercepts
   * around the function, end event (S4.1). The promise gives the function's own result, or its own
   * error, untouched.
   *
   * @param args What the guards see and the function gets.
   * @param func Runs with the call's own span as the current scope (S4.6). May return a promise. If
   *   it takes a second argument, that is an AbortSignal: see `ToolCallOptions.signal`.
   * @returns Rejected with GuardrailRejected if a guard refuses, with the reason of a signal that
   *   was aborted, and with what middleware or the function throws.
   * @example
   * const page = await toolCallExecute("fetch", url, (url, signal) => fetch(url, { signal }), {
   *   signal: AbortSignal.timeout(5000),
   * });
   */
  toolCallExecute<A, R>(
    name: string,
    args: A,
    func: (args: A, signal: AbortSignal) => R | PromiseLike<R>,
    handle?: Maybe<ScopeHandle | ToolCallOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    toolCallId?: Maybe<string>,
  ): Promise<R> {
    const options = isOptions<ToolCallOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, toolCallId };
    return promised(() => beginTool(this.self, name, args, func, options, CallFlags.None));
  }

  /** The same for a function that returns no promise. Refuses middleware that is declared async. */
  toolCallExecuteSync<A, R>(
    name: string,
    args: A,
    func: (args: A, signal: AbortSignal) => R,
    options?: Maybe<ToolCallOptions>,
  ): R {
    return beginTool(this.self, name, args, func, options ?? {}, CallFlags.Sync).run() as R;
  }

  /** Runs only the request intercepts of a tool; gives the request that comes out (S4.9). */
  toolRequestIntercepts(name: string, args: unknown): Promise<any> {
    return promised(() =>
      beginHelper(this.self, toolRequestIntercepts, name, args, CallFlags.None),
    );
  }

  /** The same at once. Refuses intercepts that are declared async. */
  toolRequestInterceptsSync(name: string, args: unknown): any {
    return beginHelper(this.self, toolRequestIntercepts, name, args, CallFlags.Sync).run();
  }

  /** Runs only the guards of a tool (S4.9). Rejected with GuardrailRejected if one refuses. */
  toolConditionalExecution(name: string, args: unknown): Promise<void> {
    return promised(() =>
      beginHelper(this.self, toolConditionalExecution, name, args, CallFlags.None),
    );
  }

  /** The same at once. Refuses guards that are declared async. */
  toolConditionalExecutionSync(name: string, args: unknown): void {
    beginHelper(this.self, toolConditionalExecution, name, args, CallFlags.Sync).run();
  }

  /**
   * Begins a tool call that the application runs by itself (S4.8). It does not become current.
   *
   * @throws InvalidArgument, InvalidState, LimitExceeded, NoMemory.
   * @example
   * const call = toolCall("search", { q: "x" });
   * toolCallEnd(call, await search("x"));
   */
  toolCall(
    name: string,
    args: unknown,
    handle?: Maybe<ScopeHandle | ToolBeginOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    toolCallId?: Maybe<string>,
    timestamp?: Maybe<Timestamp>,
  ): ToolHandle {
    const options: ToolBeginOptions & { data?: unknown } = isOptions<ToolBeginOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, toolCallId, timestamp };
    return manualTool(this.self, name, args, options);
  }

  /**
   * Ends a call that `toolCall` began, with its response or its error.
   *
   * @param data The end event's data where there is no response (S2.5), or the options: an object
   *   is the options if all its members are and nothing follows.
   * @throws InvalidArgument, NotFound if it has ended, InvalidState.
   */
  toolCallEnd(
    handle: ScopeHandle,
    response?: unknown,
    data?: unknown | ToolEndOptions,
    metadata?: unknown,
    timestamp?: Maybe<Timestamp>,
  ): void {
    endTool(this.self, handle, response, endOptions<ToolEndOptions>(data, metadata, timestamp));
  }
}
