import { isAboutToken } from "../../src/base/index.ts";

/** Where this tab of the browser keeps it: it goes with the tab, and no other origin reads it. */
const KEY = "meander-token";

/** Why the page has to ask for a token. */
export interface TokenWanted {
  readonly code: string;
  readonly message: string;
}

/** The token that the page shows to the sites. Never part of an address, which ends up in histories and logs. */
export class SessionToken {
  readonly #listeners = new Set<() => void>();
  #wanted: TokenWanted | undefined;
  #kept: string | undefined;

  /** Undefined: none was given. */
  get value(): string | undefined {
    try {
      return sessionStorage.getItem(KEY) ?? undefined;
    } catch {
      // Storage is switched off: then it lasts as long as the page.
      return this.#kept;
    }
  }

  /** Why one is wanted; undefined: none is, or the last one was taken. */
  get wanted(): TokenWanted | undefined {
    return this.#wanted;
  }

  /** Header fields of a request. */
  get headers(): Readonly<Record<string, string>> {
    const { value } = this;
    return value === undefined ? {} : { authorization: `Bearer ${value}` };
  }

  /** The user has typed one. */
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

  /** A site has refused. @returns whether that was for the token */
  refused(code: string, message: string): boolean {
    if (!isAboutToken(code)) return false;
    if (this.#wanted?.message === message) return true;
    this.#wanted = { code, message };
    this.#tell();
    return true;
  }

  /** A site has taken what it was shown. */
  taken(): void {
    if (this.#wanted === undefined) return;
    this.#wanted = undefined;
    this.#tell();
  }

  /** Undone by the returned function. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
