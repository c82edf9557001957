// The pages, built again when something they are made of has changed.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { dist, root } from "./places.js";

const web = join(root, "web");
const STATE = join(root, ".build", "web.json");

export async function buildWeb() {
  if (isCurrent()) return;
  const { build } = await import("vite");
  const used = new Set();
  await build({
    configFile: join(web, "vite.config.js"),
    logLevel: "warn",
    plugins: [
      {
        name: "note-what-is-used",
        generateBundle() {
          for (const id of this.getModuleIds()) {
            const file = id.split("?")[0];
            if (file.startsWith(root) && !file.includes("node_modules")) used.add(file);
          }
        },
      },
    ],
  });
  mkdirSync(dirname(STATE), { recursive: true });
  writeFileSync(STATE, JSON.stringify(hashesOf(used), null, 1));
}

/** Whether the pages are built, of these very files. */
function isCurrent() {
  if (!existsSync(join(dist, "web", "index.html")) || !existsSync(STATE)) return false;
  const before = JSON.parse(readFileSync(STATE, "utf8"));
  const files = Object.keys(before).map((file) => join(root, file));
  return JSON.stringify(hashesOf(files)) === JSON.stringify(before);
}

/** By its path, the hash of each file, of all in web, and of what says which packages there are. */
function hashesOf(files) {
  const own = readdirSync(web, { recursive: true }).map((name) => join(web, String(name)));
  const all = new Set([...files, ...own, join(root, "package-lock.json")]);
  const present = [...all].filter((file) => existsSync(file) && statSync(file).isFile());
  return Object.fromEntries(
    present.sort().map((file) => {
      const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
      return [relative(root, file), hash];
    }),
  );
}
