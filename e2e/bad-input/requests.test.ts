import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { endOf, meander } from "../support/processes.ts";
import { openUdp } from "../support/udp.ts";
import { WitnessedNetwork } from "../support/witnessed-network.ts";

const witnessed = WitnessedNetwork.use();

suite("a site", () => {
  const media = "m=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
  const sdps: readonly (readonly [sdp: string, code: string, words: RegExp])[] = [
    ["v=0\r\ns=x\r\n", "sdp-no-media", /m=video/],
    ["", "sdp-no-media", /m=video/],
    ["hello", "sdp-invalid", /line 1.*v=0/],
    [`v=0\r\ns=x\r\n${media.replace("5004", "0")}`, "sdp-port-invalid", /line 3.*1 to 65535/],
    [`v=0\r\ns=x\r\n${media.replace("5004", "70000")}`, "sdp-port-invalid", /line 3.*1 to 65535/],
    [`v=0\r\ns=x\r\n${media.replace("5004", "http")}`, "sdp-port-invalid", /line 3.*1 to 65535/],
    [`v=0\r\ns=x\r\n${media.replace("96 H264", "97 H264")}`, "sdp-invalid", /line 3.*rtpmap:96/],
    [`v=0\r\ns=x\r\n${media.replace("RTP/AVP", "UDP")}`, "sdp-invalid", /line 3.*RTP\/AVP/],
    [`v=0\r\n${"a=x\r\n".repeat(20_000)}`, "sdp-invalid", /65536/],
  ];
  test("that is given an SDP with a fault says where it is and what was expected", async () => {
    for (const [sdp, code, words] of sdps) {
      const shown = sdp.slice(0, 80);
      const response = await fetch(`${witnessed.solo.url}/channels/described`, {
        method: "PUT",
        headers: { "content-type": "application/sdp" },
        body: sdp,
      });
      const { error } = (await response.json()) as { error: Record<string, string> };
      assert.equal(response.status, 400, shown);
      assert.equal(error["code"], code, shown);
      assert.match(`${error["where"]} ${error["expected"]}`, words, shown);
    }
    await assert.rejects(witnessed.solo.client.channel("described"), { code: "channel-unknown" });
  });

  test("that is given a port in use says which", async () => {
    const taken = await openUdp();
    const { port } = taken.address();
    const sdp = `v=0\r\ns=x\r\n${media.replace("5004", `${port}`)}`;
    await assert.rejects(
      witnessed.solo.client.publishSdp("blocked", sdp, { ports: "sdp" }),
      (error) => {
        assert.ok(error instanceof Error && "code" in error);
        assert.equal(error.code, "port-in-use");
        assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*in use.*another port`));
        return true;
      },
    );
    taken.close();
  });

  test("accepts unusual names of channels that are valid, and says what a valid name is", async () => {
    const put = async (name: string): Promise<{ status: number; code: string | undefined }> => {
      const path = name.split("/").map(encodeURIComponent).join("/");
      const response = await fetch(`${witnessed.solo.url}/channels/${path}?kind=data`, {
        method: "PUT",
      });
      const body = (await response.json()) as { error?: { code: string; expected: string } };
      if (body.error?.code === "channel-invalid")
        assert.match(body.error.expected, /letters, digits/);
      return { status: response.status, code: body.error?.code };
    };
    for (const name of ["a", "A-b_c.d", "news/world/now", "0", "x".repeat(100)]) {
      assert.equal((await put(name)).status, 201, name);
      await witnessed.solo.client.unpublish(name);
    }
    const odd = [
      " ",
      "a b",
      "a\u0000b",
      "ü",
      "😀",
      "a//b",
      "a/",
      ".hidden",
      "a/.b",
      "x".repeat(101),
      "<script>",
      "a?b",
      "a%b",
      "a\nb",
      "constructor/__proto__/ ",
    ];
    for (const name of odd) {
      assert.deepEqual(
        await put(name),
        { status: 400, code: "channel-invalid" },
        JSON.stringify(name),
      );
    }
    for (const name of ["__proto__", "constructor"]) {
      assert.equal((await put(name)).status, 201, name);
      await witnessed.solo.client.unpublish(name);
    }
  });

  test("that is given invalid routes says where, what was expected and what to do", async () => {
    const cases: readonly (readonly [routes: string, words: readonly RegExp[]])[] = [
      ['{"upstream":[]}', [/unknown key/, /upstream/, /"next":".*upstreams/]],
      ['{"maxSubscribers":"many"}', [/maxSubscribers/, /got .*many/, /"expected":".*number/]],
      ['{"upstreams":"north"}', [/upstreams/, /got .*north/, /"expected":"a list"/]],
      ['{"upstreams":["No Site"]}', [/upstreams\[0\]/, /starting with a letter/]],
      ['{"channels":{"a b":{}}}', [/channels/, /a b/, /letters, digits/]],
      ['{"channels":{"a":{"input":{"from":[]}}}}', [/channels\.a\.input\.from/, /at least 1/]],
      ['{"channels":{"a":{"silenceMs":-1}}}', [/channels\.a\.silenceMs/, /got -1/, /at least 50/]],
      ['{"stack":"pigeon"}', [/stack/, /pigeon/, /udp, multicast, tcp/]],
      ['{"stack":"frag(mtu=9):udp"}', [/stack/, /mtu/, /576/]],
      ["{", [/JSON/]],
      ["[]", [/"expected":"an object"/]],
    ];
    const before = await witnessed.solo.client.routes();
    for (const [body, words] of cases) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${witnessed.solo.url}/api/config`, {
        method: "PUT",
        headers,
        body,
      });
      assert.equal(response.status, 400, body);
      const text = await response.text();
      for (const word of words) assert.match(text, word, body);
    }
    const file = join(witnessed.network.folder, "routes.json");
    await writeFile(file, '{"channels":{"a":{"maxPublishers":0}}}');
    const running = meander("config", "set", file, "--site", witnessed.solo.url);
    assert.equal(await running.ended, 2);
    assert.match(
      running.stderr(),
      /^error: .*0.*\n {2}where: .*channels\.a\.maxPublishers\n {2}expected: .*1/,
    );
    assert.deepEqual(await witnessed.solo.client.routes(), before, "nothing was applied");
  });
});

