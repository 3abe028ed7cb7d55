// Forms: days and moments as they are typed and sent, and words that aren't saved yet.
(() => {
  const on = (type, handler, capture) => document.addEventListener(type, handler, capture);

  // -- moments are typed in the reader's own zone and sent in UTC; what wasn't touched is sent as it came

  function showMoments() {
    for (const input of document.querySelectorAll("input[data-moment]:not([data-shown])")) {
      input.dataset.shown = input.dataset.sent = "";
      const moment = input.value && new Date(input.value);
      if (input.value && Number.isNaN(moment.getTime())) continue; // what was refused stays to be mended
      input.dataset.sent = input.value;
      input.type = "datetime-local";
      if (moment) input.dataset.shown = input.value = `${day(moment)}T${clock(moment)}`;
    }
    for (const place of document.querySelectorAll("[data-due]")) {
      const [text, on, at] = place.querySelectorAll("input");
      if (text.dataset.sent === text.value || at.dataset.text === text.value) continue;
      if ("sent" in text.dataset && place.contains(document.activeElement)) continue; // being chosen just now
      const moment = text.value.length > 10 && new Date(text.value);
      if (moment && Number.isNaN(moment.getTime())) continue;
      text.dataset.sent = text.value;
      on.value = on.dataset.shown = moment ? day(moment) : text.value;
      at.value = at.dataset.shown = moment ? clock(moment) : "";
      place.classList.toggle("dated", Boolean(on.value));
    }
    for (const option of document.querySelectorAll("[data-days]")) {
      const now = new Date();
      option.dataset.value = option.value = day(new Date(now.getFullYear(), now.getMonth(), now.getDate() + Number(option.dataset.days)));
    }
  }
  const two = (number) => String(number).padStart(2, "0");
  const day = (moment) => `${String(moment.getFullYear()).padStart(4, "0")}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  const clock = (moment) => `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  const sent = (input) => (input.type !== "datetime-local" || !input.value ? input.value
    : input.value === input.dataset.shown ? input.dataset.sent : new Date(input.value).toISOString());
  on("input", (event) => {
    const place = event.target.closest("[data-due]");
    if (!place || event.target.type === "text") return;
    const [text, on, at] = place.querySelectorAll("input");
    const same = on.value === on.dataset.shown && at.value === at.dataset.shown;
    text.value = same ? text.dataset.sent : at.value && on.value ? new Date(`${on.value}T${at.value}`).toISOString() : on.value;
    at.dataset.text = text.value;
    place.classList.toggle("dated", Boolean(on.value || at.value));
  });
  // Half a date, or a time without its day, is no answer.
  function isUnfinished(within) {
    for (const place of within.querySelectorAll("[data-due]")) {
      const [, on, at] = place.querySelectorAll("input");
      if (at.value && !on.value && !on.validity.badInput) { guildhall.complain(on, "Choose the day too."); return true; }
    }
    return guildhall.unreadable(within);
  }
  on("submit", (event) => { if (isUnfinished(event.target)) { event.preventDefault(); event.stopImmediatePropagation(); } }, true);
  on("formdata", (event) => {
    for (const input of event.target.querySelectorAll("input[data-moment]")) event.formData.set(input.name, sent(input));
  });
  on("htmx:afterSwap", showMoments);
  showMoments();

  // -- words that aren't saved yet: asked about on every way out, and kept in this tab until they are sent

  const TYPED = "textarea, input:not([type=hidden], [type=password], [type=checkbox], [type=radio], [type=file], [type=search], [data-code])";
  const DOOR = /^\/(sign-in|session)/;
  const isGuarded = (form) => form?.method === "post" && !form.querySelector("[type=password], [data-code]");
  const dirty = (within = document) => [...within.querySelectorAll("form[data-dirty]")];
  const whose = document.querySelector(".menu-who span")?.textContent ?? "";
  const inputs = (form) => [...form.elements].filter((one) => one.name && (one.matches("[type=checkbox], select") || one.matches(TYPED)));
  const draftOf = (form) => `draft ${whose} ${new URL(form.action).pathname} ${inputs(form).map((one) => one.name)}`;
  const read = (key) => { try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; } };
  function keep(key, value) {
    try { if (value === null) sessionStorage.removeItem(key); else sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* no room: then only this page has it */ }
  }
  const isOn = (input) => (input.type === "checkbox" ? input.checked : input.value);
  function touch(form) {
    form.setAttribute("data-dirty", "");
    keep(draftOf(form), inputs(form).map(isOn));
  }
  on("input", (event) => {
    const form = event.target.form;
    if (event.target.closest("[data-editing]")) return; // a cell: the list goes on around it
    if (isGuarded(form) && (event.target.matches(TYPED) || form.matches("[data-guard]:not([data-autosave])"))) touch(form);
  });
  function forget(forms) {
    for (const form of forms) { form.removeAttribute("data-dirty"); keep(draftOf(form), null); }
  }
  function restore() {
    for (const form of document.querySelectorAll("form[method=post]:not([data-dirty], [data-restored])")) {
      const draft = isGuarded(form) && read(draftOf(form));
      if (!draft) continue;
      const all = inputs(form);
      if (all.every((input, place) => isOn(input) === draft[place])) continue;
      form.dataset.restored = "";
      all.forEach((input, place) => { if (input.type === "checkbox") input.checked = draft[place]; else input.value = draft[place]; });
      form.setAttribute("data-dirty", "");
      for (const details of form.querySelectorAll("details")) details.open = true;
      if (form.closest("details")) form.closest("details").open = true;
      const note = document.createElement("p");
      note.className = "note tone-info";
      note.setAttribute("role", "status");
      const save = form.matches("[data-autosave]") ? '<button type="button" class="btn btn-sm" data-save-all>Save it</button>' : "";
      note.innerHTML = `<span class="note-text">What you typed before is here again.</span>${save}<button type="button" class="btn btn-link btn-sm" data-discard>Start afresh</button>`;
      form.prepend(note);
    }
    showMoments();
  }
  on("click", (event) => {
    const form = event.target.closest("[data-discard]")?.form;
    if (form) { forget([form]); event.target.closest(".note").remove(); form.reset(); showMoments(); }
  });
  // What a plain form sent is safe once its answer came: a page that it led to, other than the door, or without a
  // refusal. Who comes back by themselves had no answer.
  function settle() {
    const sent = read("sent"), isAnswer = "answered" in document.body.dataset || performance.getEntriesByType("navigation")[0]?.redirectCount;
    const door = document.querySelector("[data-kept]"); // without scripts the page keeps what was typed; here a draft does
    if (door && sent) { location.replace(door.href); return; }
    keep("sent", null);
    if (!sent || !isAnswer || DOOR.test(location.pathname)) return;
    if (!document.querySelector("[aria-invalid=true], [data-toast=bad], .note.tone-bad")) keep(sent, null);
  }
  // A dialog in which a session ended is open again behind the door.
  on("htmx:beforeRequest", ({ detail: { elt } }) => {
    if (elt.matches("[hx-get][hx-target='#dialog']")) keep("dialog", { page: location.pathname, from: elt.getAttribute("hx-get") });
  });
  on("close", (event) => { if (event.target.id === "dialog") keep("dialog", null); }, true);
  on("DOMContentLoaded", () => {
    const asked = read("dialog"), before = document.referrer && new URL(document.referrer).pathname;
    if (DOOR.test(location.pathname)) return;
    keep("dialog", null);
    if (asked?.page === location.pathname && DOOR.test(before)) document.querySelector(`[hx-get="${CSS.escape(asked.from)}"]`)?.click();
  });
  on("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (new URL(form.action).pathname === "/sign-out") for (const key of Object.keys(sessionStorage)) if (/^(draft|recent|list) /.test(key)) keep(key, null);
    if (isGuarded(form)) { form.removeAttribute("data-dirty"); if (!form.matches("[hx-post]")) keep("sent", draftOf(form)); }
  });
  on("htmx:beforeRequest", ({ detail }) => { if (detail.elt.matches("form")) detail.elt.removeAttribute("data-dirty"); });
  on("htmx:beforeSwap", ({ detail }) => {
    const form = detail.requestConfig.elt?.closest?.("form");
    if (isGuarded(form) && detail.xhr.status < 400) keep(draftOf(form), null);
  });
  on("htmx:afterRequest", ({ detail }) => {
    const form = detail.elt.closest?.("form");
    if (!isGuarded(form) || detail.requestConfig.verb !== "post") return;
    const away = detail.xhr.getResponseHeader("HX-Redirect") ?? "";
    const isTaken = detail.xhr.status >= 200 && detail.xhr.status < 400; // htmx doesn't say so of one that leads away
    if (isTaken && !DOOR.test(away)) keep(draftOf(form), null);
    else if (form.isConnected && (form.matches("[data-guard]") || inputs(form).some((one) => one.matches(TYPED)))) form.setAttribute("data-dirty", "");
  });
  addEventListener("beforeunload", (event) => { if (dirty().some((form) => !form.matches("[data-draft]"))) event.preventDefault(); });
  async function mayLeave(forms) {
    const lost = forms.filter((form) => !form.matches("[data-draft]"));
    if (lost.length && !(await guildhall.ask("Leave without saving what you typed?", "Leave", true))) return false;
    forget(lost);
    for (const form of forms) form.removeAttribute("data-dirty"); // it is decided: nobody asks again about a draft
    if (forms.length > lost.length) guildhall.toast("info", "What you typed is kept for the next time.");
    return true;
  }
  on("click", async (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button || !dirty().length) return;
    if (link.matches("[hx-get], [download], [target=_blank], [href^='#']") || link.closest("[data-draft]")) return;
    event.preventDefault();
    if (await mayLeave(dirty())) location.href = link.href;
  });
  on("leaving", async (event) => { // a dialog is about to close
    const forms = dirty(event.target);
    if (!forms.length) return;
    event.preventDefault();
    if (await mayLeave(forms)) event.target.close();
  });

  // -- properties that save as they change

  let saving = Promise.resolve(); // one after another: each says what stood there when it was sent
  function autosave(...fields) {
    const { form } = fields[0];
    if (fields.some((field) => isUnfinished(field.closest(".field") ?? form))) return;
    if ("unsent" in form.dataset) fields = inputs(form);
    delete form.dataset.unsent;
    forget([form]);
    for (const { name, value } of fields.map((field) => ({ name: field.name, value: sent(field) }))) {
      saving = saving.then(async () => {
        const now = document.getElementById(form.id), was = now?.elements.namedItem(`was_${name}`);
        if (!was || value === was.value) return;
        const answered = await guildhall.ajax("POST", form.getAttribute("action"), {
          source: "#row_detail", target: "#row_detail", swap: "morph:outerHTML", values: { [name]: value, [was.name]: was.value },
        });
        if (!answered) { touch(now); now.dataset.unsent = ""; } // it's sent with the next, or when the network is back
      });
    }
  }
  addEventListener("online", () => { for (const form of document.querySelectorAll("[data-unsent]")) autosave(...inputs(form).filter((one) => one !== document.activeElement)); });
  on("click", (event) => {
    const button = event.target.closest("[data-save-all]");
    if (button) { autosave(...inputs(button.form)); button.closest(".note").remove(); }
  });
  on("change", (event) => {
    const form = event.target.form;
    if (!form?.matches("[data-autosave]")) return;
    const place = event.target.closest("[data-due]");
    if (place && [...place.querySelectorAll("input")].some((input) => !input.validity.valid)) return;
    autosave(place ? place.querySelector("input") : event.target);
  });
  on("keydown", (event) => {
    const { target } = event, form = target.form;
    if (event.key !== "Enter" || !form) return;
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); form.requestSubmit(); }
    else if (form.matches("[data-autosave]") && target.matches("input, [data-one-line]")) { event.preventDefault(); autosave(target.closest("[data-due]")?.querySelector("input") ?? target); }
  });
  on("submit", (event) => {
    if (!event.target.matches("[data-autosave]")) return;
    event.preventDefault();
    document.activeElement.blur();
  }, true);
  on("input", (event) => { if (event.target.matches("[data-one-line]")) event.target.value = event.target.value.replace(/\n/g, " "); });
  on("htmx:afterRequest", ({ detail }) => {
    const details = detail.successful && detail.elt.closest?.(".edit-text");
    if (details) details.open = false;
  });
  on("toggle", (event) => { if (event.target.matches(".edit-text[open]")) event.target.querySelector("textarea")?.focus(); }, true);

  settle();
  restore();
  on("htmx:afterSwap", restore);
  Object.assign(guildhall, { isUnfinished, sent });
})();
