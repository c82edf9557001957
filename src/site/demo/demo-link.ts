import { MeanderError } from "../../base/index.ts";
import type { SiteRecord } from "../../session/index.ts";
import type { DemoControl } from "../site-service.ts";
import { type FromSupervisor, fromSupervisorSchema, type ToSupervisor } from "./demo-messages.ts";

/** Environment variable that marks the sites of a demo. */
export const DEMO_VARIABLE = "MEANDER_DEMO";

/** What a site of a demo can ask of its supervisor. */
export interface SupervisedDemo extends DemoControl {
  /** Reports that the site has joined. */
  tellUp(record: SiteRecord): void;
}

/** The supervisor of this process; undefined when no demo started it. */
export function supervisedDemo(): SupervisedDemo | undefined {
  if (process.send === undefined || process.env[DEMO_VARIABLE] === undefined) return undefined;
  // A site without its supervisor is about to end; what it still sends is lost.
  const send = (message: ToSupervisor): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };
  const waiting = new Map<number, (answer: FromSupervisor) => void>();
  let lastId = 0;
  process.on("message", (message) => {
    const parsed = fromSupervisorSchema.safeParse(message);
    if (!parsed.success) return;
    waiting.get(parsed.data.id)?.(parsed.data);
    waiting.delete(parsed.data.id);
  });
  return {
    tellUp: ({ http, udp }) => {
      send({
        type: "up",
        url: `http://${http.host}:${http.port}`,
        udpPort: udp.port,
      } satisfies ToSupervisor);
    },
    act: async (site, action) => {
      const id = ++lastId;
      const answered = new Promise<FromSupervisor>((resolve) => waiting.set(id, resolve));
      send({ type: "act", id, site, action });
      const { error } = await answered;
      if (error === undefined) return;
      throw new MeanderError(error.code, error.what, {
        where: `site ${site}`,
        ...(error.expected === undefined ? {} : { expected: error.expected }),
      });
    },
  };
}
