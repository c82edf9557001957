// Removes earlier output: tsc never deletes what a removed source once produced.
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
