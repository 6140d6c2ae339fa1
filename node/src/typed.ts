import { isThenable } from "./callbacks.js";
import { defaultRuntime } from "./default.js";
import { InvalidArgument } from "./errors.gen.js";
import type { LlmRequest } from "./intercepts.js";
import type { LlmCallOptions, LlmStreamOptions, ToolCallOptions } from "./options.js";
import type { LlmStream } from "./stream.js";

/*
 * Calls whose functions see values of the application, while middleware and events see JSON. What
 * turns one into the other is a codec, or a schema of any library that follows Standard Schema
 * (https://standardschema.dev), such as zod and valibot.
 */

/** Between a value of the application and its JSON form. May throw; the call then fails with it. */
export interface Codec<T, TJson = unknown> {
  /** The JSON form of a value. */
  toJson(value: T): TJson;
  /** The value that a JSON form stands for. */
  fromJson(data: TJson): T;
}

/** A codec for values that are JSON already. */
export class JsonPassthrough implements Codec<unknown> {
  /** The value itself. */
  toJson(value: unknown): unknown {
    return value;
  }

  /** The value itself. */
  fromJson(data: unknown): unknown {
    return data;
  }
}

/** The part of Standard Schema, version 1, that is used here. */
export interface StandardSchema<T = unknown> {
  /** What the specification puts there; libraries make it. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<T> | PromiseLike<StandardResult<T>>;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

/** What a schema says of a value. */
export interface StandardResult<T> {
  /** What the value reads as, where nothing is wrong with it. */
  readonly value?: T;
  /** What is wrong with it; absent where nothing is. */
  readonly issues?: ReadonlyArray<StandardIssue> | undefined;
}

/** One thing that is wrong with a value. */
export interface StandardIssue {
  /** What, for people. */
  readonly message: string;
  /** Where: from the outermost key to the innermost; absent where it is the value itself. */
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** How values are read and written. A schema validates what is read, and leaves what is written. */
export type CodecOrSchema<T> = Codec<T, any> | StandardSchema<T>;

/** As of `toolCallExecute`; `handle` is the peers' name for `parent`. */
export interface TypedToolExecuteOptions extends ToolCallOptions {
  /** As `parent`; counts where both are given. */
  handle?: ToolCallOptions["parent"];
}

/** As of `llmCallExecute`; `handle` is the peers' name for `parent`. */
export interface TypedLlmExecuteOptions extends LlmCallOptions {
  /** As `parent`; counts where both are given. */
  handle?: LlmCallOptions["parent"];
}

/** As of `llmStreamCallExecute`; `handle` is the peers' name for `parent`. */
export interface TypedLlmStreamExecuteOptions extends Omit<
  LlmStreamOptions,
  "collector" | "finalizer"
> {
  /** As `parent`; counts where both are given. */
  handle?: LlmStreamOptions["parent"];
}

/**
 * Runs a tool under management whose arguments and result are values of the application.
 *
 * @param args Given to the guards and events in its JSON form.
 * @param func Gets what the JSON form reads as after the request intercepts.
 * @returns What the result's JSON form reads as after the execution intercepts.
 */
export async function typedToolExecute<A, R>(
  name: string,
  args: A,
  func: (args: A) => R | PromiseLike<R>,
  argsCodec: CodecOrSchema<A>,
  resultCodec: CodecOrSchema<R>,
  options: TypedToolExecuteOptions = {},
): Promise<R> {
  const given = converter("argsCodec", argsCodec);
  const result = converter("resultCodec", resultCodec);
  const target = async (json: unknown): Promise<unknown> =>
    result.toJson(await func(await given.fromJson(json)));
  const json = given.toJson(args);
  return result.fromJson(
    await defaultRuntime().toolCallExecute(name, json, target, withParent(options)),
  );
}

/**
 * Runs a call of a language model under management whose response is a value of the application.
 */
export async function typedLlmExecute<Q extends LlmRequest, R>(
  name: string,
  request: Q,
  func: (request: Q) => R | PromiseLike<R>,
  responseCodec: CodecOrSchema<R>,
  options: TypedLlmExecuteOptions = {},
): Promise<R> {
  const response = converter("responseCodec", responseCodec);
  const target = async (given: LlmRequest): Promise<unknown> =>
    response.toJson(await func(given as Q));
  return response.fromJson(
    await defaultRuntime().llmCallExecute(name, request, target, withParent(options)),
  );
}

/**
 * Runs a call that answers in chunks, whose chunks and response are values of the application. The
 * stream gives the chunks in their JSON form, as the peers' does.
 *
 * @param collector Gets each chunk, read from its JSON form. A schema of chunks must not be async.
 * @param finalizer Gives the response of the end event.
 */
export function typedLlmStreamExecute<Q extends LlmRequest, C, R>(
  name: string,
  request: Q,
  func: (request: Q) => AsyncIterable<C> | Iterable<C>,
  collector: (chunk: C) => void,
  finalizer: () => R,
  chunkCodec: CodecOrSchema<C>,
  responseCodec: CodecOrSchema<R>,
  options: TypedLlmStreamExecuteOptions = {},
): Promise<LlmStream> {
  const chunk = converter("chunkCodec", chunkCodec);
  const response = converter("responseCodec", responseCodec);
  async function* chunks(given: LlmRequest): AsyncGenerator<unknown> {
    for await (const value of func(given as Q)) yield chunk.toJson(value);
  }
  return defaultRuntime().llmStreamCallExecute(name, request, chunks, {
    ...withParent(options),
    collector: (json: unknown) => collector(atOnce("chunkCodec", chunk.fromJson(json))),
    finalizer: () => response.toJson(finalizer()),
  });
}

/** What codecs and schemas have in common. */
interface Converter<T> {
  toJson(value: T): unknown;
  fromJson(data: unknown): T | PromiseLike<T>;
}

function converter<T>(parameter: string, given: CodecOrSchema<T>): Converter<T> {
  if (isSchema(given))
    return {
      toJson: (value) => value,
      fromJson: (data) => validated(parameter, given, data),
    };
  if (typeof given?.toJson !== "function" || typeof given.fromJson !== "function")
    throw new InvalidArgument(
      `${parameter} must have toJson and fromJson, or be a Standard Schema`,
    );
  return given;
}

function isSchema<T>(given: CodecOrSchema<T>): given is StandardSchema<T> {
  const isObject = (typeof given === "object" && given !== null) || typeof given === "function";
  return isObject && "~standard" in given;
}

function validated<T>(
  parameter: string,
  schema: StandardSchema<T>,
  data: unknown,
): T | PromiseLike<T> {
  const result = schema["~standard"].validate(data);
  return isThenable(result)
    ? result.then((settled) => valueOf(parameter, settled))
    : valueOf(parameter, result);
}

function valueOf<T>(parameter: string, result: StandardResult<T>): T {
  if (result.issues === undefined) return result.value as T;
  const told = result.issues.map(({ message, path }) => `${placeOf(path)}${message}`).join("; ");
  throw new InvalidArgument(`${parameter} refused a value: ${told}`);
}

function placeOf(path: StandardIssue["path"]): string {
  if (path === undefined || path.length === 0) return "";
  return `${path.map((at) => String(typeof at === "object" ? at.key : at)).join(".")}: `;
}

function atOnce<T>(parameter: string, value: T | PromiseLike<T>): T {
  if (isThenable(value))
    throw new InvalidArgument(`${parameter} must read a chunk at once`);
  return value;
}

function withParent<T extends { handle?: unknown; parent?: unknown }>(
  options: T,
): Omit<T, "handle"> {
  const { handle, ...others } = options;
  return handle === undefined || handle === null ? others : { ...others, parent: handle };
}
