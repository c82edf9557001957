import { connect } from "../client/index.ts";
import type { Shell } from "../session/shell/index.ts";
import type { SiteArguments } from "./arguments.ts";
import { credentialsOf } from "./credentials.ts";

/** Opens a shell at the site that `--site` names. The caller closes it. */
export function openShell(options: SiteArguments): Promise<Shell> {
  return connect(options.site, credentialsOf(options.site, options));
}

/** Runs `action` with a shell, and closes it. */
export async function withShell<T>(
  options: SiteArguments,
  action: (shell: Shell) => Promise<T>,
): Promise<T> {
  const shell = await openShell(options);
  try {
    return await action(shell);
  } finally {
    await shell.close();
  }
}
