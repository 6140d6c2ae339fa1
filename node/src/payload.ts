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

/** @returns Whether the sink has got a whole value: an exhausted stack or memory may end it. */
function walk(value: unknown, sink: TokenSink, limit: number): boolean {
  try {
    new Walk(sink, limit).value(value, "");
    return true;
  } catch {
    return false;
  }
}

class Walk {
  /** The containers round the place that is written, outermost first. */
  private readonly containers: object[] = [];
  /** For each of them the object that it stands for, where a `toJSON` made it. */
  private readonly sources: object[] = [];

  constructor(
    private readonly writer: TokenSink,
    private readonly limit: number,
  ) {}

  /** @param key The member's name or the element's index, for `toJSON`. */
  value(value: unknown, key: string | number): void {
    switch (typeof value) {
      case "string":
        return this.writer.text(Token.String, value);
      case "number":
        return this.writer.number(value);
      case "boolean":
        return this.writer.mark(value ? Token.True : Token.False);
      case "bigint":
        return this.writer.integer(value);
      case "undefined":
        return this.writer.mark(Token.Null);
      case "object":
        return value === null ? this.writer.mark(Token.Null) : this.object(value, key);
      default:
        return this.writer.text(Token.Unserializable, typeof value);
    }
  }

  private object(object: object, key: string | number): void {
    let content: object = object;
    try {
      // Bytes come first: a Buffer has a `toJSON`, which makes an array of numbers.
      const isPlain = Array.isArray(object) || isPlainObject(object);
      const { toJSON } = !isPlain && bytesOf(object) ? PLAIN : (object as WithToJson);
      if (typeof toJSON === "function") {
        const replacement: unknown = toJSON.call(object, String(key));
        if (typeof replacement !== "object" || replacement === null) {
          return this.value(replacement, key);
        }
        content = replacement;
      }
    } catch {
      return this.writer.text(Token.Unserializable, className(object));
    }
    this.content(content, object);
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
        return this.writer.text(Token.Unserializable, className(object));
      case "bytes":
        return this.writer.binary(shape.bytes);
      case "boxed":
        return this.value(shape.value, "");
      default:
        return this.container(object, source, shape);
    }
  }

  private container(object: object, source: object, shape: Container): void {
    for (let i = this.containers.length - 1; i >= 0; i--) {
      if (this.containers[i] === object || this.sources[i] === source) {
        return this.writer.cycle(this.containers.length - i);
      }
    }
    if (this.containers.length >= PAYLOAD_DEPTH_LIMIT) return this.writer.mark(Token.TooDeep);

    this.containers.push(object);
    this.sources.push(source);
    switch (shape.kind) {
      case "array":
        this.writer.mark(Token.Array);
        this.elements(object as readonly unknown[]);
        break;
      case "set":
        this.writer.mark(Token.Set);
        this.elements(shape.elements);
        break;
      case "map":
        this.writer.mark(Token.Object);
        for (const [name, member] of shape.members) {
          if (this.isFull) break;
          this.member(name, member);
        }
        break;
      case "object":
        this.writer.mark(Token.Object);
        this.members(object as Record<string, unknown>, shape.names);
    }
    this.writer.mark(Token.End);
    this.containers.pop();
    this.sources.pop();
  }

  private elements(elements: readonly unknown[]): void {
    for (let i = 0; i < elements.length && !this.isFull; i++) {
      let element: unknown;
      try {
        element = elements[i];
      } catch (error) {
        this.writer.text(Token.Unserializable, errorTypeName(error));
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
        this.writer.text(Token.String, name);
        this.writer.text(Token.Unserializable, errorTypeName(error));
        continue;
      }
      this.member(name, member);
    }
  }

  private member(name: string, member: unknown): void {
    // JSON has no word for undefined; a member of that value is left out, as JSON.stringify does.
    if (member === undefined) return;
    this.writer.text(Token.String, name);
    this.value(member, name);
  }

  private get isFull(): boolean {
    return this.writer.textSize > this.limit;
  }
}

type Container =
  | { kind: "array" }
  | { kind: "set"; elements: readonly unknown[] }
  | { kind: "map"; members: Map<string, unknown> }
  | { kind: "object"; names: readonly string[] };

type Shape =
  | Container
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "boxed"; value: unknown }
  | { kind: "opaque" };

/** What most objects are, made once. */
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
