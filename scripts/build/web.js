// The pages, built when something that they are made of has changed.
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { filesIn, inputsOf, isMadeOf, noteInputs } from "./inputs.js";
import { dist, root, run, tool } from "./places.js";

/** What programs that import the player compile against. It imports types of `src`, which are published as well. */
const PLAYER_TYPES = ["meander-player.d.ts"];

export async function buildWeb() {
  const always = [...filesIn("web"), join(root, "package-lock.json")];
  const isBuilt = ["index.html", "player/meander-player.d.ts"].every((file) =>
    existsSync(join(dist, "web", file)),
  );
  if (isBuilt && isMadeOf("web", [...inputsOf("web"), ...always])) return;
  const { build } = await import("vite");
  const used = new Set(always);
  await build({
    configFile: join(root, "web", "vite.config.js"),
    logLevel: "warn",
    plugins: [
      {
        name: "note-inputs",
        generateBundle() {
          for (const id of this.getModuleIds()) {
            const file = id.split("?")[0];
            if (file.startsWith(root) && !file.includes("node_modules")) used.add(file);
          }
        },
      },
    ],
  });
  await writePlayerTypes();
  noteInputs("web", [...used]);
}

/** After the pages: vite empties their folder. */
async function writePlayerTypes() {
  await run(tool("typescript", "tsc"), "-p", "web/tsconfig.types.json");
  for (const file of PLAYER_TYPES) {
    const from = join(root, ".build", "player-types", "web", "player", file);
    cpSync(from, join(dist, "web", "player", file));
  }
}
