import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import type * as Koffi from "koffi";

/** Sends one message to a service manager. Rejects with the reason of a failure. */
export type SendNotice = (text: string) => Promise<void>;

/**
 * Node has no datagram sockets in the file system: system calls are used, or else the program that comes with systemd.
 */
export function noticeSender(address: string): SendNotice {
  return nativeSender(address) ?? programSender(address);
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** A path in a `sockaddr_un`, with the zero behind it. */
const PATH_BYTES_MAX = 108;
const FAMILY_BYTES = 2;

/** By the system's calls. Undefined where `koffi` is missing or the system is another. */
export function nativeSender(address: string): SendNotice | undefined {
  if (process.platform !== "linux") return undefined;
  const target = addressBytes(address);
  if (target === undefined) return undefined;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi;
    const library = koffi.load(null);
    const socket = library.func("socket", "int", ["int", "int", "int"]);
    const bytes = ["int", "void *", "size_t", "int", "void *", "uint"];
    const sendto = library.func("sendto", "int64_t", bytes);
    const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) as number;
    if (descriptor < 0) return undefined;
    return async (text) => {
      const message = Buffer.from(text);
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const sent = Number(
        sendto(descriptor, message, message.byteLength, flags, target, target.byteLength),
      );
      if (sent < 0) throw new Error(`sendto failed with errno ${koffi.errno()}`);
    };
  } catch {
    return undefined;
  }
}

/** By `systemd-notify`, which the unit must allow to speak for it: `NotifyAccess=all`. */
export function programSender(address: string): SendNotice {
  const run = promisify(execFile);
  return async (text) => {
    const lines = text.split("\n").filter((line) => line !== "");
    await run("systemd-notify", [`--pid=${process.pid}`, "--no-block", ...lines], {
      env: { ...process.env, NOTIFY_SOCKET: address },
      timeout: 5_000,
    });
  };
}

/** A `sockaddr_un`. `@name` is a socket without a file (unix(7), "abstract"). */
function addressBytes(address: string): Uint8Array | undefined {
  if (!/^[/@]/.test(address)) return undefined;
  const path = Buffer.from(address);
  if (path.byteLength >= PATH_BYTES_MAX) return undefined;
  const isAbstract = address.startsWith("@");
  const target = Buffer.alloc(FAMILY_BYTES + path.byteLength + (isAbstract ? 0 : 1));
  target.writeUInt16LE(AF_UNIX, 0);
  path.copy(target, FAMILY_BYTES);
  if (isAbstract) target[FAMILY_BYTES] = 0;
  return target;
}
