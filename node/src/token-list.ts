import { Token } from "./enums.gen.js";
import type { TokenSink } from "./tokens.js";

/** A token that no value of the language stands for. */
class Special {
  constructor(
    readonly token: Token,
    readonly content: string | Uint8Array | number = 0,
  ) {}
}

const SPECIALS = new Map<Token, Special>();
for (const token of [Token.TooDeep, Token.Object, Token.Array, Token.Set, Token.End]) {
  SPECIALS.set(token, new Special(token));
}

const OBJECT = SPECIALS.get(Token.Object)!;
const ARRAY = SPECIALS.get(Token.Array)!;
const END = SPECIALS.get(Token.End)!;

/**
 * Tokens as values of the language. Texts are not copied, so that to gather a payload takes a
 * fraction of what its text takes; what is gathered changes no more.
 */
export class TokenList implements TokenSink {
  textSize = 0;
  private readonly items: unknown[] = [];

  mark(token: Token): void {
    this.items.push(valueOf(token));
    this.textSize += 1;
  }

  number(value: number): void {
    this.items.push(value);
    this.textSize += 2;
  }

  integer(value: bigint): void {
    this.items.push(value);
    this.textSize += 2;
  }

  text(token: Token, text: string): void {
    this.items.push(token === Token.String ? text : new Special(token, text));
    this.textSize += text.length + 3;
  }

  binary(content: Uint8Array): void {
    this.items.push(new Special(Token.Bytes, content.slice()));
    this.textSize += content.length + 3;
  }

  cycle(levels: number): void {
    this.items.push(new Special(Token.Cycle, levels));
    this.textSize += 12;
  }

  /** Whether what was gathered is written as null. */
  get isNull(): boolean {
    const first = this.items[0];
    return first === null || (typeof first === "number" && !Number.isFinite(first));
  }

  writeTo(sink: TokenSink): void {
    for (const item of this.items) write(item, sink);
  }
}

/** What stands in a list for a token without content. */
function valueOf(token: Token): unknown {
  switch (token) {
    case Token.Object:
      return OBJECT;
    case Token.Array:
      return ARRAY;
    case Token.End:
      return END;
    case Token.Null:
      return null;
    case Token.True:
      return true;
    case Token.False:
      return false;
    default:
      return SPECIALS.get(token);
  }
}

function write(item: unknown, sink: TokenSink): void {
  switch (typeof item) {
    case "string":
      return sink.text(Token.String, item);
    case "number":
      return sink.number(item);
    case "bigint":
      return sink.integer(item);
    case "boolean":
      return sink.mark(item ? Token.True : Token.False);
    default:
      return item === null ? sink.mark(Token.Null) : writeSpecial(item as Special, sink);
  }
}

function writeSpecial({ token, content }: Special, sink: TokenSink): void {
  if (typeof content === "string") sink.text(token, content);
  else if (typeof content === "object") sink.binary(content);
  else if (token === Token.Cycle) sink.cycle(content);
  else sink.mark(token);
}
