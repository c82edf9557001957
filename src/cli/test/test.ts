import type { Command } from "commander";
import { addReceive } from "./receive.ts";
import { addSend } from "./send.ts";

/** `meander test …` */
export function addTest(program: Command): void {
  const test = program
    .command("test")
    .description(
      "measure the way of a channel: send numbered packets, and see what becomes of them",
    );
  for (const add of [addSend, addReceive]) add(test);
}
