import { Token } from "./enums.gen.js";
import { textCoding } from "./texts.js";

const INITIAL_SIZE = 4096;
/** Texts up to this many UTF-16 units are copied by hand if they are ASCII: that is quicker. */
const SHORT_TEXT = 32;
const TWO_TO_32 = 4294967296;

/** What takes the tokens of a value (S2.6), one after the other. */
export interface TokenSink {
  /**
   * A lower bound of the JSON text that the tokens stand for, so that a walker can stop once the
   * payload's budget is surely used up.
   */
  readonly textSize: number;
  /** A token without content. */
  mark(token: Token): void;
  /** A number: as an integer where that is exact in both. */
  number(value: number): void;
  /** An integer of any size. */
  integer(value: bigint): void;
  /** A token that has a text; lone surrogates become U+FFFD. */
  text(token: Token, text: string): void;
  /** Bytes, which are written as base64. */
  binary(content: Uint8Array): void;
  /** A reference to an enclosing container; 1 is the innermost. */
  cycle(levels: number): void;
}

/**
 * A growing row of tokens in the format of `tape_put_tokens`: numbers are little-endian,
 * lengths are 32 bits.
 */
export class TokenWriter implements TokenSink {
  textSize = 0;
  private readonly coding = textCoding();
  private bytes = this.coding.allocate(INITIAL_SIZE);
  private view = new DataView(this.bytes.buffer);
  private used = 0;

  /** Forgets everything that was written. */
  reset(): void {
    this.used = 0;
    this.textSize = 0;
  }

  /** What was written: a view that is good until the next write. */
  get row(): Uint8Array {
    return this.bytes.subarray(0, this.used);
  }

  mark(token: Token): void {
    this.reserve(1);
    this.bytes[this.used++] = token;
    this.textSize += 1;
  }

  number(value: number): void {
    this.reserve(9);
    if (Number.isSafeInteger(value)) {
      this.bytes[this.used] = Token.Int;
      this.view.setUint32(this.used + 1, value >>> 0, true);
      this.view.setInt32(this.used + 5, Math.floor(value / TWO_TO_32), true);
    } else {
      this.bytes[this.used] = Token.Double;
      this.view.setFloat64(this.used + 1, value, true);
    }
    this.used += 9;
    this.textSize += 2;
  }

  integer(value: bigint): void {
    const fits = BigInt.asIntN(64, value) === value;
    if (!fits && BigInt.asUintN(64, value) !== value) {
      this.text(Token.BigInteger, value.toString());
      return;
    }
    this.reserve(9);
    this.bytes[this.used] = fits ? Token.Int : Token.Uint;
    this.view.setBigUint64(this.used + 1, BigInt.asUintN(64, value), true);
    this.used += 9;
    this.textSize += 2;
  }

  text(token: Token, text: string): void {
    this.reserve(5 + text.length * 3);
    this.bytes[this.used] = token;
    const start = this.used + 5;
    let size = text.length <= SHORT_TEXT ? this.copyAscii(text, start) : -1;
    if (size < 0) size = this.coding.write(text, this.bytes, start);
    this.finishText(size);
  }

  binary(content: Uint8Array): void {
    this.reserve(5 + content.length);
    this.bytes[this.used] = Token.Bytes;
    this.bytes.set(content, this.used + 5);
    this.finishText(content.length);
  }

  cycle(levels: number): void {
    this.reserve(5);
    this.bytes[this.used] = Token.Cycle;
    this.view.setUint32(this.used + 1, levels, true);
    this.used += 5;
    this.textSize += 12;
  }

  private finishText(size: number): void {
    this.view.setUint32(this.used + 1, size, true);
    this.used += 5 + size;
    this.textSize += size + 3;
  }

  /** Copies a text if all of it is ASCII. Returns its size or -1. */
  private copyAscii(text: string, start: number): number {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) return -1;
      this.bytes[start + i] = unit;
    }
    return text.length;
  }

  private reserve(size: number): void {
    const needed = this.used + size;
    if (needed <= this.bytes.length) return;
    const grown = this.coding.allocate(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
