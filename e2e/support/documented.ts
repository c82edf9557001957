import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A fenced block of a document. */
export interface CodeBlock {
  /** `sh`, `ts`, `html`. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a document of the repository, in order. @param path `README.md` */
export function blocksOf(path: string): CodeBlock[] {
  const text = readFileSync(`${root}${path}`, "utf8");
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", block = ""]) => ({
      language,
      text: block,
    }),
  );
}

/** The commands of a document's `sh` blocks, without their comments, in order. */
export function commandsOf(path: string): string[] {
  return blocksOf(path)
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.split("\n"))
    .map((line) => line.replace(/(^|\s)#\s.*$/, "").trim())
    .filter((line) => line !== "");
}

/** The block of a language that has a text in it. @throws {Error} when there is none */
export function blockWith(path: string, language: string, part: string): string {
  const found = blocksOf(path).find(
    (block) => block.language === language && block.text.includes(part),
  );
  if (found === undefined) throw new Error(`${path} has no ${language} block with ${part}`);
  return found.text;
}
