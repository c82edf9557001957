import type { Command } from "commander";
import { SystemClock } from "../base/index.ts";
import type { Check } from "../site/index.ts";
import { wholeNumber } from "./arguments.ts";
import { openTerminal } from "./terminal.ts";

const COLOURS = { ok: "green", warn: "yellow", fail: "red" } as const;

/** `meander doctor` */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("check whether this machine can run Meander")
    .option("--http-port <port>", "port that a site would use", "7000")
    .option("--json", "print JSON")
    .action(async (options: { readonly httpPort: string; readonly json?: boolean }) => {
      const terminal = openTerminal(options.json === true);
      const port = wholeNumber(options.httpPort, "--http-port", 1, 65_535) ?? 7000;
      const { runChecks } = await import("../site/index.ts");
      const checks: Check[] = [];
      for await (const check of runChecks({ port, clock: new SystemClock() })) {
        checks.push(check);
        if (terminal.json) continue;
        const { name, status, found, next } = check;
        terminal.write(
          `${terminal.paint(COLOURS[status], status.padEnd(5))} ${name.padEnd(15)} ${found}\n`,
        );
        if (next !== undefined) terminal.write(`${" ".repeat(22)}${terminal.paint("dim", next)}\n`);
      }
      if (terminal.json) terminal.show(checks, () => "");
      if (checks.some(({ status }) => status === "fail")) process.exitCode = 1;
    });
}