test("a site that cannot start says why, where and what to do", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => void taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" ? `${address?.port}` : "";
  const udp = await openUdp();
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(witnessed.network.folder, name);
    await writeFile(path, text);
    return path;
  };
  const free = [
    "--http-port",
    "0",
    "--udp-port",
    "0",
    "--data",
    join(witnessed.network.folder, "never"),
  ];
  const cases: readonly (readonly [
    args: readonly string[],
    code: number,
    words: readonly RegExp[],
  ])[] = [
    [
      ["--name", "x", "--join", `http://127.0.0.1:${udp.address().port}`, ...free],
      1,
      [
        /no site answers: connection refused/,
        /--join http:\/\/127\.0\.0\.1:\d+/,
        /start that site/,
      ],
    ],
    [
      ["--name", "x", "--http-port", port],
      1,
      [/the port is taken/, new RegExp(`127.0.0.1:${port}`), /another --http-port/],
    ],
    [
      ["--name", "x", "--http-port", "0", "--udp-port", `${udp.address().port}`],
      1,
      [/the port is taken/, /\(UDP\)/, /another --udp-port/],
    ],
    [free, 2, [/no name/, /argument --name/, /1 to 40 of a-z/, /add --name NAME/]],
    [["--name", "Große", ...free], 2, [/argument --name/, /a-z, 0-9 and -/]],
    [
      ["--name", "x", "--http-port", "seventy"],
      2,
      [/argument --http-port/, /got "seventy"/, /0 to 65535/],
    ],
    [
      ["--name", "x", "--join", "north", ...free],
      2,
      [/argument --join/, /http:\/\/127\.0\.0\.1:7000/],
    ],
    [["--name", "x", "--host", "0.0.0.0", ...free], 1, [/other machines/, /--open/]],
    [
      ["--config", await file("a.json", '{"name":"x","colour":"red"}'), ...free],
      2,
      [/a\.json: colour/, /unknown key/, /name, join/],
    ],
    [["--config", await file("b.json", '{"name":7}'), ...free], 2, [/b\.json: name/, /got 7/]],
    [
      ["--config", await file("c.json", '{"name":"x",\n "host": }'), ...free],
      2,
      [/c\.json: line 2, column 10/, /JSON/],
    ],
    [
      ["--config", join(witnessed.network.folder, "none.json"), ...free],
      2,
      [/none\.json/, /cannot be read/],
    ],
    [["--nmae", "x"], 2, [/unknown option/, /--name/]],
  ];
  // Two at a time: each starts the command line.
  const waiting = [...cases];
  const runner = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [args, code, words] = next;
      const running = meander("site", ...args);
      assert.equal(await endOf(running), code, `${args.join(" ")}: ${running.stderr()}`);
      for (const word of words) assert.match(running.stderr(), word, args.join(" "));
      assert.doesNotMatch(
        running.stderr(),
        /\n {4}at /,
        "no stack trace for a mistake of the caller",
      );
    }
  };
  await Promise.all([runner(), runner()]);
  udp.close();
  await new Promise((resolve) => void taken.close(resolve));
});

witnessed.testMemory();
