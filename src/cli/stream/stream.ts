import type { Command } from "commander";
import { addAgents } from "./agents.ts";
import { addAppend } from "./append.ts";
import { addCreate } from "./create.ts";
import { addDeadLetters } from "./dead-letters.ts";
import { addDestroy } from "./destroy.ts";
import { addInspect } from "./inspect.ts";
import { addMove } from "./move.ts";
import { addResume } from "./resume.ts";
import { addWatch } from "./watch.ts";

/** `meander stream …` */
export function addStream(program: Command): void {
  const stream = program
    .command("stream")
    .description("create, move, feed, extend, watch and inspect streams");
  for (const add of [
    addCreate,
    addMove,
    addAppend,
    addAgents,
    addWatch,
    addInspect,
    addDeadLetters,
    addResume,
    addDestroy,
  ]) {
    add(stream);
  }
}
