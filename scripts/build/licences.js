// The licences of the packages of which there is something in a bundle.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function licencesOf(chunks) {
  const folders = new Set();
  for (const { moduleIds = [] } of chunks) {
    for (const id of moduleIds) {
      const match = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id);
      if (match !== null) folders.add(match[0]);
    }
  }
  const sections = [...folders].sort().map(sectionOf);
  const rule = `\n${"-".repeat(80)}\n\n`;
  return `Packages of which parts are in these files, and their licences.\n\n${sections.join(rule)}`;
}

function sectionOf(folder) {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version, license, repository, homepage } = about;
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text =
    file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), "utf8");
  const source = repository?.url ?? repository ?? homepage ?? "";
  return `${name} ${version}\n${source}\n\n${text.trim()}\n`;
}
