// The pages, built when something that they are made of has changed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesIn, inputsOf, isMadeOf, noteInputs } from "./inputs.js";
import { dist, root } from "./places.js";

export async function buildWeb() {
  const always = [...filesIn("web"), join(root, "package-lock.json")];
  const isBuilt = existsSync(join(dist, "web", "index.html"));
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
  noteInputs("web", [...used]);
}
