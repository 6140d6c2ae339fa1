import type { TextCoding } from "./texts.js";

/**
 * What `toString` calls once it has looked at its arguments. No documentation names it, so that a
 * platform may lack it.
 */
const latin1Slice =
  (Buffer.prototype as { latin1Slice?(start: number, end: number): string }).latin1Slice ??
  function (this: Buffer, start: number, end: number): string {
    return this.toString("latin1", start, end);
  };

/** By Buffer. A line is taken out with a character for each of its bytes. */
export const bufferCoding: TextCoding = {
  allocate: (size) => Buffer.allocUnsafeSlow(size),
  view: (buffer) => Buffer.from(buffer),
  write: (text, bytes, start) => (bytes as Buffer).write(text, start),
  read: (bytes, start, end) => (bytes as Buffer).toString("utf8", start, end),
  takeLine: (bytes, start, end) => latin1Slice.call(bytes as Buffer, start, end),
  lineText: (line) => Buffer.from(line as string, "latin1").toString(),
};
