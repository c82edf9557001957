/**
 * The entry of a process that runs agents, or reads one upload: locks itself down, then does what its site says first,
 * and nothing else ever.
 */
import { SystemClock } from "../base/index.ts";
import { lockDown } from "../code/index.ts";
import { answerUpload } from "./describe/answer-upload.ts";
import { unpackRequest } from "./describe/upload-messages.ts";
import { hardenContexts } from "./executors/handler-context.ts";
import { ProcessAgents } from "./executors/process-agents.ts";
import { SiteLink } from "./processes/index.ts";

lockDown();
hardenContexts();
let agents: ProcessAgents | undefined;
let hasBegun = false;
const link = new SiteLink((bytes) => {
  if (agents !== undefined) {
    agents.receive(bytes);
    return;
  }
  if (hasBegun) return;
  hasBegun = true;
  const upload = unpackRequest(bytes);
  if (upload !== undefined) {
    void answerUpload(upload, link);
    return;
  }
  agents = new ProcessAgents({
    link,
    clock: new SystemClock(),
    nextTurn: (task) => void setImmediate(task),
  });
  agents.receive(bytes);
});
process.on("unhandledRejection", (reason) => agents?.failStray(reason));
