/** Who waits for the abort of which signal. One listener for each signal, however many wait: platforms take more for a leak. */
export class AbortWatch {
  readonly #waiting = new WeakMap<AbortSignal, Set<() => void>>();

  /** Calls `task` once when the signal is aborted. Undone by the returned function. */
  on(signal: AbortSignal, task: () => void): () => void {
    const tasks = this.#waiting.get(signal) ?? this.#listen(signal);
    tasks.add(task);
    return () => void tasks.delete(task);
  }

  /** What a promise settles with, unless the signal is aborted before: then its reason is thrown. */
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
