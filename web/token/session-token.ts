import { isAboutToken } from "../../src/base/index.ts";

/** Its key in the storage of this tab, which ends with the tab and which no other origin reads. */
const KEY = "meander-token";

/** Why a site requires a token. */
export interface TokenWanted {
  readonly code: string;
  readonly message: string;
}

/** The token that the page shows to the sites. Never part of an address, which ends up in histories and logs. */
export class SessionToken {
  readonly #listeners = new Set<() => void>();
  #wanted: TokenWanted | undefined;
  #kept: string | undefined;

  /** Undefined: none was entered. */
  get value(): string | undefined {
    try {
      return sessionStorage.getItem(KEY) ?? undefined;
    } catch {
      // Storage is disabled: the token lasts as long as the page.
      return this.#kept;
    }
  }

  /** Why one is required; undefined: none is, or the last one was accepted. */
  get wanted(): TokenWanted | undefined {
    return this.#wanted;
  }

  /** Header fields for a request. */
  get headers(): Readonly<Record<string, string>> {
    const { value } = this;
    return value === undefined ? {} : { authorization: `Bearer ${value}` };
  }

  /** Keeps a token that the user entered. */
  give(token: string): void {
    const text = token.trim();
    this.#kept = text;
    try {
      sessionStorage.setItem(KEY, text);
    } catch {
      // As above.
    }
    this.taken();
  }

  /** Notes that a site refused a request. @returns whether the token, or its absence, was the reason */
  refused(code: string, message: string): boolean {
    if (!isAboutToken(code)) return false;
    if (this.#wanted?.message === message) return true;
    this.#wanted = { code, message };
    this.#tell();
    return true;
  }

  /** Notes that a site accepted the token. */
  taken(): void {
    if (this.#wanted === undefined) return;
    this.#wanted = undefined;
    this.#tell();
  }

  /** @returns unsubscribes */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
