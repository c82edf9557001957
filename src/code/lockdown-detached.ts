/**
 * `ArrayBuffer.prototype.detached` where the language has none (before Node 21): imported before "ses", which else puts
 * a getter there that always answers false. What is built for WebAssembly trusts that answer, and goes on with memory
 * that is gone once its own has grown.
 *
 * @module
 */
if (!("detached" in ArrayBuffer.prototype))
  Object.defineProperty(ArrayBuffer.prototype, "detached", {
    get(this: ArrayBuffer): boolean {
      if (this.byteLength > 0) return false;
      try {
        new Uint8Array(this);
        return false;
      } catch {
        return true;
      }
    },
    enumerable: false,
    configurable: true,
  });
