import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { type ApiSite, refused, startApiSite } from "./api-site.test.support.ts";

let api: ApiSite;
let site: ApiSite["site"];
let send: ApiSite["send"];

before(async () => {
  api = await startApiSite();
  ({ site, send } = api);
});
after(() => api[Symbol.asyncDispose]());

test("routes are replaced as a whole, checked, and read back", async () => {
  const put = (value: unknown): Promise<Response> =>
    send("PUT", "/api/config", JSON.stringify(value));
  const answer = await put({ upstreams: ["north"], channels: { clip: { maxSubscribers: 7 } } });
  assert.equal(answer.status, 200);
  const read = (await (await send("GET", "/api/config")).json()) as {
    channels: Record<string, { maxSubscribers: number }>;
  };
  assert.equal(read.channels["clip"]?.maxSubscribers, 7);
  assert.deepEqual(read, await answer.json());
  const unknown = await refused(await put({ upstream: [] }), 400, "config-invalid");
  assert.equal(unknown.where, "body: upstream");
  const stack = await refused(
    await put({ channels: { clip: { input: { from: ["a"], stack: "udpp" } } } }),
    400,
    "config-invalid",
  );
  assert.match(stack.where ?? "", /^body: channels\.clip\.input\.stack: "udpp", stack, column 1$/);
  assert.deepEqual(await (await send("GET", "/api/config")).json(), read);
  await put({});
});

test("metrics count packets per channel, input and subscriber, and the process", async () => {
  await send("PUT", "/channels/counted?kind=data", "one", "text/plain");
  const text = await (await send("GET", "/metrics")).text();
  assert.match(text, /^meander_channel_packets_in_total\{channel="counted",site="origin"\} 1$/m);
  assert.match(
    text,
    /^meander_input_packets_total\{channel="counted",input="main",kind="data",site="origin"\} 1$/m,
  );
  assert.match(text, /^meander_directory_connected\{site="origin"\} 1$/m);
  assert.match(text, /^process_cpu_seconds_total\{site="origin"\} /m);
  for (const thread of ["main", "plane"]) {
    const lag = new RegExp(
      `^nodejs_eventloop_lag_p99_seconds\\{thread="${thread}",site="origin"\\} \\d`,
      "m",
    );
    assert.match(text, lag);
  }
  assert.doesNotMatch(text, / NaN$/im);
  const again = await (await send("GET", "/metrics")).text();
  assert.match(again, /^meander_channel_packets_in_total\{channel="counted",site="origin"\} 1$/m);
  await send("DELETE", "/channels/counted");
});

test("counts go on when an input is opened again, and are there when they are read first", async () => {
  const count = async (name: string): Promise<string | undefined> => {
    const text = await (await send("GET", "/metrics")).text();
    return new RegExp(`^${name}\\{channel="again"[^}]*\\} (\\d+)$`, "m").exec(text)?.[1];
  };
  for (let opened = 1; opened <= 3; opened++) {
    await send("PUT", "/channels/again?kind=data", "one", "text/plain");
    await send("POST", "/api/messages/again", "two", "text/plain");
    await send("DELETE", "/channels/again");
    if (opened === 2) assert.equal(await count("meander_input_packets_total"), "4");
  }
  assert.equal(await count("meander_input_packets_total"), "6");
  assert.equal(await count("meander_input_bytes_total"), "18");
  assert.equal(await count("meander_channel_packets_in_total"), "6");
});

test("only the demo's actions reach its control", async () => {
  assert.equal((await send("POST", "/api/demo/sites/middle/kill")).status, 200);
  assert.deepEqual(api.acts, [["middle", "kill"]]);
  await refused(await send("POST", "/api/demo/sites/middle/explode"), 404, "path-unknown");
  await refused(await send("POST", "/api/demo/sites/nowhere/kill"), 404, "site-unknown");
  assert.equal(api.acts.length, 1);
});

test("pages are served, and other paths are 404", async () => {
  assert.equal(await (await send("GET", "/")).text(), "the console");
  await refused(await send("GET", "/nothing.html"), 404, "path-unknown");
  await refused(await send("GET", "/api/nothing"), 404, "path-unknown");
  await refused(await send("POST", "/"), 404, "path-unknown");
});

test("a foreign host name or page is refused by the API", async () => {
  assert.equal(
    (await fetch(`${site.url}/api/session`, { headers: { origin: "http://evil.example" } })).status,
    403,
  );
  const own = await fetch(`${site.url}/api/session`, {
    headers: { origin: `http://localhost:${site.record.http.port}` },
  });
  assert.equal(own.status, 200);
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(
      `${site.url}/api/stop`,
      { method: "POST", headers: { host: "evil.example" } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    request.on("error", reject);
    request.end();
  });
  assert.equal(status, 403);
});
