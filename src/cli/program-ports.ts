import type { Command } from "commander";
import type { PlaneThread } from "../site/plane/index.ts";

/** What the program gets from the entry that started it. */
export interface ProgramPorts {
  /** Started before the program was loaded, for the site that it may run. */
  readonly planeThread?: PlaneThread | undefined;
}

/** Adds a verb to the program. */
export type AddVerb = (program: Command, ports: ProgramPorts) => void;
