import { EVENT_LINE_JSON, SLOT_COUNT, STEP_SLOTS, type EncodedLine } from "./core.gen.js";
import { EventPart } from "./enums.gen.js";
import { InvalidState } from "./errors.gen.js";
import type { Host } from "./host.js";
import { textCoding } from "./texts.js";

/** Where the address of a step's line is. */
const LINE = STEP_SLOTS + EVENT_LINE_JSON;

/** Texts up to this many UTF-16 units are copied by hand if they are ASCII: that is quicker. */
const SHORT_TEXT = 64;
/** The largest row that `crypto.getRandomValues` fills at once. */
const ENTROPY_LIMIT = 65536;

/** What the module exports beside the operations (wasm/bridge.c). */
interface OwnExports {
  memory: WebAssembly.Memory;
  /** Returns 0 when memory has run out. */
  allocate(size: number): number;
  deallocate(address: number, size: number): void;
  slotsAddress(): number;
  textsAddress(): number;
  textsSize(): number;
  abiHash(): bigint;
  versionAddress(): number;
  buildHashAddress(): number;
  errorMessageAddress(): number;
  errorMessageSize(): number;
  taskNew(): number;
  taskFree(task: number): void;
}

/**
 * The WebAssembly build as a core. Its functions are generated (wasm.gen.ts); here is how texts and
 * bytes get into its memory and out.
 *
 * Texts lie in a stack at a fixed place: a call puts its own on top and takes them off when it
 * returns, since what it runs in between may call again.
 */
export abstract class WasmMemory<Exports extends object> {
  readonly kind = "wasm";
  /** Size in bytes of the text that `putText` has put last. */
  protected textSize = 0;

  private readonly coding = textCoding();
  private bytes: Uint8Array;
  private slotView: Float64Array;
  private readonly slotsAddress: number;
  private top: number;
  private readonly end: number;
  /** Texts that did not fit, with the depth of the call that put them. */
  private readonly large: { address: number; size: number; depth: number }[] = [];
  private depth = 0;

  protected constructor(protected readonly exports: Exports & OwnExports) {
    this.bytes = this.coding.view(exports.memory.buffer);
    this.slotsAddress = exports.slotsAddress();
    this.slotView = new Float64Array(exports.memory.buffer, this.slotsAddress, SLOT_COUNT);
    this.top = exports.textsAddress();
    this.end = this.top + exports.textsSize();
  }

  get slots(): Float64Array {
    // Growing memory detaches its views.
    if (this.slotView.length === 0) {
      this.slotView = new Float64Array(this.exports.memory.buffer, this.slotsAddress, SLOT_COUNT);
    }
    return this.slotView;
  }

  abiHash(): string {
    return BigInt.asUintN(64, this.exports.abiHash()).toString(16).padStart(16, "0");
  }

  version(): string {
    return this.constant(this.exports.versionAddress());
  }

  buildHash(): string {
    return this.constant(this.exports.buildHashAddress());
  }

  errorMessage(): string {
    return this.text(this.exports.errorMessageAddress(), this.exports.errorMessageSize());
  }

  text(address: number, size: number): string {
    return this.coding.read(this.memory(), address, address + size);
  }

  abstract eventJson(event: number, part: EventPart): number;

  eventLine(event: number): EncodedLine | number {
    const status = this.eventJson(event, EventPart.Line);
    return status !== 0 ? status : this.lineAt(0)!;
  }

  stepLine(): EncodedLine | undefined {
    return this.lineAt(LINE);
  }

  lineText(line: EncodedLine): string {
    return this.coding.lineText(line);
  }

  abstract payloadTextNew(runtime: number, payload: number, isLlmRequest: number): number;
  abstract payloadTextJson(self: number): number;
  abstract payloadTextFree(self: number): void;

  payloadText(runtime: number, payload: number, isLlmRequest: number): string | number {
    let status = this.payloadTextNew(runtime, payload, isLlmRequest);
    if (status !== 0) return status;
    const made = this.slots[0]!;
    status = this.payloadTextJson(made);
    const { slots } = this;
    const text = status !== 0 ? status : this.text(slots[0]!, slots[1]!);
    this.payloadTextFree(made);
    return text;
  }

  /** The line whose address and size are in the slots. */
  private lineAt(index: number): EncodedLine | undefined {
    const { slots } = this;
    const address = slots[index]!;
    if (address === 0) return undefined;
    return this.coding.takeLine(this.memory(), address, address + slots[index + 1]!);
  }

  taskNew(): number {
    return this.exports.taskNew();
  }

  taskFree(task: number): void {
    this.exports.taskFree(task);
  }

