import { MeanderError } from "../../base/index.ts";
import type { SiteRecord } from "../../session/index.ts";
import type { DemoControl } from "../site-service.ts";
import { type FromSupervisor, fromSupervisorSchema, type ToSupervisor } from "./demo-messages.ts";

/** Set in the environment of a demo's sites. */
export const DEMO_VARIABLE = "MEANDER_DEMO";

/** A demo's site's way to its supervisor. */
export interface SupervisedDemo extends DemoControl {
  /** Tells the supervisor that the site has joined. */
  tellUp(record: SiteRecord): void;
}

/** The link of this process to the supervisor of a demo; undefined when it was not started by one. */
export function supervisedDemo(): SupervisedDemo | undefined {
  if (process.send === undefined || process.env[DEMO_VARIABLE] === undefined) return undefined;
  // Without its supervisor a site ends soon; what it still says is for nobody.
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
