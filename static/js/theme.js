// Loaded in the head, before the first paint: no flash of the wrong theme or the wrong sidebar.
(() => {
  const root = document.documentElement;
  root.classList.add("js"); // controls that only serve without scripts step aside (.no-script)
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = {
    get(name) { try { return localStorage.getItem(name); } catch { return null; } },
    set(name, value) { try { localStorage.setItem(name, value); } catch { /* private mode: lasts for this page */ } },
  };
  let choice = kept.get("theme") || "system";

  function show() {
    root.dataset.bsTheme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    for (const button of document.querySelectorAll("button[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
  }

  function fold(folded) {
    if (folded) root.dataset.sidebar = "folded"; else delete root.dataset.sidebar;
    for (const button of document.querySelectorAll("[data-fold]")) {
      button.title = folded ? "Unfold the sidebar" : "Fold the sidebar";
      button.setAttribute("aria-label", button.title);
    }
  }

  show();
  fold(kept.get("sidebar") === "folded");
  root.toggleAttribute("data-welcomed", kept.get("once welcome") !== null); // a note that came later would push the page down
  dark.addEventListener("change", show);
  addEventListener("storage", (event) => {
    if (event.key === "theme") { choice = event.newValue || "system"; show(); }
  });
  // The server guesses a new person's time zone by it, once; then the account says which.
  function tellZone() {
    if (!document.body.matches(".signed-out")) return;
    try { document.cookie = `guildhall_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`; } catch { /* then it is UTC */ }
  }
  addEventListener("DOMContentLoaded", tellZone);
  addEventListener("DOMContentLoaded", () => { show(); fold("sidebar" in root.dataset); unfold(); });

  // Groups of places that were opened stay open; the one that has the present page always is.
  const opened = () => (kept.get("groups") ?? "").split(" ").filter(Boolean);
  function unfold() {
    for (const name of opened()) document.querySelector(`[data-group="${CSS.escape(name)}"]`)?.setAttribute("open", "");
  }
  document.addEventListener("toggle", ({ target }) => {
    const name = target.dataset?.group;
    if (!name || (target.open && "here" in target.dataset)) return;
    kept.set("groups", [...opened().filter((other) => other !== name), ...(target.open ? [name] : [])].join(" "));
  }, true);
  // Keys that are pressed before keys.js is there wait for it; it takes them over (root.keysPressed).
  root.keysPressed = [];
  root.keysWait = (event) => {
    const command = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    if (!command && (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1 || event.key === " ")) return;
    if (event.isComposing || event.target.closest?.("input, textarea, select, [contenteditable=true]")) return;
    event.preventDefault(); // the browser would search the page for it
    root.keysPressed.push({ key: event.key, ctrlKey: command, at: Date.now() });
  };
  document.addEventListener("keydown", root.keysWait);
  addEventListener("load", () => document.removeEventListener("keydown", root.keysWait));
  document.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-theme-choice]");
    if (pick) { event.preventDefault(); choice = pick.dataset.themeChoice; kept.set("theme", choice); show(); }
    if (event.target.closest("[data-fold]")) {
      const folded = !("sidebar" in root.dataset);
      kept.set("sidebar", folded ? "folded" : "open");
      fold(folded);
    }
  });
})();
