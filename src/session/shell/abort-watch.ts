/**
 * Runs tasks when signals are aborted, with a single listener on each signal: platforms report many listeners as a
 * leak.
 */
export class AbortWatch {
  readonly #waiting = new WeakMap<AbortSignal, Set<() => void>>();

  /** Calls `task` once when the signal is aborted. Returns an unsubscribe function. */
  on(signal: AbortSignal, task: () => void): () => void {
    const tasks = this.#waiting.get(signal) ?? this.#listen(signal);
    tasks.add(task);
    return () => void tasks.delete(task);
  }

  /** Settles like the promise, or rejects with the reason of the signal if that is aborted first. */
  race<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return promise;
    return new Promise((resolve, reject) => {
      const undo = this.on(signal, () => reject(signal.reason));
      promise.then(resolve, reject).finally(undo);
      if (signal.aborted) reject(signal.reason);
    });
  }

  #listen(signal: AbortSignal): Set<() => void> {
    const tasks = new Set<() => void>();
    this.#waiting.set(signal, tasks);
    signal.addEventListener(
      "abort",
      () => {
        for (const task of [...tasks]) task();
        tasks.clear();
      },
      { once: true },
    );
    return tasks;
  }
}
