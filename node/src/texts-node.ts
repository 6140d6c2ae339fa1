import type { TextCoding } from "./texts.js";

/** By Buffer. A line is taken out with a character for each of its bytes. */
export const bufferCoding: TextCoding = {
  allocate: (size) => Buffer.allocUnsafeSlow(size),
  view: (buffer) => Buffer.from(buffer),
  write: (text, bytes, start) => (bytes as Buffer).write(text, start),
  read: (bytes, start, end) => (bytes as Buffer).toString("utf8", start, end),
  takeLine: (bytes, start, end) => (bytes as Buffer).toString("latin1", start, end),
  lineText: (line) => Buffer.from(line as string, "latin1").toString(),
};
