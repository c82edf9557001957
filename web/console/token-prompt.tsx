import { useEffect, useRef, useState } from "preact/hooks";
import type { SessionToken } from "../token/session-token.ts";
import { tokenForm } from "../token/token-form.ts";

/** Asks for a token while the sites require one. */
export function TokenPrompt(props: { readonly token: SessionToken; readonly onGiven: () => void }) {
  const { token, onGiven } = props;
  const [wanted, setWanted] = useState(token.wanted);
  const host = useRef<HTMLDivElement>(null);

  useEffect(() => token.onChange(() => setWanted(token.wanted)), [token]);
  useEffect(() => {
    const place = host.current;
    if (wanted === undefined || place === null) return;
    const form = tokenForm({
      why: `${wanted.message} The console requires one with the right “administer”.`,
      onToken: (text) => {
        token.give(text);
        onGiven();
      },
    });
    place.replaceChildren(form);
    return () => place.replaceChildren();
  }, [wanted, token, onGiven]);

  return wanted === undefined ? null : <div class="banner" ref={host} />;
}
