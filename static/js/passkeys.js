// Passkeys: the browser makes or shows one, then the form with its answer goes the usual way.
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

// What older browsers lack of toJSON(): all that the panel reads of an answer.
const plain = ({ rawId, type, response }) => {
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const found = parts.filter((part) => response[part]).map((part) => [part, text(response[part])]);
  return JSON.stringify({ rawId: text(rawId), type, response: Object.fromEntries(found) });
};

const make = (asked) => {
  const user = { ...asked.user, id: bytes(asked.user.id) };
  const known = (asked.excludeCredentials ?? []).map((key) => ({ ...key, id: bytes(key.id) }));
  const publicKey = { ...asked, user, challenge: bytes(asked.challenge), excludeCredentials: known };
  return navigator.credentials.create({ publicKey });
};

const show = async (url, form) => {
  const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  const asked = await (await fetch(url, { method: "POST", headers })).json();
  const publicKey = { ...asked, challenge: bytes(asked.challenge) };
  return navigator.credentials.get({ publicKey });
};

const attach = (form, ask) => {
  const failed = document.querySelector("[data-passkey-failed]");
  let asking = false;
  form.addEventListener("submit", async (event) => {
    const answer = form.elements.answer;
    if (answer.value) return;
    event.preventDefault();
    // Nothing is sent yet: who counts what is sent must not see it.
    event.stopPropagation();
    if (asking) return;
    asking = true;
    failed.hidden = true;
    try {
      answer.value = plain(await ask());
      form.requestSubmit();
    } catch {
      failed.hidden = false;
    }
    asking = false;
  });
};

if (window.PublicKeyCredential) {
  const making = document.querySelector("[data-passkey-make]");
  if (making) attach(making.closest("form"), () => make(JSON.parse(making.dataset.passkeyMake)));
  const showing = document.querySelector("[data-passkey-show]");
  if (showing) {
    showing.hidden = false;
    attach(showing, () => show(showing.dataset.passkeyShow, showing));
  }
}
