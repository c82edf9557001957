/** Values by remote host and port. Two steps, so that looking up the sender of a datagram makes no string. */
export class RemoteTable<T> {
  readonly #byHost = new Map<string, Map<number, T>>();

  get(host: string, port: number): T | undefined {
    return this.#byHost.get(host)?.get(port);
  }

  set(host: string, port: number, value: T): void {
    let byPort = this.#byHost.get(host);
    if (byPort === undefined) {
      byPort = new Map();
      this.#byHost.set(host, byPort);
    }
    byPort.set(port, value);
  }

  delete(host: string, port: number): void {
    const byPort = this.#byHost.get(host);
    if (byPort?.delete(port) === true && byPort.size === 0) this.#byHost.delete(host);
  }
}
