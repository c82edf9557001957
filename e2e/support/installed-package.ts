import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * An empty folder into which the package was installed, as its users do: packed from a clean copy of the sources, which
 * builds it, and installed from the registry with what it depends on. The caller removes the folder.
 */
export function installedPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), "meander-installed-"));
  const checkout = cleanCopy();
  try {
    const [{ filename = "" } = {}] = JSON.parse(
      run("npm", ["pack", "--json", "--pack-destination", folder], checkout),
    ) as { filename?: string }[];
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", filename], folder);
    rmSync(join(folder, filename));
    return folder;
  } finally {
    rmSync(checkout, { recursive: true, force: true });
  }
}

/** What git would commit now, with the packages of this checkout and without its build. */
function cleanCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), "meander-clone-"));
  const files = run("git", ["ls-files", "-co", "--exclude-standard", "-z"], root);
  for (const file of files.split("\0").filter((name) => name !== "")) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return stdout;
}
