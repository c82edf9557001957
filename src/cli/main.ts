#!/usr/bin/env node
/** The entry of the command line. It loads only what the arguments need. */
const { runProgram } = await import("./program.ts");
// Standard output may be a pipe that still has to be emptied, so the code is left for the process to end with.
process.exitCode = await runProgram(process.argv.slice(2));
