import { beginHelper, beginLlm, beginStream, endLlm, manualLlm, promised } from "./calls.js";
import { checkFunction } from "./checks.js";
import type { Operation } from "./driver.js";
import { CallFlags } from "./enums.gen.js";
import type { LlmHandle } from "./handles.js";
import { checkLlmRequest, type LlmRequest } from "./intercepts.js";
import { llmConditionalExecution, llmRequestIntercepts } from "./operations.gen.js";
import type {
  LlmBeginOptions,
  LlmCallOptions,
  LlmEndOptions,
  LlmStreamOptions,
} from "./options.js";
import {
  endOptions,
  isOptions,
  withCodecs,
  type CodecDecode,
  type CodecEncode,
  type Maybe,
} from "./positional.js";
import { pushing } from "./pushed.js";
import { RuntimeTools } from "./runtime-tools.js";
import type { ScopeHandle } from "./scope.js";
import type { LlmStream, SyncLlmStream } from "./stream.js";
import type { Timestamp } from "./time.js";

/** What a model is called whose guards are asked without a name. */
const UNNAMED_LLM = "llm";

/** The part of `Runtime` that calls language models. */
export abstract class RuntimeLlms extends RuntimeTools {
  /**
   * Runs a call of a language model under management, like that of a tool (S4.1).
   *
   * @param request An object of the members `headers` and `content`.
   * @param func As of `toolCallExecute`.
   * @param codecDecode With `codecEncode` the codec of the request (S4.11); as an option, `codec`.
   * @param responseCodecDecode The codec of the response (S2.8); as an option, `responseCodec`.
   * @returns Rejected as of `toolCallExecute`.
   */
  llmCallExecute<R>(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest, signal: AbortSignal) => R | PromiseLike<R>,
    handle?: Maybe<ScopeHandle | LlmCallOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    modelName?: Maybe<string>,
    codecDecode?: Maybe<CodecDecode>,
    codecEncode?: Maybe<CodecEncode>,
    responseCodecDecode?: Maybe<CodecDecode>,
  ): Promise<R> {
    const options = isOptions<LlmCallOptions>(handle)
      ? handle
      : withCodecs<LlmCallOptions>(
          { parent: handle, attributes, data, metadata, modelName },
          codecDecode,
          codecEncode,
          responseCodecDecode,
        );
    return promised(() => beginLlm(this.self, name, request, func, options, CallFlags.None));
  }

  /** The same for a function that returns no promise. Refuses middleware that is declared async. */
  llmCallExecuteSync<R>(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest, signal: AbortSignal) => R,
    options?: Maybe<LlmCallOptions>,
  ): R {
    return beginLlm(this.self, name, request, func, options ?? {}, CallFlags.Sync).run() as R;
  }

  /**
   * Runs a call that answers in chunks (S4.7). The promise gives the stream when the producer has
   * been called; what that throws is the promise's error.
   *
   * With arguments by position the producer gets an object that has `headers` and `content` of the
   * request, and the number for `pushStreamChunk` as `__nemo_flow_stream_id`, as in the peers'
   * package; with options, or none, it gets the request itself.
   *
   * @param func Gives an async iterable, an iterable, a promise of one, or pushes. Its second
   *   argument is an AbortSignal, as of `toolCallExecute`.
   * @param collector Gets each chunk before the consumer; or the options.
   * @param finalizer Gives the response of the end event.
   * @example
   * const stream = await llmStreamCallExecute("gpt", request, async function* () {
   *   yield "one";
   * });
   * for await (const chunk of stream) show(chunk);
   */
  llmStreamCallExecute(
    name: string,
    request: LlmRequest,
    func: (request: any, signal: AbortSignal) => unknown,
    collector?: Maybe<((chunk: any) => unknown) | LlmStreamOptions>,
    finalizer?: Maybe<() => unknown>,
    handle?: Maybe<ScopeHandle>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    modelName?: Maybe<string>,
    codecDecode?: Maybe<CodecDecode>,
    codecEncode?: Maybe<CodecEncode>,
    responseCodecDecode?: Maybe<CodecDecode>,
  ): Promise<LlmStream> {
    if (isOptions<LlmStreamOptions>(collector) || collector === undefined) {
      const options = collector ?? {};
      return promised(() => beginStream(this.self, name, request, func, options, CallFlags.None));
    }
    const options: LlmStreamOptions = withCodecs<LlmStreamOptions>(
      { collector, finalizer, parent: handle, attributes, data, metadata, modelName },
      codecDecode,
      codecEncode,
      responseCodecDecode,
    );
    return promised(() => {
      checkFunction(func, "func");
      return beginStream(this.self, name, request, pushing(func), options, CallFlags.None);
    });
  }

  /** The same for a function that gives an iterable. Refuses middleware that is declared async. */
  llmStreamCallExecuteSync(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest, signal: AbortSignal) => unknown,
    options?: Maybe<LlmStreamOptions>,
  ): SyncLlmStream {
    const begun = beginStream(this.self, name, request, func, options ?? {}, CallFlags.Sync);
    return begun.run() as SyncLlmStream;
  }

  /** Runs only the request intercepts of an LLM call; gives the request that comes out (S4.9). */
  llmRequestIntercepts(name: string, request: LlmRequest): Promise<any> {
    return promised(() => this.beginAlone(llmRequestIntercepts, name, request, CallFlags.None));
  }

  /** The same at once. Refuses intercepts that are declared async. */
  llmRequestInterceptsSync(name: string, request: LlmRequest): any {
    return this.beginAlone(llmRequestIntercepts, name, request, CallFlags.Sync).run();
  }

  /**
   * Runs only the guards of an LLM call (S4.9). Rejected with GuardrailRejected if one refuses.
   *
   * @param name What guards find in their context. The request alone may be given, as in the peers'
   *   package.
   */
  llmConditionalExecution(name: string | LlmRequest, request?: LlmRequest): Promise<void> {
    const [named, asked] = typeof name === "object" ? [UNNAMED_LLM, name] : [name, request];
    const begin = llmConditionalExecution;
    return promised(() => this.beginAlone(begin, named, asked, CallFlags.None));
  }

  /** The same at once. Refuses guards that are declared async. */
  llmConditionalExecutionSync(name: string, request: LlmRequest): void {
    this.beginAlone(llmConditionalExecution, name, request, CallFlags.Sync).run();
  }

  /** Begins what runs only one kind of middleware. */
  private beginAlone(
    begin: typeof llmRequestIntercepts,
    name: string,
    request: unknown,
    flags: CallFlags,
  ): Operation {
    checkLlmRequest(request);
    return beginHelper(this.self, begin, name, request, flags);
  }

  /**
   * Begins an LLM call that the application runs by itself (S4.8). It does not become current.
   *
   * @throws InvalidArgument, InvalidState, LimitExceeded, NoMemory.
   */
  llmCall(
    name: string,
    request: LlmRequest,
    handle?: Maybe<ScopeHandle | LlmBeginOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    modelName?: Maybe<string>,
    timestamp?: Maybe<Timestamp>,
  ): LlmHandle {
    const options: LlmBeginOptions & { data?: unknown } = isOptions<LlmBeginOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, modelName, timestamp };
    return manualLlm(this.self, name, request, options);
  }

  /**
   * Ends a call that `llmCall` began, with its response or its error.
   *
   * @param data As of `toolCallEnd`.
   * @throws InvalidArgument, NotFound if it has ended, InvalidState.
   */
  llmCallEnd(
    handle: ScopeHandle,
    response?: unknown,
    data?: unknown | LlmEndOptions,
    metadata?: unknown,
    timestamp?: Maybe<Timestamp>,
  ): void {
    endLlm(this.self, handle, response, endOptions<LlmEndOptions>(data, metadata, timestamp));
  }
}