  /** Begins a call. Gives where its texts will lie, for `leave`. */
  protected enter(): number {
    this.depth += 1;
    return this.top;
  }

  protected leave(top: number): void {
    this.top = top;
    while (this.large.length > 0 && this.large[this.large.length - 1]!.depth === this.depth) {
      const { address, size } = this.large.pop()!;
      this.exports.deallocate(address, size);
    }
    this.depth -= 1;
  }

  /** Puts a text into memory; its size is then in `textSize`. Absent texts are at address 0. */
  protected putText(text: string | undefined): number {
    this.textSize = 0;
    if (text === undefined) return 0;
    const bytes = this.memory();
    const start = this.top;
    if (text.length <= SHORT_TEXT && start + text.length <= this.end) {
      let i = 0;
      for (; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 127) break;
        bytes[start + i] = unit;
      }
      if (i === text.length) return this.keep(start, i);
    }
    if (start + text.length * 3 <= this.end) {
      return this.keep(start, this.coding.write(text, bytes, start));
    }
    const content = this.coding.allocate(text.length * 3);
    return this.putBytes(content.subarray(0, this.coding.write(text, content, 0)));
  }

  protected putBytes(content: Uint8Array): number {
    const start = this.top;
    const size = content.length;
    if (start + size <= this.end) {
      this.memory().set(content, start);
      return this.keep(start, size);
    }
    const address = this.exports.allocate(size);
    if (address === 0) throw new RangeError(`scopeflow: no memory for ${size} bytes`);
    this.large.push({ address, size, depth: this.depth });
    this.memory().set(content, address);
    this.textSize = size;
    return address;
  }

  /** A text that ends with a NUL. */
  private constant(start: number): string {
    return this.text(start, this.memory().indexOf(0, start) - start);
  }

  private keep(start: number, size: number): number {
    this.textSize = size;
    this.top = start + size;
    return start;
  }

  private memory(): Uint8Array {
    if (this.bytes.length === 0) this.bytes = this.coding.view(this.exports.memory.buffer);
    return this.bytes;
  }
}

/** What a module must export for its hashes to be read; these answer for the operations. */
const OWN_EXPORTS: readonly (keyof OwnExports)[] = [
  "memory",
  "allocate",
  "deallocate",
  "slotsAddress",
  "textsAddress",
  "textsSize",
  "abiHash",
  "versionAddress",
  "buildHashAddress",
  "errorMessageAddress",
  "errorMessageSize",
  "taskNew",
  "taskFree",
];

/**
 * Makes an instance of the module, which owns its memory.
 *
 * @param where What errors call the module.
 * @returns What it exports: at least what no operation stands behind.
 * @throws InvalidState if the module asks for what is not lent, or exports something else.
 */
export function instantiate(
  module: WebAssembly.Module,
  host: Host,
  where: string,
): WebAssembly.Exports {
  const lent = imports(host, () => exports["memory"] as WebAssembly.Memory);
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function" && from === "host" && Object.hasOwn(lent, name)) continue;
    throw new InvalidState(
      `scopeflow: ${where} asks for the ${kind} ${from}.${name}, which this package does not ` +
        "lend; it is no WebAssembly build of scopeflow, or of another release",
    );
  }
  const { exports } = new WebAssembly.Instance(module, { host: lent });
  const missing = OWN_EXPORTS.find((name) => !Object.hasOwn(exports, name));
  if (missing !== undefined) {
    throw new InvalidState(
      `scopeflow: ${where} does not export ${missing}; ` +
        "it is no WebAssembly build of scopeflow, or of another release",
    );
  }
  return exports;
}

/** What the module imports. The functions of the host do not throw. */
function imports(host: Host, memory: () => WebAssembly.Memory): WebAssembly.ModuleImports {
  // Held, as to look a global object up takes as long as to read its clock.
  const timer = performance;
  const startedAt = timer.timeOrigin;
  return {
    release: host.release,
    encode: (ref: number, tape: number, limit: number) => host.put(tape, host.encode(ref, limit)),
    describe_error: (ref: number, tape: number) => host.put(tape, host.describeError(ref)),
    core_codec: host.coreCodec,
    log: host.log,
    /** Microseconds since 1970-01-01 UTC. */
    clock: () => (startedAt + timer.now()) * 1000,
    entropy: (address: number, size: number) => {
      const bytes = new Uint8Array(memory().buffer, address, size);
      for (let at = 0; at < size; at += ENTROPY_LIMIT) {
        crypto.getRandomValues(bytes.subarray(at, at + ENTROPY_LIMIT));
      }
    },
  };
}
