import type { EncodedLine } from "./core.gen.js";
import type { Runtime } from "./runtime.js";
import type { TokenList } from "./token-list.js";

/**
 * An event whose data is what it was at the emission, and becomes text when somebody looks at it
 * (S5.5). All else of the event can be read without.
 */
export class OpenLine {
  /** The line before the data and behind it. */
  private parts: readonly [string, string] | undefined;
  private text: string | undefined;
  private read: Record<string, unknown> | undefined;

  /**
   * @param line All but the text of the data.
   * @param data What the data was; given away once it has become text.
   * @param offset Where its text belongs, in bytes.
   * @param isLlmRequest Whether it may have headers that nobody shall see.
   */
  constructor(
    private readonly runtime: Runtime,
    private readonly line: EncodedLine,
    private data: TokenList | undefined,
    private readonly offset: number,
    private readonly isLlmRequest: boolean,
  ) {}

  /** The event as one line of JSON text. */
  get json(): string {
    const [head, tail] = this.around;
    return head + this.dataText + tail;
  }

  /** The event as a plain object, in which the data is null. */
  get facts(): Record<string, unknown> {
    if (this.read !== undefined) return this.read;
    const [head, tail] = this.around;
    return (this.read = JSON.parse(`${head}null${tail}`) as Record<string, unknown>);
  }

  /** The event as a plain object. */
  fill(): Record<string, unknown> {
    const { facts } = this;
    facts["data"] = JSON.parse(this.dataText);
    return facts;
  }

  private get around(): readonly [string, string] {
    if (this.parts !== undefined) return this.parts;
    const { line, offset } = this;
    const { core } = this.runtime.engine;
    const text = core.lineText(line);
    // A character is a byte then.
    const isPlain = text.length === line.length;
    return (this.parts = isPlain
      ? [text.slice(0, offset), text.slice(offset)]
      : [core.lineText(line.slice(0, offset)), core.lineText(line.slice(offset))]);
  }

  private get dataText(): string {
    if (this.text !== undefined) return this.text;
    const { runtime, data, isLlmRequest } = this;
    const { engine } = runtime;
    const ref = engine.refs.lend(data);
    const outer = engine.serve(runtime);
    const text = engine.core.payloadText(runtime.address, ref, Number(isLlmRequest));
    engine.served = outer;
    engine.refs.release(ref);
    if (typeof text === "number") throw engine.error(text);
    this.data = undefined;
    return (this.text = text);
  }
}
