import { checkObject } from "./checks.js";
import type { ScopeInfo } from "./core.gen.js";
import { dispose } from "./dispose.js";
import { EndStatus, PopFlags, ScopeType } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import { HeldScope } from "./lifetimes.js";
import { ownerHandle, type NativeHandle } from "./native-handle.js";
import type { Opened } from "./opened.js";
import { ScopeOperations } from "./operations.gen.js";
import type { Runtime } from "./runtime.js";
import type { Timestamp } from "./time.js";
import type { Watched } from "./watch.js";

const NO_UUID = "00000000-0000-0000-0000-000000000000";

/** How a scope is ended. What is undefined or null is absent. */
export interface PopOptions {
  /** The end event's data. */
  output?: unknown;
  /** Merged over the start's metadata (S2.5). */
  metadata?: unknown;
  /** How it ended; unset by default. */
  status?: EndStatus | null;
  /** What it failed with; described in the end event's metadata. */
  error?: unknown;
  /** When it ended; now by default. */
  timestamp?: Timestamp | null;
  /** How to end it; `close` sets `PopFlags.Close`. */
  flags?: PopFlags | null;
}

/**
 * A scope that was opened, or the span of a managed call (S1.8). It is held as long as this object
 * or a context refers to it; an open one that nobody holds any more is ended as abandoned (S1.12).
 */
export class ScopeHandle extends ScopeOperations {
  /** What the end event tells as data where `withScope` or `using` ends the scope. */
  output: unknown;
  /** @internal Whether it is the span of a managed call. */
  isSpan = false;
  private facts: ScopeInfo | undefined;

  /**
   * @internal
   */
  constructor(
    /** The runtime that it is of. */
    readonly runtime: Runtime,
    address: number,
    /** @internal What the context held when it was opened (S1.5). */
    readonly opener: ScopeHandle | undefined,
    /** The application's own object, which stays on the handle (S1.4); null if there is none. */
    readonly data: unknown = null,
    /** The metadata of its start event; null if there is none. */
    readonly metadata: unknown = null,
    /** With what the core can recall it; undefined where others may know its address. */
    private opened?: Opened,
  ) {
    super(runtime.engine, address);
  }

  /** Its id, a UUID of version 7; its start and end event have it, too. */
  get uuid(): string {
    const { uuid } = this.read();
    this.runtime.noteUuid(uuid, this);
    return uuid;
  }

  /** The parent's id, null for the root. */
  get parentUuid(): string | null {
    const { parentUuid } = this.read();
    return parentUuid === NO_UUID ? null : parentUuid;
  }

  /** What it is called. */
  get name(): string {
    return this.read().name;
  }

  /** The kind of work that it is. */
  get scopeType(): ScopeType {
    return this.read().type;
  }

  /** Flag bits: `ScopeAttributes`, or `ToolAttributes` for the span of a tool call. */
  get attributes(): number {
    return this.read().attributes;
  }

  /** The subtype of a custom scope, else empty. */
  get subtype(): string {
    return this.read().subtype;
  }

  /** The provider's id of a tool call, else empty. */
  get toolCallId(): string {
    return this.read().toolCallId;
  }

  /** The start in nanoseconds since 1970-01-01 UTC. */
  get startedAtNs(): bigint {
    return this.read().startedAtNs;
  }

  /** The start to the millisecond. */
  get startedAt(): Date {
    return new Date(Number(this.startedAtNs / 1_000_000n));
  }

  /**
   * The scope for an addon in C, which registers middleware on it; made anew each time. It holds
   * this object.
   *
   * @throws InvalidState with the WebAssembly core, into which nobody loads an addon.
   */
  get nativeHandle(): NativeHandle<"scope"> {
    const handle = ownerHandle(this, "scope");
    this.opened = undefined; // Code in C knows the address: it stays.
    return handle;
  }

  /**
   * Ends the scope. One that has an open descendant in this context's chain is refused (S1.6).
   *
   * @throws InvalidArgument, NotFound if it has ended, InvalidState.
   */
  pop(options: PopOptions = {}): void {
    checkObject(options, "options");
    this.runtime.end(this, options);
  }

  /** Ends the scope from any context and in any order; an ended one is left alone. */
  close(options: PopOptions = {}): void {
    checkObject(options, "options");
    this.runtime.end(this, { ...options, flags: PopFlags.Close });
  }

  /** Does nothing: nothing has to be given back. Programs for the peers' package call it. */
  free(): void {}

  /** `using scope = pushScope(…)` ends it with its block, with what `output` says. */
  [dispose](): void {
    this.close({ output: this.output });
  }

  /** @internal For its watch. */
  held(): Watched {
    return new HeldScope(this.engine.core, this.pointer);
  }

  override isOpen(): boolean {
    return !this.isRetired && super.isOpen();
  }

  override isInForce(): boolean {
    return !this.isRetired && super.isInForce();
  }

  /** Whether the core has nothing of it, but can make it anew. */
  private get isRetired(): boolean {
    return this.pointer === 0 && this.opened !== undefined;
  }

  /** @internal Of one that has ended. @returns Whether it takes nothing in the core any more. */
  retire(): boolean {
    const { engine, opened } = this;
    if (opened === undefined || !opened.retire(engine, this.pointer)) return false;
    this.pointer = 0;
    return true;
  }

  /** @internal */
  override detach(): number {
    this.opened = undefined;
    return super.detach();
  }

  /**
   * @internal Somebody uses it after all. The parent comes first; without recursion, for trees are
   * deep.
   */
  protected override missing(): number {
    if (!this.isRetired) return super.missing();
    const { engine, runtime } = this;
    const row: ScopeHandle[] = [];
    let each: ScopeHandle | undefined = this;
    while (each?.isRetired) {
      row.push(each);
      each = runtime.scopeIn(each.opener);
    }
    for (const handle of row.reverse()) {
      const parent = runtime.addressIn(handle.opener);
      handle.pointer = handle.opened!.recall(engine, runtime.address, parent);
      engine.keep(handle);
    }
    return this.pointer;
  }

  /** @internal */
  protected override shown(): object {
    if (this.pointer === 0 && !this.isRetired) return {};
    const { name, uuid, parentUuid, data, metadata } = this;
    const scopeType = ScopeType[this.scopeType];
    return { name, scopeType, uuid, parentUuid, isOpen: this.isOpen(), data, metadata };
  }

  /** What does not change is read once. */
  private read(): ScopeInfo {
    return (this.facts ??= this.describe());
  }
}

/** @internal Of the parent that an operation is given; 0 for what is current. */
export function parentAddress(parent: ScopeHandle | null | undefined): number {
  if (parent === undefined || parent === null) return 0;
  if (!(parent instanceof ScopeHandle)) throw new InvalidArgument("parent must be a scope handle");
  return parent.address;
}
