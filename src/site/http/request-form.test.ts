import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOfForm } from "./request-form.ts";

const of = (url: string, ...rawHeaders: string[]) =>
  faultOfForm({ method: "GET", url, rawHeaders: ["Host", "localhost", ...rawHeaders] });

test("[A23] a target is a path: another host may not stand in it", () => {
  for (const url of ["/", "/a?b=c", "//x", "/%00", "/channels/cam/1"])
    assert.equal(of(url), undefined, url);
  for (const url of ["http://evil.example/", "*", "evil.example:80", "", "/a\u0000b", "/ä", "/a b"])
    assert.equal(of(url)?.code, "request-invalid", url);
});

test("[A23] headers that decide something come once", () => {
  for (const name of ["Host", "host", "HOST"])
    assert.match(of("/", name, "evil.example")?.message ?? "", /^header host: .* twice/);
  for (const name of ["Origin", "Authorization", "Content-Length", "Content-Type"])
    assert.equal(of("/", name, "a", name.toLowerCase(), "a")?.code, "request-invalid", name);
  assert.equal(of("/", "Accept", "a", "Accept", "b", "Cookie", "c", "Cookie", "d"), undefined);
});
