// Writes docs/limits.md from the comments of src/base/limits.ts, so that the page and the code can not differ.
// With --check it only says whether they do.
import { readFileSync, writeFileSync } from "node:fs";

const source = new URL("../src/base/limits.ts", import.meta.url);
const page = new URL("../docs/limits.md", import.meta.url);
const text = readFileSync(source, "utf8");
const rows = [
  ...text.matchAll(/\/\*\* ([^\n]*(?:\n {3}\*[^\n]*)*?) ?\*\/\n {2}(\w+): ([^,]+),/g),
].map(([, about = "", name = "", value = ""]) => {
  const words = about
    .replace(/\s*\n\s*\*\s?/g, " ")
    .replaceAll("|", "\\|")
    .trim();
  return `| \`${name}\` | ${value} | ${words} |`;
});
const markdown = `# Limits

Every bound of Meander. Made from \`src/base/limits.ts\` by \`node scripts/limits.js\`.

| limit | value | why |
|---|---|---|
${rows.join("\n")}
`;
if (!process.argv.includes("--check")) writeFileSync(page, markdown);
else if (readFileSync(page, "utf8") !== markdown) {
  console.error("docs/limits.md is out of date: run node scripts/limits.js");
  process.exit(1);
}
