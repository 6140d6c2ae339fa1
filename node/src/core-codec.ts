import type { AnnotatedLlmRequest, AnnotatedLlmResponse } from "./codec-forms.gen.js";
import { edited, type CodecEdit } from "./codec-edits.js";
import { CodecId } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import {
  checkLlmRequest,
  type LlmCodec,
  type LlmRequest,
  type LlmResponseCodec,
} from "./intercepts.js";
import { CodecOutputOperations, type RuntimeOperations } from "./operations.gen.js";

/*
 * Codecs that the core has (ADR 0023), and what the options of calls say of codecs.
 */

const IDS = {
  auto: CodecId.Auto,
  openai_chat: CodecId.OpenaiChat,
  openai_responses: CodecId.OpenaiResponses,
  anthropic_messages: CodecId.AnthropicMessages,
  gemini_generate_content: CodecId.GeminiGenerateContent,
};

/**
 * The codecs that a call may name. `auto` is whichever the payload is of, told by the payload; one
 * that none knows goes without an annotated form, which the first one is logged for.
 */
export type CodecName = keyof typeof IDS;

/**
 * What the codecs of all providers do, by the core.
 *
 * @typeParam Unknown What there is of a payload that is nobody's; only `auto` meets one.
 */
export class CoreCodec<Unknown extends null = never> implements LlmCodec, LlmResponseCodec {
  /** @internal */
  readonly id: CodecId;
  /** @internal */
  private readonly runtime: () => RuntimeOperations;

  /** @internal @param runtime Lends the memory, and has the prices. */
  constructor(id: CodecId, runtime: () => RuntimeOperations) {
    this.id = id;
    this.runtime = runtime;
  }

  /**
   * The annotated form of a request. Members that the common form does not know ride along.
   *
   * @throws InvalidArgument for a content that is no object.
   */
  decode(request: LlmRequest): AnnotatedLlmRequest | Unknown {
    checkLlmRequest(request);
    const runtime = this.runtime();
    const { content } = request;
    const id = this.idOf(content, (ref) => runtime.codecDetectRequest(ref, undefined));
    if (id === CodecId.Auto) return null as Unknown;
    return lending(runtime, [content], (ref) =>
      taken(runtime, runtime.codecDecodeRequestAddress(id, ref!)),
    ) as AnnotatedLlmRequest;
  }

  /**
   * The request with the edits of its annotated form.
   *
   * @param annotated The annotated form as it is to be.
   * @param original The request, which is left as it is.
   * @returns The original itself where nothing was edited; else one in which everything that was
   *   not edited is the very object that it was.
   * @throws InvalidArgument, with the path, for an edit that the provider cannot carry; of `auto`
   *   also where no codec knows the request.
   */
  encode(annotated: object, original: LlmRequest): LlmRequest {
    checkLlmRequest(original);
    const runtime = this.runtime();
    const { content } = original;
    const id = this.idOf(content, (ref) => runtime.codecDetectRequest(ref, undefined));
    if (id === CodecId.Auto) throw new InvalidArgument("no codec knows such a request");
    const edits = lending(runtime, [annotated, content], (form, ref) =>
      taken(runtime, runtime.codecEditRequestAddress(id, form!, ref!)),
    );
    return withEdits(original, edits as CodecEdit[]);
  }

  /** @internal The same for a request that was edited itself since `decoded` was (S4.11). */
  encodeChanged(annotated: object, request: LlmRequest, decoded: LlmRequest): LlmRequest {
    checkLlmRequest(request);
    const runtime = this.runtime();
    const values = [annotated, decoded.content, request.content];
    const edits = lending(runtime, values, (form, was, is) =>
      taken(runtime, runtime.codecEditChangedRequestAddress(this.id, form!, was!, is!)),
    );
    return withEdits(request, edits as CodecEdit[]);
  }

  /**
   * The annotated form of a response, also of one that a stream was aggregated to.
   *
   * @param response What the provider gave, or its SDK made of it.
   * @throws InvalidArgument for what has nothing of such a response.
   */
  decodeResponse(response: unknown): AnnotatedLlmResponse | Unknown {
    const runtime = this.runtime();
    const id = this.idOf(response, (ref) => runtime.codecDetectResponse(ref));
    if (id === CodecId.Auto) return null as Unknown;
    return lending(runtime, [response], (ref) =>
      taken(runtime, runtime.codecDecodeResponseAddress(id, ref!)),
    ) as AnnotatedLlmResponse;
  }

  /** Whose a payload is. */
  private idOf(payload: unknown, detect: (ref: number) => CodecId): CodecId {
    if (this.id !== CodecId.Auto) return this.id;
    return lending(this.runtime(), [payload], (ref) => detect(ref!));
  }
}

function withEdits(request: LlmRequest, edits: readonly CodecEdit[]): LlmRequest {
  if (edits.length === 0) return request;
  return { headers: request.headers, content: edited(request.content, edits) };
}

/** Calls the core with values, which it does not keep. */
export function lending<R>(
  runtime: RuntimeOperations,
  values: readonly unknown[],
  call: (...refs: number[]) => R,
): R {
  const { refs } = runtime.engine;
  const lent = values.map((value) => refs.lend(value));
  try {
    return call(...lent);
  } finally {
    for (const ref of lent) refs.release(ref);
  }
}

/** The value of what a codec has made, which is given back. */
export function taken(runtime: RuntimeOperations, address: number): unknown {
  const output = new CodecOutputOperations(runtime.engine, address);
  try {
    return JSON.parse(output.json());
  } finally {
    runtime.engine.core.codecOutputFree(output.detach());
  }
}

/**
 * What the host answers the core that asks of a codec: its id and 1 if the core can do by itself
 * what it does. One of a derived class may do something else. Never throws.
 */
export function coreCodecNumber(codec: unknown): number {
  const { decode, decodeResponse } = CoreCodec.prototype;
  try {
    if (!(codec instanceof CoreCodec)) return 0;
    const isPlain = codec.decode === decode && codec.decodeResponse === decodeResponse;
    return isPlain ? codec.id + 1 : 0;
  } catch {
    return 0;
  }
}

/** What a call's option says: a codec, told by its methods, or the name of one; null is none. */
export function codecOption<Given extends LlmCodec | LlmResponseCodec>(
  codec: Given | CodecName | null | undefined,
  name: string,
  methods: readonly string[],
  runtime: RuntimeOperations,
): Given | CoreCodec<null> | undefined {
  if (codec === undefined || codec === null) return undefined;
  if (typeof codec === "string") return new CoreCodec<null>(idOfName(codec, name), () => runtime);
  for (const method of methods) {
    if (typeof (Object(codec) as Record<string, unknown>)[method] === "function") continue;
    throw new InvalidArgument(`${name} must have a method ${method}`);
  }
  return codec;
}

function idOfName(codec: string, name: string): CodecId {
  if (Object.hasOwn(IDS, codec)) return IDS[codec as CodecName];
  const names = Object.keys(IDS).join(", ");
  throw new InvalidArgument(`${name} is ${JSON.stringify(codec)}, not a codec or one of ${names}`);
}
