import type { OpenAPIHono } from "@hono/zod-openapi";
import { MeanderError } from "../../base/index.ts";
import type { DemoAction } from "../../client/contract/index.ts";
import type { DemoControl } from "../site-service.ts";
import { json, route } from "./route.ts";

const ACTIONS: readonly DemoAction[] = ["kill", "stop", "start"];

/** Ending and starting the sites of a demo. */
export function addDemoRoutes(app: OpenAPIHono, demo: DemoControl): void {
  route(
    app,
    {
      method: "post",
      path: "/api/demo/sites/{name}/{action}",
      tag: "demo",
      act: {
        what: "demo.act",
        on: (c) => `site ${c.req.param("name") ?? ""}, ${c.req.param("action") ?? ""}`,
      },
      summary: "Kills a site of the demo (SIGKILL), stops it in order, or starts it again",
      answers: { 200: { description: "Done" } },
    },
    async (c) => {
      const [name, text] = [c.req.param("name") ?? "", c.req.param("action") ?? ""];
      const action = ACTIONS.find((each) => each === text);
      if (action === undefined) {
        throw new MeanderError("path-unknown", "not an action", {
          where: text,
          expected: ACTIONS.join(", "),
        });
      }
      await demo.act(name, action);
      return json({ site: name, action });
    },
  );
}
