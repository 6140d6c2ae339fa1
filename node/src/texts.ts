import type { EncodedLine } from "./core.gen.js";

/** How texts become UTF-8 in rows of bytes, and come out of them. */
export interface TextCoding {
  /** A row that begins its buffer, and that `write` can write to. */
  allocate(size: number): Uint8Array;
  /** A view of a whole buffer, which the others can work on. */
  view(buffer: ArrayBufferLike): Uint8Array;
  /** Writes a text where there is room for three bytes for each of its units. Gives its size. */
  write(text: string, bytes: Uint8Array, start: number): number;
  /** The text of some of the bytes; ill-formed parts are U+FFFD. */
  read(bytes: Uint8Array, start: number, end: number): string;
  /** Takes a line out, in the form in which it is had soonest. */
  takeLine(bytes: Uint8Array, start: number, end: number): EncodedLine;
  /** The text of such a line, or of a part of it. */
  lineText(line: EncodedLine): string;
}

const encoder = new TextEncoder();
// A mark at the beginning of a text belongs to it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

let coding: TextCoding = {
  allocate: (size) => new Uint8Array(size),
  view: (buffer) => new Uint8Array(buffer),
  write: (text, bytes, start) => encoder.encodeInto(text, bytes.subarray(start)).written,
  read: (bytes, start, end) => decoder.decode(bytes.subarray(start, end)),
  takeLine: (bytes, start, end) => bytes.slice(start, end),
  lineText: (line) => decoder.decode(line as Uint8Array),
};

/** Takes what a platform has that is quicker; before anything is written. */
export function useTextCoding(quicker: TextCoding): void {
  coding = quicker;
}

export function textCoding(): TextCoding {
  return coding;
}
