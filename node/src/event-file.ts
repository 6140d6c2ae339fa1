import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
  existsSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { errorMessage } from "./error.js";
import { InvalidState } from "./errors.gen.js";
import type { FileSinkOptions } from "./sink.js";

const LINE_END = 0x0a;

/**
 * A file that whole lines are appended to: made with mode 0600 and with the folders above it, made
 * anew when it is renamed or removed, renamed when it is full. As Node has no locks on files, only
 * one process at a time may rename a file; appending is safe with several.
 */
export class EventFile {
  rotationCount = 0;

  private readonly path: string;
  private descriptor = -1;
  private device = 0;
  private inode = 0;
  private isRegular = false;
  /** The file's size when it was opened, if it ended in half a line then, else 0. */
  private halfLineBytes = 0;
  /** What is being written, and how far that went. */
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;

  /** @throws InvalidState with the system's reason. */
  constructor(private readonly options: FileSinkOptions) {
    this.path = resolve(options.path);
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      this.open(options.isOverwritten ? constants.O_TRUNC : 0);
    } catch (error) {
      const refused = new InvalidState(`cannot open '${options.path}': ${errorMessage(error)}`);
      refused.cause = error;
      throw refused;
    }
  }

  /** Takes lines to be written; what was taken before is written. */
  put(lines: string): void {
    this.bytes = Buffer.from(lines);
    this.at = 0;
  }

  /**
   * Writes what is left of the lines.
   *
   * @returns Their length in bytes.
   * @throws The system's error; a later call goes on where this one has stopped.
   */
  writeRest(): number {
    const { bytes } = this;
    while (this.at < bytes.length) {
      const end = this.makeReady();
      this.at += writeSync(this.descriptor, bytes, this.at, end - this.at);
    }
    return bytes.length;
  }

  close(): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }

  private open(moreFlags: number): void {
    const { O_APPEND, O_CREAT, O_WRONLY } = constants;
    const made = openSync(this.path, O_WRONLY | O_CREAT | O_APPEND | moreFlags, 0o600);
    this.close();
    this.descriptor = made;
    const facts = fstatSync(made);
    this.device = facts.dev;
    this.inode = facts.ino;
    this.isRegular = facts.isFile();
    this.halfLineBytes = this.isRegular && this.endsInHalfLine(facts.size) ? facts.size : 0;
  }

  /** A process that was killed may have left one. */
  private endsInHalfLine(size: number): boolean {
    if (size === 0) return false;
    const descriptor = openSync(this.path, "r");
    try {
      const last = new Uint8Array(1);
      return readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] !== LINE_END;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Opens, renames and completes what has to be. @returns How far may be written at once. */
  private makeReady(): number {
    let size = this.lookAtPath();
    const { bytes } = this;
    const limit = this.isRegular ? this.options.fileLimitBytes : 0;
    const lineEnd = this.lineEndAfter(this.at);
    const isMidLine = this.at > 0 && bytes[this.at - 1] !== LINE_END;
    if (limit > 0 && size > 0 && !isMidLine && size + lineEnd - this.at > limit) {
      this.rotate();
      size = 0;
    }
    this.endHalfLine(size);
    if (limit === 0 || bytes.length - this.at <= limit - size) return bytes.length;
    // At least one line, else as many as there is room for.
    const fitting = bytes.lastIndexOf(LINE_END, this.at + Math.max(limit - size, 1) - 1) + 1;
    return Math.max(lineEnd, fitting);
  }

  /** Opens what is not any more what the path means. @returns The file's size. */
  private lookAtPath(): number {
    if (!this.isRegular && this.descriptor >= 0) return 0;
    const facts = statSync(this.path, { throwIfNoEntry: false });
    if (facts?.dev === this.device && facts.ino === this.inode) return facts.size;
    this.open(0);
    // A line of which another file has the first half begins anew.
    if (this.at > 0) this.at = this.bytes.lastIndexOf(LINE_END, this.at - 1) + 1;
    return fstatSync(this.descriptor).size;
  }

  /** Renames `<path>` to `<path>.1`, what is in the way further up, and the last one goes. */
  private rotate(): void {
    let number = 1;
    while (number < this.options.keptFileCount && existsSync(this.rotated(number))) number += 1;
    for (; number > 1; number -= 1) renameSync(this.rotated(number - 1), this.rotated(number));
    renameSync(this.path, this.rotated(1));
    this.rotationCount += 1;
    this.open(0);
  }

  private rotated(number: number): string {
    return `${this.path}.${number}`;
  }

  /** One that has grown since is somebody's who is still writing. */
  private endHalfLine(size: number): void {
    if (this.halfLineBytes > 0 && this.halfLineBytes === size) writeSync(this.descriptor, "\n");
    this.halfLineBytes = 0;
  }

  private lineEndAfter(at: number): number {
    return this.bytes.indexOf(LINE_END, at) + 1;
  }
}
