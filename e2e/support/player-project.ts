import { mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <title>A page with a player</title>
  <p id="status"></p>
  <script type="module" src="/main.ts"></script>
</html>
`;

const PROGRAM = `import { type FrameDetail, MeanderPlayer, type PlayerState, type PlayerStats } from "meander/player";

const player: HTMLElementTagNameMap["meander-player"] = new MeanderPlayer();
player.setAttribute("site", new URLSearchParams(location.search).get("site") ?? "");
player.setAttribute("channel", "clip");
player.token = undefined;
let state: PlayerState["type"] = "idle";
player.addEventListener("state", (event) => {
  state = (event as CustomEvent<PlayerState>).detail.type;
});
player.addEventListener("frame", (event) => {
  const detail: FrameDetail = (event as CustomEvent<FrameDetail>).detail;
  const stats: PlayerStats = player.stats;
  const status = document.querySelector("#status");
  if (status === null || !Number.isFinite(detail.timestampMs)) return;
  status.textContent = \`\${stats.framesPresented} frames, \${state}\`;
});
document.body.append(player);
`;

const SETTINGS = {
  compilerOptions: {
    target: "es2023",
    lib: ["es2023", "dom", "dom.iterable"],
    module: "esnext",
    moduleResolution: "bundler",
    types: [],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  },
  files: ["main.ts"],
};

/**
 * Writes a small project that shows the channel `clip` of the site in its address, as a user of the package would.
 *
 * @param packageFolder the package, installed there as `meander`
 * @returns its folder, new
 */
export async function writePlayerProject(packageFolder: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "meander-embed-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(packageFolder, join(folder, "node_modules", "meander"), "junction");
  await writeFile(join(folder, "index.html"), PAGE);
  await writeFile(join(folder, "main.ts"), PROGRAM);
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(SETTINGS));
  return folder;
}
