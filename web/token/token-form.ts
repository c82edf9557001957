/** A form that asks for a token. */
export function tokenForm(options: {
  readonly why: string;
  readonly onToken: (token: string) => void;
}): HTMLFormElement {
  const form = document.createElement("form");
  form.className = "token-form";
  const label = document.createElement("label");
  label.textContent = options.why;
  const field = document.createElement("input");
  field.type = "password";
  field.name = "token";
  field.autocomplete = "off";
  field.spellcheck = false;
  field.placeholder = "token";
  field.required = true;
  const button = document.createElement("button");
  button.type = "submit";
  button.textContent = "Use token";
  label.append(field);
  form.append(label, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    options.onToken(field.value);
    field.value = "";
  });
  return form;
}
