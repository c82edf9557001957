import { describeName, isName, MeanderError } from "../../base/index.ts";

/** @throws {MeanderError} `option-invalid` when a shell may not have that name */
export function checkShellName(name: string): void {
  if (isName("shell", name)) return;
  throw new MeanderError("option-invalid", `got ${JSON.stringify(name.slice(0, 80))}`, {
    where: "name of the shell",
    expected: describeName("shell"),
  });
}
