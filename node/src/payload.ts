import { PAYLOAD_DEPTH_LIMIT, Token } from "./enums.gen.js";
import { errorTypeName } from "./error.js";
import { TokenList } from "./token-list.js";
import { TokenWriter, type TokenSink } from "./tokens.js";

/** Writers that no walk uses now: a walk may run the application's code, which may start one. */
const writers: TokenWriter[] = [];

/**
 * Walks a value by the table of the contract (S2.6).
 *
 * The value never makes it throw: what a getter, a proxy or a `toJSON` that throws would have given
 * is written as `unserializable`.
 *
 * @param value Anything, or what was gathered of it.
 * @param limit Bytes of JSON text after which nothing more is visited.
 * @returns The tokens of exactly one value, as a view that is good until the next call.
 */
export function encodePayload(value: unknown, limit: number): Uint8Array {
  const writer = writers.pop() ?? new TokenWriter();
  writer.reset();
  if (value instanceof TokenList) {
    value.writeTo(writer);
  } else if (!walk(value, writer, limit)) {
    writer.reset();
    writer.text(Token.Unserializable, typeof value);
  }
  writers.push(writer);
  return writer.row;
}

/** Keeps what a value is now, in the same way. What comes of it may be encoded at any time. */
export function gatherPayload(value: unknown, limit: number): TokenList {
  const gathered = new TokenList();
  if (walk(value, gathered, limit)) return gathered;
  const opaque = new TokenList();
  opaque.text(Token.Unserializable, typeof value);
  return opaque;
}

/** Walks that nobody goes now, each with room for the depth that it once reached. */
const walks: Walk[] = [];

/** @returns Whether the sink has got a whole value: an exhausted stack or memory may end it. */
function walk(value: unknown, sink: TokenSink, limit: number): boolean {
  const walk = walks.pop() ?? new Walk();
  try {
    walk.over(value, sink, limit);
  } catch {
    return false; // It stands somewhere within, and is not used again.
  }
  walks.push(walk);
  return true;
}

class Walk {
  private sink!: TokenSink;
  private limit = 0;
  /** How many containers are round the place that is written. */
  private depth = 0;
  /** These containers, outermost first. */
  private readonly containers: (object | undefined)[] = [];
  /** For each of them the object that it stands for, where a `toJSON` made it. */
  private readonly sources: (object | undefined)[] = [];

  over(value: unknown, sink: TokenSink, limit: number): void {
    this.sink = sink;
    this.limit = limit;
    this.value(value, "");
  }

  /** @param key The member's name or the element's index, for `toJSON`. */
  private value(value: unknown, key: string | number): void {
    switch (typeof value) {
      case "string":
        return this.sink.text(Token.String, value);
      case "number":
        return this.sink.number(value);
      case "boolean":
        return this.sink.mark(value ? Token.True : Token.False);
      case "bigint":
        return this.sink.integer(value);
      case "undefined":
        return this.sink.mark(Token.Null);
      case "object":
        return value === null ? this.sink.mark(Token.Null) : this.object(value, key);
      default:
        return this.sink.text(Token.Unserializable, typeof value);
    }
  }

  private object(object: object, key: string | number): void {
    let content: object = object;
    let isArray: boolean;
    let names: readonly string[] | undefined;
    try {
      isArray = Array.isArray(object);
      if (!isArray && isPlainObject(object)) names = Object.keys(object);
      // Bytes come first: a Buffer has a `toJSON`, which makes an array of numbers.
      const hasShape = isArray || names !== undefined || bytesOf(object) === undefined;
      const { toJSON } = hasShape ? (object as WithToJson) : PLAIN;
      if (typeof toJSON === "function") {
        const replacement: unknown = toJSON.call(object, String(key));
        if (typeof replacement !== "object" || replacement === null) {
          return this.value(replacement, key);
        }
        content = replacement;
        isArray = false;
        names = undefined;
      }
    } catch {
      return this.sink.text(Token.Unserializable, className(object));
    }
    // What most objects are needs no more looking at.
    if (isArray) this.array(content as unknown[], object);
    else if (names !== undefined) this.plain(content, object, names);
    else this.content(content, object);
  }

  /** An object whose `toJSON` is not asked any more. */
  private content(object: object, source: object): void {
    let shape: Shape;
    try {
      shape = shapeOf(object);
    } catch {
      shape = OPAQUE;
    }
    switch (shape.kind) {
      case "opaque":
        return this.sink.text(Token.Unserializable, className(object));
      case "bytes":
        // More than the limit is left out: no more of them need be kept.
        return this.sink.binary(shape.bytes.subarray(0, this.limit + 1));
      case "boxed":
        return this.value(shape.value, "");
      case "array":
        return this.array(object as unknown[], source);
      case "object":
        return this.plain(object, source, shape.names);
      case "set":
        if (!this.enter(object, source, Token.Set)) return;
        this.elements(shape.elements);
        return this.leave();
      case "map":
        if (!this.enter(object, source, Token.Object)) return;
        for (const [name, member] of shape.members) {
          if (this.isFull) break;
          this.member(name, member);
        }
        return this.leave();
    }
  }

