// Passkeys: a form marked data-passkey asks the browser first and is sent with its answer.
//   <form data-passkey="get" data-passkey-options="{…}">          the options stand in the page
//   <form data-passkey="get" data-passkey-from="/path/options">   they are asked for when the button is pressed
// The answer goes into the form's hidden field `answer`, `proof_answer` or `code`.
(() => {
  const answered = new WeakSet(); // forms whose next submit goes through
  const asking = new WeakSet();

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // Our own conversions, for browsers that don't have the ones of WebAuthn level 3.

  const listed = (some) => (some || []).map((one) => ({ ...one, id: bytes(one.id) }));

  function requestOptions(options) {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) };
  }

  function creationOptions(options) {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const user = { ...options.user, id: bytes(options.user.id) };
    return { ...options, user, challenge: bytes(options.challenge), excludeCredentials: listed(options.excludeCredentials) };
  }

  function plain(credential) {
    if (credential.toJSON) return credential.toJSON();
    const { response } = credential;
    const said = { clientDataJSON: text(response.clientDataJSON) };
    if (response.attestationObject) {
      said.attestationObject = text(response.attestationObject);
      said.transports = response.getTransports ? response.getTransports() : [];
    } else {
      said.authenticatorData = text(response.authenticatorData);
      said.signature = text(response.signature);
      if (response.userHandle) said.userHandle = text(response.userHandle);
    }
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: said, clientExtensionResults: credential.getClientExtensionResults() };
  }

  // What went wrong, in words.

  const SENTENCES = {
    NotAllowedError: "That was cancelled or took too long. Try again, or use another way.",
    AbortError: "That was cancelled. Try again, or use another way.",
    InvalidStateError: "This device has a passkey for your account already.",
    SecurityError: "The browser doesn't take passkeys at this address. Use another way.",
    NotSupportedError: "This device can't make a passkey. Try another one, or a security key.",
    TypeError: "The server could not be reached. Try again in a moment.",
  };

  function say(form, sentence) {
    let note = form.querySelector("[data-passkey-says]");
    if (!note) {
      note = document.createElement("div");
      note.className = "note tone-bad";
      note.setAttribute("role", "alert");
      note.dataset.passkeySays = "";
      note.append(document.createElement("p"));
      form.prepend(note);
    }
    note.hidden = !sentence;
    note.firstChild.textContent = sentence;
  }

  async function options(form) {
    if (form.dataset.passkeyOptions) return JSON.parse(form.dataset.passkeyOptions);
    const answer = await fetch(form.dataset.passkeyFrom, { method: "POST", headers: { Accept: "application/json" } });
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(said.message), { told: true });
    return said;
  }

  async function ask(form) {
    const wanted = await options(form);
    const credential = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: creationOptions(wanted) })
      : await navigator.credentials.get({ publicKey: requestOptions(wanted) });
    form.querySelector("[name=answer], [name=proof_answer], [name=code]").value = JSON.stringify(plain(credential));
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    if (!form.dataset?.passkey || button?.hasAttribute("formaction") || answered.delete(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (asking.has(form)) return;
    if (!window.PublicKeyCredential || !navigator.credentials) {
      say(form, "This browser can't use passkeys here. Use another way.");
      return;
    }
    if (!form.reportValidity()) return;
    asking.add(form);
    say(form, "");
    button?.setAttribute("aria-busy", "true");
    try {
      await ask(form);
      if (form.isConnected) {
        answered.add(form);
        form.requestSubmit(button);
        answered.delete(form);
      }
    } catch (error) {
      say(form, error.told ? error.message : SENTENCES[error.name] || "The passkey couldn't be used. Try again, or use another way.");
    } finally {
      asking.delete(form);
      button?.removeAttribute("aria-busy");
    }
  }, true);
})();
