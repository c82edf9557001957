// Builds dist/web: the console, the player page, and the player as one module that any page can load.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Other pages load this file by name, so its name carries no hash. */
const LIBRARY = "meander-player";

export default defineConfig({
  root: here("."),
  // Relative addresses: the library is also loaded from other origins, where "/" would be somebody else's.
  base: "./",
  build: {
    outDir: here("../dist/web"),
    emptyOutDir: true,
    target: "es2023",
    sourcemap: true,
    rolldownOptions: {
      // Only sites read SDP; the library's CommonJS form hides from the bundler that nothing here uses it.
      treeshake: { moduleSideEffects: [{ test: /sdp-transform/, sideEffects: false }] },
      preserveEntrySignatures: "allow-extension",
      input: {
        console: here("./index.html"),
        player: here("./player.html"),
        [LIBRARY]: here("./player/meander-player.ts"),
      },
      output: {
        entryFileNames: (chunk) =>
          chunk.name === LIBRARY ? `${LIBRARY}.js` : "assets/[name]-[hash].js",
      },
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});
