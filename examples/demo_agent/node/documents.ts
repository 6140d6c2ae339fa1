// Text search over the repository's own documents.

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

const FOLDERS = [".", "docs", "spec/adr"];
const TEXT_LIMIT = 240;

interface Paragraph {
  path: string;
  line: number;
  text: string;
}

/**
 * Gives the paragraphs in which most words of `query` stand, best first.
 *
 * A paragraph with the words next to each other wins over one in which they are apart, then the one
 * in which they stand more often; what remains equal is in order of file and line.
 */
export function search(root: string, query: string, hitLimit: number): object {
  const words = [...query.toLowerCase().matchAll(/[\p{L}\p{N}_]+/gu)]
    .map(([word]) => word)
    .filter((word) => [...word].length > 2);
  const phrase = words.join(" ");
  const ranked = [];
  for (const paragraph of paragraphs(root)) {
    const lowered = paragraph.text.toLowerCase();
    if (words.length === 0 || !words.every((word) => lowered.includes(word))) continue;
    const count = words.reduce((sum, word) => sum + lowered.split(word).length - 1, 0);
    ranked.push({ paragraph, score: Number(lowered.includes(phrase)) * 1e6 + count });
  }
  // Sorting keeps the order of what is equal.
  ranked.sort((one, other) => other.score - one.score);
  const hits = ranked.slice(0, hitLimit).map(({ paragraph: { path, line, text } }) => {
    return { path, line, text: cut(text) };
  });
  return { query, hits };
}

function* paragraphs(root: string): Generator<Paragraph> {
  for (const path of FOLDERS.flatMap((folder) => documentsIn(root, folder)).sort(byCharacter)) {
    let lines: string[] = [];
    const all = readFileSync(join(root, path), "utf8").split(/\r\n|\r|\n/);
    for (const [index, raw] of [...all, ""].entries()) {
      const text = raw.trim();
      const isProse = text !== "" && !/^(#|\||```)/.test(text);
      if (lines.length > 0 && (!isProse || text.startsWith("- "))) {
        yield { path, line: index + 1 - lines.length, text: lines.join(" ") };
        lines = [];
      }
      if (isProse) lines.push(text);
    }
  }
}

function documentsIn(root: string, folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(root, folder));
  } catch {
    return [];
  }
  return names.filter((name) => name.endsWith(".md")).map((name) => posix.join(folder, name));
}

/** Folder by folder, as paths are sorted elsewhere. */
function byCharacter(one: string, other: string): number {
  const [ones, others] = [one.split("/"), other.split("/")];
  const index = ones.findIndex((part, at) => part !== others[at]);
  if (index < 0 || others[index] === undefined) return ones.length - others.length;
  return ones[index]! < others[index]! ? -1 : 1;
}

function cut(text: string): string {
  const characters = [...text];
  if (characters.length <= TEXT_LIMIT) return text;
  return characters.slice(0, TEXT_LIMIT - 1).join("") + "…";
}