  private array(array: readonly unknown[], source: object): void {
    if (!this.enter(array, source, Token.Array)) return;
    this.elements(array);
    this.leave();
  }

  private plain(object: object, source: object, names: readonly string[]): void {
    if (!this.enter(object, source, Token.Object)) return;
    this.members(object as Record<string, unknown>, names);
    this.leave();
  }

  /** Begins a container. @returns Whether there is a way in; else it writes what stands for it. */
  private enter(container: object, source: object, token: Token): boolean {
    const { containers, sources, depth } = this;
    for (let i = depth - 1; i >= 0; i--) {
      if (containers[i] === container || sources[i] === source) {
        this.sink.cycle(depth - i);
        return false;
      }
    }
    if (depth >= PAYLOAD_DEPTH_LIMIT) {
      this.sink.mark(Token.TooDeep);
      return false;
    }
    containers[depth] = container;
    sources[depth] = source;
    this.depth = depth + 1;
    this.sink.mark(token);
    return true;
  }

  private leave(): void {
    const depth = --this.depth;
    this.containers[depth] = undefined;
    this.sources[depth] = undefined;
    this.sink.mark(Token.End);
  }

  private elements(elements: readonly unknown[]): void {
    for (let i = 0; i < elements.length && !this.isFull; i++) {
      let element: unknown;
      try {
        element = elements[i];
      } catch (error) {
        this.sink.text(Token.Unserializable, errorTypeName(error));
        continue;
      }
      this.value(element, i);
    }
  }

  private members(object: Record<string, unknown>, names: readonly string[]): void {
    for (let i = 0; i < names.length && !this.isFull; i++) {
      const name = names[i]!;
      let member: unknown;
      try {
        member = object[name];
      } catch (error) {
        this.sink.text(Token.String, name);
        this.sink.text(Token.Unserializable, errorTypeName(error));
        continue;
      }
      this.member(name, member);
    }
  }

  private member(name: string, member: unknown): void {
    // JSON has no word for undefined; a member of that value is left out, as JSON.stringify does.
    if (member === undefined) return;
    this.sink.text(Token.String, name);
    this.value(member, name);
  }

  private get isFull(): boolean {
    return this.sink.textSize > this.limit;
  }
}

type Shape =
  | { kind: "array" }
  | { kind: "set"; elements: readonly unknown[] }
  | { kind: "map"; members: Map<string, unknown> }
  | { kind: "object"; names: readonly string[] }
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "boxed"; value: unknown }
  | { kind: "opaque" };

const ARRAY: Shape = { kind: "array" };
const OPAQUE: Shape = { kind: "opaque" };

interface WithToJson {
  toJSON?: unknown;
}
const PLAIN: WithToJson = {};

function isPlainObject(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null;
}

/** What an object is written as. May run the application's code, and throws what that throws. */
function shapeOf(object: object): Shape {
  if (Array.isArray(object)) return ARRAY;
  if (isPlainObject(object)) return { kind: "object", names: Object.keys(object) };
  const bytes = bytesOf(object);
  if (bytes) return { kind: "bytes", bytes };
  // The tag and not `instanceof`, which does not know objects of another realm.
  switch (Object.prototype.toString.call(object)) {
    case "[object Map]":
      return { kind: "map", members: textKeys(object as Map<unknown, unknown>) };
    case "[object Set]":
      return { kind: "set", elements: setElements(object as Set<unknown>) };
    case "[object Number]":
    case "[object String]":
    case "[object Boolean]":
    case "[object BigInt]":
      return { kind: "boxed", value: object.valueOf() };
    case "[object Error]":
    case "[object RegExp]":
    case "[object Promise]":
    case "[object WeakMap]":
    case "[object WeakSet]":
    case "[object WeakRef]":
      return OPAQUE;
    default:
      return { kind: "object", names: Object.keys(object) };
  }
}

function bytesOf(object: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(object)) {
    return new Uint8Array(object.buffer, object.byteOffset, object.byteLength);
  }
  const isBuffer =
    object instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer !== "undefined" && object instanceof SharedArrayBuffer);
  return isBuffer ? new Uint8Array(object) : undefined;
}

/** Members by the text of their keys; of two keys with one text the last wins. */
function textKeys(map: Map<unknown, unknown>): Map<string, unknown> {
  const members = new Map<string, unknown>();
  // Not the object's own forEach, which a subclass may have changed.
  Map.prototype.forEach.call(map, (value, key) => members.set(keyText(key), value));
  return members;
}

function setElements(set: Set<unknown>): unknown[] {
  const elements: unknown[] = [];
  Set.prototype.forEach.call(set, (element) => elements.push(element));
  return elements;
}

function keyText(key: unknown): string {
  if (typeof key === "symbol") return key.description ?? "";
  const isObject = (typeof key === "object" && key !== null) || typeof key === "function";
  return isObject ? className(key) : String(key);
}

function className(object: object): string {
  try {
    const name: unknown = object.constructor.name;
    return typeof name === "string" && name !== "" ? name : "Object";
  } catch {
    return "Object";
  }
}
