// The keyboard. Single keys are off while typing, with a modifier, and while a dialog is open.
(() => {
  const byId = (id) => document.getElementById(id);
  const typing = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true]")
    && !element.closest("dialog:not([open])"); // the focus leaves a closed one a moment later
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
  const currentRow = () => document.activeElement.closest?.("[data-row]");
  let going = 0; // `g` was pressed at

  // -- the palette

  const options = () => [...document.querySelectorAll("#palette_results a[role=option]")];

  function choose(index) {
    const all = options();
    const chosen = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, place) => option.setAttribute("aria-selected", String(place === chosen)));
    const input = byId("palette_input");
    if (chosen < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }
  }

  function openPalette() {
    const palette = byId("palette");
    if (!palette || palette.open || document.querySelector("dialog[open]")) return;
    palette.showModal();
    byId("palette_input").select();
    if (!byId("palette_results").childElementCount) htmx.trigger("#palette_input", "palette");
  }

  function paletteKey(event) {
    const all = options();
    const chosen = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? -1 : chosen - 1);
    else if (event.key === "Enter") { if (all.length) all[Math.max(chosen, 0)].click(); }
    else return;
    event.preventDefault();
  }

  // -- what was looked at lately in this tab stands first, until something is typed

  const list = `recent ${document.querySelector(".menu-who span")?.textContent ?? ""}`;
  const recent = () => { try { return JSON.parse(sessionStorage.getItem(list)) ?? []; } catch { return []; } };
  function remember() {
    const [title] = document.title.split(" · "), href = location.pathname + location.search;
    const others = recent().filter((one) => one.href !== href && one.title !== title);
    try { sessionStorage.setItem(list, JSON.stringify([{ title, href }, ...others].slice(0, 7))); } catch { /* no room: no recent pages */ }
  }
  function showRecent() {
    const results = byId("palette_results"), pattern = results?.querySelector("[role=group]");
    const lately = recent().filter((one) => one.href !== location.pathname + location.search);
    if (byId("palette_input").value || !pattern || !lately.length || byId("palette_recent_0")) return;
    const group = pattern.cloneNode(true), [option] = group.querySelectorAll("[role=option]");
    group.setAttribute("aria-label", "Recent");
    group.querySelector(".palette-label").textContent = "Recent";
    group.querySelectorAll("[role=option]").forEach((one) => one.remove());
    option.querySelector(".palette-hint")?.remove();
    const icon = option.querySelector("use");
    icon.setAttribute("href", icon.getAttribute("href").replace(/#.*/, "#history"));
    lately.forEach(({ title, href }, place) => {
      const one = option.cloneNode(true);
      Object.assign(one, { id: `palette_recent_${place}`, href });
      one.querySelector("span").textContent = title;
      group.append(one);
    });
    results.prepend(group);
  }
  if (byId("palette")) remember();

  document.addEventListener("htmx:afterSettle", () => {
    if (byId("palette")?.open) showRecent();
    if (byId("palette")?.open && !options().some((option) => option.getAttribute("aria-selected") === "true")) choose(0);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) openPalette();
    if (event.target.closest("[data-show-keys]")) byId("keys").showModal();
    if (event.target.closest("#palette_results a")) byId("palette").close();
  });

  // -- single keys

  function move(step) {
    const all = rows();
    const row = currentRow();
    const next = all[row ? Math.min(Math.max(all.indexOf(row) + step, 0), all.length - 1) : step > 0 ? 0 : all.length - 1];
    if (!next) return false;
    if (!next.hasAttribute("tabindex")) next.tabIndex = -1;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  let clicked = null;
  const click = (element) => { element?.click(); clicked = element ?? clicked; return Boolean(element); };
  const isAwaited = () => Boolean(clicked?.isConnected && clicked.matches("[hx-get].htmx-request"));
  // Who may change the row, where nothing could be done to it: never silence.
  const why = (row = currentRow()) => { if (row?.dataset.why) guildhall.toast("warn", row.dataset.why); return Boolean(row?.dataset.why); };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-say-why]");
    if (!button) return;
    event.preventDefault();
    why(button.closest("[data-why]"));
  });
  function create() {
    const button = [...document.querySelectorAll("[data-create]")].find((one) => one.getClientRects().length);
    button?.focus(); // where one is again when the dialog closes
    return click(button);
  }
  const keys = {
    "?": () => { byId("keys").showModal(); return true; },
    "/": () => { const search = document.querySelector("[data-search]"); search?.focus(); search?.select?.(); return Boolean(search); },
    c: () => create() || why(document.querySelector("[data-row][data-why]")),
    g: () => { going = Date.now(); return true; },
    j: () => move(1),
    k: () => move(-1),
    o: () => click(currentRow()?.querySelector("[data-beside-list]")),
    x: () => click(currentRow()?.querySelector("input[type=checkbox]")) || why(),
    b: () => { const first = document.querySelector(".bulk-bar:not([hidden]) :is(select, button)"); first?.focus(); return Boolean(first); },
    e: () => click(currentRow()?.querySelector("[data-edit]")) || why(),
    s: () => click(currentRow()?.querySelector("[data-edit-status]")) || why(),
    "[": () => why(),
    "]": () => why(),
    Enter: () => document.activeElement === currentRow() && click(currentRow().querySelector("[data-open]") || currentRow().querySelector("a[href]")),
  };

  let isAtWork = false; // not sooner than theme.js stops: each key is taken by one of the two
  document.addEventListener("keydown", (event) => {
    if (!isAtWork) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      const palette = byId("palette");
      if (palette?.open) palette.close(); else openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.id === "palette_input" && typing(event.target)) { paletteKey(event); return; }
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (typing(event.target) || currentRow()) document.activeElement.blur();
      return;
    }
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (isAwaited() && event.key.length === 1) { event.preventDefault(); return; } // meant for what that opens
    if (Date.now() - going < 1500) {
      going = 0;
      if (click(document.querySelector(`[data-key="${CSS.escape(event.key)}"]`))) event.preventDefault();
      return;
    }
    if (click((currentRow() ?? document).querySelector(`[data-press="${CSS.escape(event.key)}"]`))) { event.preventDefault(); return; }
    if (Object.hasOwn(keys, event.key) && keys[event.key]()) event.preventDefault();
  });

  // -- what was pressed before this was here (theme.js): steps, and the first command; what came after it was meant
  //    for what that opens, and typed into nothing it would be commands again

  function takeOver() {
    if (isAtWork) return;
    const root = document.documentElement, before = root.keysPressed.filter(({ at }) => Date.now() - at < 8000);
    document.removeEventListener("keydown", root.keysWait);
    isAtWork = true;
    const first = before.findIndex(({ key }) => !["j", "k"].includes(key));
    const end = first < 0 ? before.length : first + (before[first].key === "g" ? 2 : 1);
    for (const { key, ctrlKey } of before.slice(0, end)) {
      (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, bubbles: true, cancelable: true }));
    }
  }
  if (document.readyState === "complete") takeOver(); else {
    addEventListener("DOMContentLoaded", () => setTimeout(takeOver)); // once htmx is at work
    addEventListener("load", takeOver); // when theme.js stops
  }
})();
