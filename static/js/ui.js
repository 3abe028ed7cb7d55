// What a page needs from the browser alone: toasts, dialogs, confirmations, times, the drawer, the progress line.
// Everything hangs on the document, so whatever the server swaps in works at once.
(() => {
  const byId = (id) => document.getElementById(id);
  const on = (type, handler, capture = false) => document.addEventListener(type, handler, capture);
  // A key within a composition is the input method's own. Safari's last one comes after its end: its code tells.
  addEventListener("keydown", (event) => { if (event.isComposing || event.keyCode === 229) event.stopImmediatePropagation(); }, true);
  const say = (text) => { byId("live").textContent = text; };

  // -- hx-swap="morph": the stock extension takes every out-of-band swap for an inline one (a beforeend would nest its
  //    wrapper) and needs eval; this one also leaves alone what the reader is typing, has ticked or has opened

  const keep = (name, node) => !(name === "open" && node.matches("details, dialog")) && !(name === "checked" && node.matches(".row-check"));
  const untouched = (node) => !(node.nodeType === Node.ELEMENT_NODE && node.matches("[data-editing], form[data-dirty]"));
  htmx.defineExtension("morph", {
    isInlineSwap: (style) => style === "morph" || style === "morph:outerHTML",
    handleSwap: (style, target, fragment) => {
      if (!style.startsWith("morph")) return false;
      const morphStyle = style === "morph:innerHTML" ? "innerHTML" : "outerHTML";
      const ignoreActiveValue = Boolean(document.activeElement?.matches("input, textarea, select")); // a row that has the focus follows
      return Idiomorph.morph(target, fragment.children, { morphStyle, ignoreActiveValue, callbacks: { beforeAttributeUpdated: keep, beforeNodeMorphed: untouched } });
    },
  });

  // -- tabs that don't fit: the one that is open stands in view

  const open = (tabs) => {
    const here = tabs.querySelector("[aria-current]")?.getBoundingClientRect(), all = tabs.getBoundingClientRect();
    if (here) tabs.scrollLeft += here.left + here.width / 2 - all.left - all.width / 2;
  };
  htmx.onLoad((part) => [part, ...part.querySelectorAll(".tabs")].forEach((one) => one.matches(".tabs") && open(one)));

  // -- words that are cut off: whole on hover

  on("pointerover", ({ target }) => {
    if (target.scrollWidth > target.clientWidth && getComputedStyle(target).textOverflow === "ellipsis" && !target.closest("[title]")) target.title = target.textContent.trim();
  });

  // -- times, in the reader's zone: relative within a day, absolute beyond, exact on hover

  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const format = (options) => new Intl.DateTimeFormat(undefined, options);
  const shapes = {
    date: format({ day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }),
    day: format({ day: "numeric", month: "short", year: "numeric" }),
    clock: format({ hour: "2-digit", minute: "2-digit" }),
    moment: format({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }),
    exact: format({ dateStyle: "full", timeStyle: "long" }),
  };

  const near = { weekday: format({ weekday: "short" }), year: format({ day: "numeric", month: "short" }) };

  // A due day or moment: Today, Tomorrow, Fri, 3 days late; the clock only where a time was given.
  function dueText(moment, isDay) {
    const now = new Date(), today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
    const days = Math.round((new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()) - today) / 86400000);
    const late = isDay ? days < 0 : moment < now;
    if (late && days < 0) return [days === -1 ? "1 day late" : `${-days} days late`, late];
    const day = days === 0 ? "Today" : days === 1 ? "Tomorrow" : days > 0 && days < 7 ? near.weekday.format(moment)
      : (moment.getFullYear() === now.getFullYear() ? near.year : shapes.day).format(moment);
    const text = isDay ? day : `${day}, ${shapes.clock.format(moment)}`;
    return [late ? `${text}, late` : text, late];
  }
  function showDue(element) {
    const isDay = element.dateTime.length === 10;
    const moment = new Date(isDay ? `${element.dateTime}T00:00` : element.dateTime);
    const [text, late] = dueText(moment, isDay);
    if (element.textContent !== text) element.textContent = text;
    element.title = isDay ? format({ dateStyle: "full" }).format(moment) : shapes.exact.format(moment);
    element.closest(".due")?.classList.toggle("overdue", late);
  }

  function timeText(moment, form) {
    if (form !== "auto" && form !== "near") return shapes[form].format(moment);
    const seconds = Math.round((moment - Date.now()) / 1000);
    const size = Math.abs(seconds);
    if (size < 45) return relative.format(0, "second");
    if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
    if (size < 86400) return relative.format(Math.round(seconds / 3600), "hour");
    return shapes[form === "near" ? "day" : "moment"].format(moment); // near: the clock only where it's soon
  }

  function showTimes() {
    for (const element of document.querySelectorAll("time[data-form]")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const form = element.dataset.form;
      if (form === "due") { showDue(element); continue; }
      const text = timeText(moment, form in shapes || form === "near" ? form : "auto");
      if (element.textContent !== text) element.textContent = text;
      if (form !== "date") element.title = shapes.exact.format(moment);
    }
  }
  setInterval(showTimes, 30000);

  // -- what a browser is told once

  for (const note of document.querySelectorAll("[data-once]")) {
    const name = `once ${note.dataset.once}`;
    note.querySelector("button")?.addEventListener("click", () => {
      try { localStorage.setItem(name, "seen"); } catch { /* private mode: it comes again */ }
      note.remove();
      byId("main")?.focus();
    });
  }

  // -- toasts: leave after six seconds, wait under the pointer or the focus, errors stay

  const toasts = new WeakSet();

  function leave(toast) {
    toast.classList.add("leaving");
    setTimeout(() => toast.remove(), 160);
  }

  // An open dialog makes everything beside it unreachable: notices move into it.
  function showToasts() {
    setTimeout(() => { // after the swap that brought them, or it would take them along
      const notice = byId("notice"), place = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
      if (notice.querySelector("[data-toast]") && notice.parentElement !== place) place.append(notice);
    });
    const all = [...document.querySelectorAll("[data-toast]:not(.leaving)")];
    all.slice(0, -4).forEach(leave);
    for (const toast of all.filter((one) => !toasts.has(one))) {
      toasts.add(toast);
      for (const one of all) if (one !== toast && toasts.has(one) && one.textContent === toast.textContent) one.remove();
      if (toast.dataset.toast === "bad") continue;
      let left = 6000;
      const tick = setInterval(() => {
        if (!toast.isConnected) return clearInterval(tick);
        if (document.hidden || toast.matches(":hover, :focus-within")) return;
        left -= 250;
        if (left <= 0) { clearInterval(tick); leave(toast); }
      }, 250);
    }
  }

  function toast(tone, text, about = {}) {
    const note = document.createElement("div");
    note.className = `toast-note tone-${tone}`;
    Object.assign(note.dataset, { toast: tone }, about);
    const words = document.createElement("p");
    words.textContent = text;
    note.append(words);
    byId("notice").append(note);
    showToasts();
  }

  // -- dialogs: #dialog opens when the server puts something in and closes when it is emptied

  let opener = null;

  function showDialog() {
    const dialog = byId("dialog");
    if (!dialog) return;
    if (dialog.childElementCount && !dialog.open) {
      opener = document.activeElement;
      dialog.showModal();
      (dialog.querySelector("[autofocus], [aria-invalid=true]") ||
        dialog.querySelector("input:not([type=hidden]), select, textarea") || dialog).focus();
    } else if (!dialog.childElementCount && dialog.open) {
      dialog.close();
    }
  }

  on("close", (event) => {
    if (event.target.contains(byId("notice"))) document.body.append(byId("notice"));
    if (event.target.id === "dialog") event.target.replaceChildren();
    const back = opener && (opener.isConnected ? opener : opener.id && byId(opener.id));
    const isTaken = document.activeElement !== document.body; // by the browser, or by somebody who went on meanwhile
    if (event.target.id === "dialog" && back && !isTaken) back.focus({ preventScroll: true });
  }, true);
  on("mousedown", (event) => {
    // A press on the backdrop closes, unless something was typed that would be lost.
    const dialog = event.target;
    if (dialog.tagName === "DIALOG" && dialog.open) {
      const box = dialog.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) closing(dialog);
    }
  });
  // forms.js may have something against it.
  function closing(dialog) {
    if (dialog.dispatchEvent(new CustomEvent("leaving", { bubbles: true, cancelable: true }))) dialog.close();
  }
  on("cancel", (event) => { if (event.target.id === "dialog") { event.preventDefault(); closing(event.target); } }, true);
  on("closeDialog", () => byId("dialog").close()); // HX-Trigger: closeDialog

  // -- a menu with many entries is narrowed by what is typed above them

  on("input", ({ target }) => {
    if (!target.matches?.("[data-narrows='']")) return;
    const words = target.value.trim().toLocaleLowerCase().split(/\s+/);
    let found = 0;
    for (const entry of target.parentElement.querySelectorAll("form")) {
      const name = entry.textContent.toLocaleLowerCase();
      entry.hidden = !words.every((word) => name.includes(word));
      if (!entry.hidden) found += 1;
    }
    target.parentElement.querySelector("[data-narrowed]").hidden = found > 0;
  });
  on("toggle", ({ target }) => {
    if (target.matches?.("details[open].switcher") && matchMedia("(hover: hover)").matches) target.querySelector("[data-narrows]")?.focus();
    if (target.matches?.(".is-wide details[open].menu")) lay(target);
  }, true);
  // A table that scrolls in its card would cut off the menu of a row: it lies over the page, and goes with its row.
  function lay(menu) {
    const panel = menu.querySelector(".menu-panel"), around = menu.getBoundingClientRect(), below = around.bottom + 4;
    panel.style.right = `${document.documentElement.clientWidth - around.right}px`;
    panel.style.top = `${below + panel.offsetHeight < innerHeight ? below : Math.max(8, around.top - 4 - panel.offsetHeight)}px`;
  }
  on("scroll", ({ target }) => {
    if (!target.closest?.(".menu-panel")) document.querySelectorAll(".is-wide details[open].menu").forEach(lay);
  }, true);

  // -- confirmations, in our own dialog: <form data-confirm="Refund order 1042?" data-confirm-verb="Refund">, hx-confirm

  // A form may have a title and another word for no: data-confirm-title, data-confirm-no.
  function ask(sentence, verb, danger, { confirmTitle = "", confirmNo = verb?.startsWith("Cancel") ? "Back" : "Cancel" } = {}) {
    const dialog = byId("confirm");
    const yes = byId("confirm_yes");
    const title = byId("confirm_title");
    title.hidden = !confirmTitle;
    title.textContent = confirmTitle;
    dialog.setAttribute("aria-labelledby", confirmTitle ? "confirm_title" : "confirm_text");
    if (confirmTitle) dialog.setAttribute("aria-describedby", "confirm_text"); else dialog.removeAttribute("aria-describedby");
    byId("confirm_no").textContent = confirmNo;
    byId("confirm_text").textContent = sentence;
    yes.textContent = verb || "Continue";
    yes.className = `btn ${danger ? "btn-danger" : "btn-primary"}`;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((answer) => {
      dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
    });
  }

  const verbOf = (element) => element?.dataset.confirmVerb || element?.innerText?.trim() || element?.value || "";
  const isDanger = (element) => Boolean(element?.matches(".btn-danger, .danger, [data-danger]"));

  on("htmx:confirm", async (event) => {
    const { question, elt, triggeringEvent, issueRequest } = event.detail;
    if (!question) return;
    event.preventDefault();
    const button = triggeringEvent?.submitter || elt;
    const verb = elt.dataset.confirmVerb || (button.matches("button, a") ? verbOf(button) : "");
    if (await ask(question, verb, isDanger(button) || isDanger(elt), elt.dataset)) issueRequest(true);
  });

  // -- sending: once, and not before the question is answered

  const agreed = new WeakSet(), sent = new WeakMap(), next = new WeakMap(); // form → what is on its way; what was pressed since
  const written = (form) => new URLSearchParams(new FormData(form)).toString();

  function sending(form, yes) {
    if (yes && !("sending" in form.dataset)) sent.set(form, written(form));
    if (yes) form.dataset.sending = ""; else delete form.dataset.sending;
    for (const button of form.querySelectorAll("button:not([type=button]), input[type=submit]")) {
      // aria-disabled rather than disabled: the focus stays where it is.
      if (yes) { button.setAttribute("aria-disabled", "true"); button.setAttribute("aria-busy", "true"); }
      else { button.removeAttribute("aria-disabled"); button.removeAttribute("aria-busy"); }
    }
  }

  // What the browser calls invalid it sends as nothing (half a date, letters in a number): it's said instead.
  function unreadable(within) {
    const wrong = [...within.querySelectorAll("input")].find((input) => input.validity.badInput);
    if (wrong) complain(wrong, wrong.type === "number" ? "Write a number." : "Finish this date, or clear it.");
    return Boolean(wrong);
  }
  function complain(input, sentence) {
    const id = `${input.id || input.name}_unread`;
    byId(id)?.remove();
    const note = document.createElement("p");
    Object.assign(note, { id, className: "field-error", textContent: sentence });
    note.setAttribute("role", "alert");
    input.closest(".due-input, .field, td")?.append(note);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.addEventListener("input", () => { note.remove(); input.removeAttribute("aria-invalid"); }, { once: true });
    input.focus();
  }

  on("submit", async (event) => {
    const form = event.target;
    if (form.method === "dialog") return;
    if (unreadable(form)) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    // Without a network a plain form would lead to the browser's own error page, away from what was typed.
    if (!navigator.onLine && form.method === "post" && !form.matches("[hx-post], [data-alone]")) { event.preventDefault(); event.stopImmediatePropagation(); sayUnreached(); return; }
    if ("sending" in form.dataset) {
      event.preventDefault();
      event.stopImmediatePropagation();
      // The same again is one press too many; something else in a form that stays open is sent as soon as it can be.
      if (form.matches("[hx-post]") && written(form) !== sent.get(form)) next.set(form, { submitter: event.submitter });
      return;
    }
    if (form.dataset.confirm && !agreed.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter;
      const verb = form.dataset.confirmVerb || verbOf(button);
      if (await ask(form.dataset.confirm, verb, isDanger(button) || isDanger(form), form.dataset)) {
        agreed.add(form);
        form.requestSubmit(button);
        agreed.delete(form);
      }
    }
  }, true);
  on("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    setTimeout(() => sending(form, true)); // after the browser has read the form
    setTimeout(() => sending(form, false), 10000); // a download leaves the page standing
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sending]").forEach((form) => sending(form, false)));
  on("htmx:beforeRequest", (event) => { if (event.detail.elt.matches("form")) sending(event.detail.elt, true); });
  on("htmx:afterRequest", (event) => {
    const form = event.detail.elt;
    if (form.matches("form")) {
      sending(form, false);
      const pressed = next.get(form);
      next.delete(form);
      if (pressed && form.isConnected) form.requestSubmit(pressed.submitter?.isConnected ? pressed.submitter : null);
    }
    if (event.detail.successful && form.closest("[data-toast]")) leave(form.closest("[data-toast]")); // taken back: nothing is left to undo
  });

  // -- the progress line, for requests that take longer than 300 ms; polling is marked data-quiet

  const running = new Set();
  const showLine = () => { byId("progress_line").hidden = ![...running].some((one) => Date.now() - one.since >= 290); };
  on("htmx:beforeRequest", (event) => {
    if (event.detail.elt.closest("[data-quiet]")) return;
    const one = { since: Date.now() };
    event.detail.xhr.guildhall = one;
    running.add(one);
    setTimeout(showLine, 300);
  });
  on("htmx:afterRequest", (event) => { running.delete(event.detail.xhr?.guildhall); showLine(); });

  // -- offline, and answers that never came

  const showOffline = () => { byId("offline").hidden = navigator.onLine; };
  const sayUnreached = () => toast("bad", "The server could not be reached. Nothing was lost; try again in a moment.", { unreached: "" });
  const forgetUnreached = () => document.querySelectorAll("[data-unreached]").forEach(leave);
  // A request of a script's own: whether an answer came. Where none did, the person was told so below.
  const ajax = (verb, url, about) => htmx.ajax(verb, url, about).then(() => true, () => false);
  addEventListener("online", forgetUnreached);
  on("htmx:afterOnLoad", ({ detail }) => { if (detail.xhr.getResponseHeader("X-Request-Id")) forgetUnreached(); });
  addEventListener("online", showOffline);
  addEventListener("offline", showOffline);
  on("htmx:sendError", (event) => {
    showOffline();
    if (!event.detail.elt.closest("[data-quiet]")) sayUnreached();
  });
  on("htmx:timeout", (event) => {
    if (!event.detail.elt.closest("[data-quiet]")) toast("bad", "The answer took longer than 30 seconds. Reload the page to see whether it went through.");
  });

  // -- after a swap: the focus where a person would put it (htmx keeps it when the same id comes back)

  const refused = "[aria-invalid=true], fieldset:has(> .field-error) input:not([type=hidden])";
  let acting = null; // what had the focus when the request left
  on("htmx:beforeRequest", () => { acting = document.activeElement; });
  on("htmx:afterSettle", (event) => {
    const target = event.detail.elt;
    const wrong = target.matches?.(refused) ? target : target.querySelector?.(refused);
    if (wrong && event.detail.xhr?.status === 422) { wrong.focus(); return; }
    if (document.activeElement !== document.body || !acting || acting === document.body || acting.isConnected) return;
    const next = target.isConnected && (target.querySelector("[autofocus], [data-focus], [data-row]") || target.closest("[id]"));
    if (!next) return;
    if (next.tabIndex < 0 && !next.hasAttribute("tabindex")) next.setAttribute("tabindex", "-1");
    next.focus({ preventScroll: true });
  });

  // -- rows that are ticked, and the bar that acts on them

  function showTicked() {
    for (const bar of document.querySelectorAll(".bulk-bar")) {
      const scope = (bar.dataset.for && byId(bar.dataset.for)) || document;
      const ticked = scope.querySelectorAll(".row-check:checked").length;
      bar.hidden = !ticked;
      const count = bar.querySelector("[data-ticked]");
      if (count) count.firstElementChild.textContent = ticked;
    }
    for (const all of document.querySelectorAll("[data-check-all]")) {
      const boxes = [...all.closest("table").querySelectorAll(".row-check")];
      const ticked = boxes.filter((box) => box.checked).length;
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
  }
  on("ticked", showTicked);
  on("change", (event) => {
    if (event.target.matches("[data-check-all]")) {
      for (const box of event.target.closest("table").querySelectorAll(".row-check")) box.checked = event.target.checked;
    }
    if (event.target.matches("[data-check-all], .row-check")) showTicked();
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit(); // filters of a plain GET form
  });

  // -- a select of more than twenty is searched: what fits stays, Enter takes the first of it (ui.select writes the field)

  const whole = new WeakMap(); // select → all of its options
  on("input", ({ target }) => {
    const select = target.dataset?.narrows && document.getElementById(target.dataset.narrows);
    if (!select) return;
    if (!whole.has(select)) whole.set(select, [...select.options]);
    const words = target.value.toLocaleLowerCase().split(/[\s_/]+/);
    const fits = (option) => words.every((word) => option.text.toLocaleLowerCase().includes(word));
    const { value } = select; // an option that comes back may take the choice to itself
    select.replaceChildren(...whole.get(select).filter((option) => option.selected || !option.value || fits(option)));
    select.value = value;
  });
  on("keydown", (event) => {
    const { target, key } = event;
    const select = key === "Enter" && target.dataset?.narrows && document.getElementById(target.dataset.narrows);
    if (!select) return;
    event.preventDefault();
    const was = select.value, found = [...select.options].find((option) => option.value && !option.selected);
    if (found && target.value) select.value = found.value;
    select.focus();
    if (select.value !== was) select.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // -- a select that acts: arrow keys look through it; Enter, a click or leaving decides, Esc takes it back

  const decides = (element) => element.matches?.("select[data-decides]") && element;
  function decide(select) {
    delete select.dataset.keyed;
    if (!("changed" in select.dataset)) return;
    delete select.dataset.changed;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }
  on("focusin", (event) => { if (decides(event.target)) event.target.seen = event.target.selectedIndex; });
  on("pointerdown", (event) => { if (decides(event.target)) delete event.target.dataset.keyed; });
  on("keydown", (event) => {
    const select = decides(event.target);
    if (!select) return;
    const changed = "changed" in select.dataset;
    if (event.key === "Enter" && changed) { event.preventDefault(); event.stopPropagation(); decide(select); }
    else if (event.key === "Escape" && changed) { event.stopPropagation(); select.selectedIndex = select.seen; delete select.dataset.changed; }
    else if (event.key !== "Enter") select.dataset.keyed = "";
  }, true);
  on("change", (event) => {
    if (!event.isTrusted || !decides(event.target) || !("keyed" in event.target.dataset)) return;
    event.target.dataset.changed = "";
    event.stopImmediatePropagation();
  }, true);
  on("focusout", (event) => { if (decides(event.target)) decide(event.target); });

  // -- small things

  on("input", (event) => {
    const { most } = event.target.dataset ?? {};
    const place = most && document.querySelector(`[data-count-for="${event.target.id}"]`);
    if (place) { place.hidden = false; place.textContent = `${[...event.target.value].length} of ${most}`; }
  });

  const rules = {
    length: (text) => [...text].length >= 12, upper: (text) => /\p{Lu}/u.test(text), lower: (text) => /\p{Ll}/u.test(text),
    digit: (text) => /\d/.test(text), special: (text) => /[^\p{L}\p{N}\s]/u.test(text),
  };
  on("input", (event) => {
    const list = event.target.id && document.querySelector(`[data-policy="${event.target.id}"]`);
    for (const item of list ? list.children : []) {
      const met = rules[item.dataset.rule](event.target.value);
      item.classList.toggle("met", met);
      item.querySelector("[data-met]").textContent = met ? ", done" : "";
    }
    if (event.target.dataset.code) {
      const digits = event.target.value.normalize("NFKC").replace(/\D/g, "");
      if (digits !== event.target.value) event.target.value = digits;
    }
  });
  on("paste", (event) => {
    if (!event.target.dataset?.code) return; // "123 456" would lose its last digit to maxlength
    event.preventDefault();
    event.target.value = event.clipboardData.getData("text").normalize("NFKC").replace(/\D/g, "").slice(0, Number(event.target.dataset.code));
    event.target.dispatchEvent(new Event("input", { bubbles: true }));
  });

  on("click", (event) => {
    const hit = (selector) => event.target.closest(selector);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      // It closes over what had the focus; a button that sends its value must keep it until it has.
      if (menu.contains(event.target) && hit(".menu-item") && !hit("button[name]")) menu.querySelector("summary").focus();
      if (!menu.contains(event.target) || hit(".menu-item")) menu.open = false;
    }
    if (hit("[data-dismiss]")) leave(hit("[data-toast]") || hit(".note"));
    if (hit("[data-print]")) print();
    if (hit("[data-close]")) closing(hit("dialog"));
    if (hit("[data-drawer], [data-drawer-close]")) event.preventDefault(); // without scripts they are links to and fro
    if (hit("[data-drawer]")) drawer(true);
    if (hit("[data-drawer-close]") || hit(".sidebar a")) drawer(false);
    const eye = hit("[data-reveal]");
    if (eye) {
      const input = byId(eye.dataset.reveal);
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      eye.setAttribute("aria-pressed", String(shown));
      eye.title = shown ? "Hide" : "Show";
    }
    const copy = hit("[data-copy]");
    if (copy) {
      const source = copy.dataset.copy.startsWith("#") && document.querySelector(copy.dataset.copy);
      const text = source ? source.value ?? source.textContent.trim() : copy.dataset.copy;
      navigator.clipboard.writeText(text).then(
        () => { toast("good", "Copied."); },
        () => { toast("bad", "The browser did not allow copying. Select the text and copy it by hand."); },
      );
    }
  });

  function drawer(open) {
    const root = document.documentElement;
    if (open === (root.dataset.side === "open")) return;
    if (open) root.dataset.side = "open"; else delete root.dataset.side;
    const button = document.querySelector("[data-drawer]");
    button.setAttribute("aria-expanded", String(open));
    if (open) byId("sidebar").querySelector("[aria-current], a").focus(); else button.focus();
  }

  on("keydown", (event) => {
    if (event.key !== "Escape") return;
    drawer(false);
    const menu = document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); event.preventDefault(); event.stopImmediatePropagation(); }
  });

  on("keydown", (event) => {
    const menu = ["ArrowDown", "ArrowUp"].includes(event.key) && event.target.closest?.("details.menu");
    if (!menu || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    menu.open = true;
    const items = [...menu.querySelectorAll(".menu-panel :is(a, button)")].filter((one) => one.offsetParent);
    const here = items.indexOf(document.activeElement), step = event.key === "ArrowDown" ? 1 : -1;
    items[here < 0 ? (step > 0 ? 0 : items.length - 1) : (here + step + items.length) % items.length]?.focus();
  });

  on("htmx:beforeSwap", (event) => {
    if (event.detail.target?.contains?.(byId("notice")) && event.detail.target !== document.body) document.body.append(byId("notice"));
  });
  // An answer that isn't ours, such as a proxy's page about a server that is away, takes the place of nothing here.
  on("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.getResponseHeader("X-Request-Id")) return;
    event.detail.shouldSwap = false;
    if (event.detail.elt.closest("[data-quiet]")) return;
    toast("bad", "The server can't answer just now. What you typed is still here; look in a minute whether it was done, before you send it again.", { unreached: "" });
  });
  // A table that is wider than its place scrolls within it; the page itself never does.
  function showWide() {
    for (const wrap of document.querySelectorAll(".table-wrap")) wrap.classList.toggle("is-wide", (wrap.querySelector("table")?.offsetWidth ?? 0) > wrap.clientWidth);
  }
  addEventListener("resize", showWide);
  addEventListener("load", showWide);
  function refresh() { showTimes(); showToasts(); showDialog(); showTicked(); showWide(); }
  on("htmx:afterSwap", refresh);
  on("htmx:oobAfterSwap", refresh);
  on("DOMContentLoaded", () => byId("main")?.querySelector(refused)?.focus()); // a plain form that was refused
  on("DOMContentLoaded", refresh);
  // The place one is at is seen, however many there are; the page itself isn't moved.
  on("DOMContentLoaded", () => {
    const places = document.querySelector(".places"), here = places?.querySelector("[aria-current]");
    if (here && here.offsetTop + here.offsetHeight > places.scrollTop + places.clientHeight) places.scrollTop = here.offsetTop - places.clientHeight / 2;
  });
  if (document.readyState !== "loading") refresh();
  showOffline();
  if ("serviceWorker" in navigator) addEventListener("load", () => navigator.serviceWorker.register("/worker.js", { updateViaCache: "none" }).catch(() => { /* then a lost network shows the browser's own page */ }));
  window.guildhall = { ajax, ask, complain, say, toast, unreadable };
})();
