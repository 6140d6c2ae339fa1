import { errorMessage } from "./error.js";
import { InvalidArgument, InvalidState } from "./errors.gen.js";

/** A WebAssembly module, and what errors call it. */
export interface NamedModule {
  readonly module: WebAssembly.Module;
  readonly where: string;
}

/** Where the WebAssembly build may come from at once. */
export type WasmContent = BufferSource | WebAssembly.Module;

/**
 * Where it may come from: its address, what `fetch` gave for that, its bytes, or what a bundler or
 * an edge platform has made of it already, a compiled module.
 */
export type WasmSource = string | URL | Response | WasmContent;

/** How each WebAssembly module begins. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/**
 * Compiles the module at a source.
 *
 * @throws InvalidArgument if it is none of the sources.
 * @throws InvalidState if it cannot be fetched, or is no WebAssembly module.
 */
export async function compileModule(source: WasmSource): Promise<NamedModule> {
  if (isModule(source)) return named(source);
  if (isBytes(source)) return compileBytes(source, sizeOf(source));
  if (typeof source === "string" || isA(source, "URL")) return fetchModule(String(source));
  if (isA(source, "Response")) return compileResponse(source as Response);
  throw wrongSource(source, "its address, a Response, ");
}

/** The same without waiting. Browsers refuse that for large modules on a page's own thread. */
export function compileModuleSync(source: WasmContent, where?: string): NamedModule {
  if (isModule(source)) return named(source);
  if (!isBytes(source)) throw wrongSource(source, "");
  const name = where ?? sizeOf(source);
  const row = moduleBytes(source, name);
  try {
    return { module: new WebAssembly.Module(row), where: name };
  } catch (error) {
    throw unusable(name, error);
  }
}

async function fetchModule(address: string): Promise<NamedModule> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw failure(`${address} cannot be fetched: ${errorMessage(error)}`, error);
  }
  return compileResponse(response, address);
}

async function compileResponse(response: Response, address = response.url) {
  const where = address || "the response";
  if (!response.ok) {
    throw failure(`${where} answered ${response.status} ${response.statusText}`.trimEnd());
  }
  let bytes: ArrayBuffer;
  try {
    bytes = await response.arrayBuffer();
  } catch (error) {
    throw failure(`${where} broke off: ${errorMessage(error)}`, error);
  }
  return compileBytes(bytes, `${where} (${sizeOf(bytes)})`);
}

async function compileBytes(bytes: BufferSource, where: string): Promise<NamedModule> {
  const row = moduleBytes(bytes, where);
  try {
    return { module: await WebAssembly.compile(row), where };
  } catch (error) {
    throw unusable(where, error);
  }
}

/**
 * The bytes in the form that every engine takes: some refuse a DataView.
 *
 * @throws InvalidState if no module begins so. A server that answers everything with its start page
 *   is what goes wrong most.
 */
function moduleBytes(bytes: BufferSource, where: string): Uint8Array<ArrayBuffer> {
  const row = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  if (!MAGIC.every((byte, index) => row[index] === byte)) {
    const start = JSON.stringify(String.fromCharCode(...row.subarray(0, 16)));
    throw failure(`${where} is no WebAssembly module: it begins with ${start}`);
  }
  return isA(row.buffer, "SharedArrayBuffer") ? row.slice() : row;
}

function unusable(where: string, error: unknown): InvalidState {
  const text = errorMessage(error);
  const isForbidden = /code generation|unsafe-eval/i.test(text);
  const help = isForbidden
    ? "; allow 'wasm-unsafe-eval' in the page's policy, or give init a compiled module"
    : "; it is damaged or cut off";
  return failure(`${where} cannot be compiled: ${text}${help}`, error);
}

function failure(message: string, cause?: unknown): InvalidState {
  const error = new InvalidState(`scopeflow: ${message}`);
  if (cause !== undefined) error.cause = cause;
  return error;
}

function wrongSource(source: unknown, more: string): InvalidArgument {
  const type = Object.prototype.toString.call(source).slice(8, -1);
  return new InvalidArgument(
    `source must be ${more}the bytes or the compiled module of the WebAssembly build, not ${type}`,
  );
}

function named(module: WebAssembly.Module): NamedModule {
  return { module, where: "the given WebAssembly.Module" };
}

function sizeOf(bytes: BufferSource): string {
  return `${bytes.byteLength} bytes`;
}

/** Not by `instanceof`: what another realm has made is as good. */
function isA(value: unknown, type: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${type}]`;
}

function isModule(source: unknown): source is WebAssembly.Module {
  return isA(source, "WebAssembly.Module");
}

function isBytes(source: unknown): source is BufferSource {
  const isBuffer = isA(source, "ArrayBuffer") || isA(source, "SharedArrayBuffer");
  return isBuffer || ArrayBuffer.isView(source);
}
