import type { EncodedLine } from "./core.gen.js";
import type { Runtime } from "./runtime.js";
import type { TokenList } from "./token-list.js";

/** The line of an event but for its data, which is what it was then and becomes text now (S5.5). */
export class OpenLine {
  /**
   * @param line All but the text of the data.
   * @param data What the data was.
   * @param offset Where its text belongs, in bytes.
   * @param isLlmRequest Whether it may have headers that nobody shall see.
   */
  constructor(
    private readonly runtime: Runtime,
    private readonly line: EncodedLine,
    private readonly data: TokenList,
    private readonly offset: number,
    private readonly isLlmRequest: boolean,
  ) {}

  /** The whole line. */
  whole(): string {
    const { line, offset } = this;
    const { core } = this.runtime.engine;
    const data = this.dataText();
    const text = core.lineText(line);
    // A character is a byte then.
    if (text.length === line.length) return text.slice(0, offset) + data + text.slice(offset);
    return core.lineText(line.slice(0, offset)) + data + core.lineText(line.slice(offset));
  }

  private dataText(): string {
    const { runtime, data, isLlmRequest } = this;
    const { engine } = runtime;
    const ref = engine.refs.lend(data);
    const outer = engine.serve(runtime);
    const text = engine.core.payloadText(runtime.address, ref, Number(isLlmRequest));
    engine.served = outer;
    engine.refs.release(ref);
    if (typeof text === "number") throw engine.error(text);
    return text;
  }
}
