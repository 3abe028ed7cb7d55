// Lists of any table: cells edited in place, the bulk bar, the board by mouse and by keyboard.
(() => {
  const on = (type, handler, capture) => document.addEventListener(type, handler, capture);
  const area = () => document.getElementById("list_area"), wide = () => document.querySelector("#list_area .table-wrap");

  // -- the way back to the list as it was: its tab, filters, length, ticks and scroll

  const held = (name) => { try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; } };
  const hold = (name, value) => { try { sessionStorage.setItem(name, JSON.stringify(value)); } catch { /* then back leads to its beginning */ } };
  const idsIn = (within) => [...within.querySelectorAll("[data-row]")].map((row) => row.dataset.row || row.dataset.id);
  addEventListener("pagehide", () => {
    const list = area();
    if (!list) return;
    const ticks = [...document.querySelectorAll(".row-check:checked")].map((box) => box.value);
    const ids = idsIn(list), total = document.querySelector("#list_total .num")?.textContent ?? String(ids.length);
    const rows = list.querySelectorAll("#list_rows > [data-row]").length;
    const place = { url: list.dataset.url, rows, top: scrollY, within: wide()?.scrollTop, ticks, ids, total, more: Boolean(document.getElementById("list_more")) };
    hold(`list ${list.dataset.base}`, place);
  });
  async function takeUp() {
    const list = area(), place = list && held(`list ${list.dataset.base}`);
    const returns = performance.getEntriesByType("navigation")[0]?.type === "back_forward" || held("returning") === location.pathname;
    hold("returning", null);
    if (!returns || !place || place.url !== list.dataset.url) return;
    if (place.rows > list.querySelectorAll("#list_rows > [data-row]").length) {
      const url = new URL(place.url, location.origin);
      url.searchParams.set("rows", place.rows);
      await guildhall.ajax("GET", url.pathname + url.search, { target: list, swap: "morph:outerHTML", source: list });
    }
    for (const box of document.querySelectorAll(".row-check")) if (place.ticks.includes(box.value)) box.checked = true;
    document.querySelector("[data-check-all]")?.dispatchEvent(new Event("ticked", { bubbles: true }));
    scrollTo(0, place.top);
    if (place.within && wide()) wide().scrollTop = place.within;
    const last = place.last && document.querySelector(`#row_${place.last}, #card_${place.last}`);
    last?.focus({ preventScroll: true });
    last?.scrollIntoView({ block: "nearest" });
  }
  on("DOMContentLoaded", takeUp);
  const back = document.querySelector("[data-back]");
  if (back) {
    const place = held(`list ${back.getAttribute("href")}`);
    const base = back.getAttribute("href");
    if (place) back.href = place.url;
    back.addEventListener("click", () => hold("returning", back.pathname));
    if (place) showBeside(base, place);
  }
  // The rows before and after this one, in the list it was opened from; of a long list the next ones are asked for.
  async function showBeside(base, place) {
    const beside = document.querySelector("[data-beside]"), id = location.pathname.split("/").pop();
    if (!beside || !place.ids?.includes(id)) return;
    hold(`list ${base}`, { ...place, last: id });
    if (place.ids.at(-1) === id && place.more) {
      const url = new URL(place.url, location.origin);
      url.searchParams.set("rows", place.ids.length + 50);
      try {
        const answer = await fetch(url, { headers: { "HX-Request": "true", "HX-Target": "list_area" } });
        const drawn = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
        const ids = drawn ? idsIn(drawn) : [];
        if (ids.includes(id)) Object.assign(place, { ids, rows: ids.length, more: Boolean(drawn.getElementById("list_more")) });
        hold(`list ${base}`, { ...place, last: id });
      } catch { /* offline: it ends here */ }
    }
    const here = place.ids.indexOf(id), [before, after] = beside.querySelectorAll("a");
    const lead = (link, to) => { if (to) link.href = `${base}/${to}`; else link.setAttribute("aria-disabled", "true"); };
    lead(before, place.ids[here - 1]);
    lead(after, place.ids[here + 1]);
    beside.querySelector(".num").textContent = `${here + 1} of ${place.total}`;
    beside.hidden = false;
  }

  // -- cells

  on("click", (event) => {
    const button = event.target.closest("[data-cell]");
    if (!button) return;
    event.preventDefault(); // without scripts it leads to the row's page
    const base = area().dataset.base, row = button.closest("[data-row]").dataset.row;
    if (button.dataset.turns !== undefined) { // a switch is turned where it stands
      const name = button.dataset.cell, line = button.closest("tr"), on = button.getAttribute("aria-checked") === "true";
      const values = { was: button.dataset.turns, [name]: on ? "off" : "on" };
      guildhall.ajax("POST", `${base}/${row}/cells/${name}`, { source: button, target: line, swap: "outerHTML", values }).then((answered) => answered && focusCell(line.id, name));
      return;
    }
    guildhall.ajax("GET", `${base}/${row}/cells/${button.dataset.cell}`, { source: button, target: button.closest("td"), swap: "outerHTML" });
  });

  function save(element) {
    const cell = element.closest("[data-editing]");
    cell.dataset.saving = "";
    const values = { was: cell.querySelector("[name=was]").value, [element.name]: guildhall.sent(element) };
    const row = cell.closest("tr");
    guildhall.ajax("POST", cell.dataset.post, { source: cell, target: row, swap: "outerHTML", values }).then((answered) => {
      if (answered) { focusCell(row.id, cell.dataset.name); return; }
      delete cell.dataset.saving;
      if (element.matches("[data-chosen]")) element.value = values.was; // chosen once more, it's a choice again
    });
  }
  function focusCell(row, name) {
    if (document.activeElement === document.body || document.activeElement.id === row) document.querySelector(`#${row} [data-cell="${name}"]`)?.focus();
  }
  function putBack(element) {
    const cell = element.closest("[data-editing]");
    if (!cell) return;
    cell.removeAttribute("data-editing"); // once: leaving it also blurs it
    const row = cell.closest("tr"), name = cell.dataset.name;
    guildhall.ajax("GET", cell.dataset.back, { target: row, swap: "outerHTML" }).then((answered) => {
      if (answered) focusCell(row.id, name); else cell.setAttribute("data-editing", "");
    });
  }

  on("keydown", (event) => {
    const cell = event.target.closest?.("[data-editing]");
    if (!cell) return;
    if (event.key === "Escape") { event.stopPropagation(); putBack(event.target); }
    if (event.key === "Enter" && event.target.matches("[data-save-on-enter]")) { event.preventDefault(); save(event.target); }
  }, true);
  on("focusout", (event) => {
    const cell = event.target.closest?.("[data-editing]");
    setTimeout(() => {
      if (cell?.isConnected && !("saving" in cell.dataset) && !cell.contains(document.activeElement) && !cell.querySelector("[aria-invalid]")) {
        putBack(event.target);
      }
    }, 150);
  });
  // A refused cell comes back as a cell, not as a row.
  on("htmx:beforeSwap", (event) => {
    const elt = event.detail.requestConfig?.elt, cell = elt?.closest?.("[data-editing]") || (elt?.matches?.("[data-turns]") && elt.closest("td"));
    if (cell && [409, 422].includes(event.detail.xhr.status) && !event.detail.xhr.getResponseHeader("HX-Retarget")) event.detail.target = cell;
  });
  on("htmx:afterSwap", () => {
    showChoices();
    const field = document.querySelector("[data-editing] [autofocus]");
    if (!field || field === document.activeElement) return; // something else was swapped while it is typed in
    field.focus();
    if (field.matches("input")) field.select();
  });

  // -- a cell that is chosen: a list of options over the page, by click, digit, arrows and Enter

  function showChoices() {
    for (const menu of document.querySelectorAll("[data-choices]:not(:popover-open)")) {
      menu.showPopover();
      const around = menu.closest("td").getBoundingClientRect(), size = menu.getBoundingClientRect();
      const below = around.bottom + size.height + 8 < innerHeight || around.top < size.height;
      menu.style.left = `${Math.max(8, Math.min(around.left, innerWidth - size.width - 8))}px`;
      menu.style.top = `${Math.max(8, below ? Math.min(around.bottom, innerHeight - size.height - 8) : around.top - size.height)}px`;
      mark(menu, menu.querySelector("[aria-selected=true]") ?? menu.querySelector("[role=option]"));
    }
  }
  const offered = (menu) => [...menu.querySelectorAll("[role=option]:not([hidden])")];
  function mark(menu, option) {
    menu.querySelector(".marked")?.classList.remove("marked");
    option?.classList.add("marked");
    option?.scrollIntoView({ block: "nearest" });
    const field = menu.querySelector("input[type=text], [role=listbox][tabindex]");
    if (option) field.setAttribute("aria-activedescendant", option.id); else field.removeAttribute("aria-activedescendant");
  }
  function choose(option) {
    const menu = option.closest("[data-choices]");
    setChosen(menu, option.dataset.value);
  }
  function setChosen(menu, value) {
    const field = menu.closest("[data-editing]").querySelector("[data-chosen]");
    if (field.value === value) { putBack(menu); return; }
    field.value = value;
    save(field);
  }
  on("click", (event) => {
    const option = event.target.closest("[data-choices] [role=option]");
    if (option) choose(option);
  });
  on("keydown", (event) => {
    const menu = event.target.closest?.("[data-choices]");
    if (!menu || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("[data-due]")) {
      if (event.key === "Enter") { event.preventDefault(); take(menu); }
      return;
    }
    const all = offered(menu), here = all.indexOf(menu.querySelector(".marked"));
    const places = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 };
    if (event.key in places) mark(menu, all.at(places[event.key] % all.length));
    else if (event.key === "Enter") { if (all[here]) choose(all[here]); }
    else if (event.target.matches("[role=listbox]") && /^[1-9]$/.test(event.key)) { if (all[event.key - 1]) choose(all[event.key - 1]); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  on("click", (event) => {
    const pick = event.target.closest("[data-pick]");
    if (pick) take(pick.closest("[data-choices]"));
  });
  function take(menu) {
    if (!guildhall.isUnfinished(menu)) setChosen(menu, menu.querySelector("[data-due] input").value);
  }
  on("input", (event) => {
    const menu = event.target.matches("[role=combobox]") && event.target.closest("[data-choices]");
    if (!menu) return;
    const words = event.target.value.toLocaleLowerCase();
    for (const option of menu.querySelectorAll("[role=option]")) option.hidden = !option.textContent.toLocaleLowerCase().includes(words);
    mark(menu, offered(menu)[0]);
  });

  // -- bulk

  // ui.js asks a form's question before it is sent; several buttons share one form here.
  function ask(form, { dataset, innerText, classList }) {
    if (dataset.confirm) form.dataset.confirm = dataset.confirm; else delete form.dataset.confirm;
    form.dataset.confirmVerb = innerText.trim();
    form.toggleAttribute("data-danger", classList.contains("btn-danger"));
  }
  function bulk(name, button) {
    const form = document.getElementById("bulk_form");
    form.elements.namedItem("act").value = name;
    if (!button) { delete form.dataset.confirm; htmx.trigger(form, "submit"); return; }
    ask(form, button);
    form.requestSubmit();
  }
  on("change", (event) => { if (event.target.dataset?.bulk) bulk(event.target.dataset.bulk); });
  on("keydown", (event) => {
    if (event.key !== "Escape" || !event.target.closest?.(".bulk-bar")) return;
    document.querySelector(".row-check:checked")?.focus();
  });
  on("click", async (event) => {
    if (event.target.closest("[data-unselect]")) unselect();
    if (event.target.closest("[data-bulk-remove]")) bulk("remove");
    const act = event.target.closest("[data-bulk-act]");
    if (act) bulk(act.dataset.bulkAct, act);
    const verb = event.target.closest("[data-act]");
    if (verb) ask(verb.form, verb);
  });
  const unchoose = () => { for (const choice of document.querySelectorAll("[data-bulk]")) choice.selectedIndex = 0; };
  on("htmx:afterRequest", ({ detail }) => { if (detail.elt.id === "bulk_form" && !detail.successful) unchoose(); });
  function unselect() {
    const first = document.querySelector(".row-check:checked")?.closest("[data-row]");
    // The bar goes, and what had the focus in it: the first of its rows takes it.
    if (document.activeElement === document.body || document.activeElement.closest(".bulk-bar")) first?.focus({ preventScroll: true });
    for (const box of document.querySelectorAll(".row-check:checked, [data-check-all]")) box.checked = false;
    unchoose();
    document.querySelector("[data-check-all]")?.dispatchEvent(new Event("change", { bubbles: true }));
  }
  on("unselect", unselect);

  on("click", (event) => {
    const button = event.target.closest("[data-filters]"), root = document.documentElement;
    if (!button) return;
    if (root.dataset.filters) delete root.dataset.filters; else root.dataset.filters = "open";
    button.setAttribute("aria-expanded", String(Boolean(root.dataset.filters)));
  });

  // -- the board

  const columns = () => [...document.querySelectorAll("[data-column]")];
  const moving = new Map(); // card id → its last wish, and the requests before it: they go one after another
  function move(card, column) {
    const { id } = card, held = moving.get(id);
    const was = held?.wish ?? card.dataset.value;
    if (!column || column.dataset.column === was) return;
    const list = column.querySelector(".board-cards"), url = card.dataset.post;
    column.querySelector("details").open = true;
    list.querySelector(".board-none")?.remove();
    list.prepend(card);
    card.focus();
    document.getElementById("live").textContent = `Moved ${card.dataset.name} to ${column.getAttribute("aria-label")}.`;
    const name = new URL(url, location.origin).pathname.split("/").pop();
    const mine = { wish: column.dataset.column };
    const send = () => {
      const target = document.getElementById(id);
      const focused = target?.contains(document.activeElement);
      return target && guildhall.ajax("POST", url, { target, swap: "outerHTML", values: { [name]: mine.wish, was } }).then((answered) => {
        if (!answered) columns().find((one) => one.dataset.column === target.dataset.value)?.querySelector(".board-cards").prepend(target);
        if (focused) document.getElementById(id)?.focus();
      });
    };
    mine.done = (held?.done ?? Promise.resolve()).then(send, send).finally(() => { if (moving.get(id) === mine) moving.delete(id); });
    moving.set(id, mine);
  }
  on("htmx:responseError", () => { if (area()?.querySelector(".board")) htmx.trigger(document.body, "listChanged"); });

  // Which columns are folded is remembered by this browser.
  const folds = (place) => `fold ${place.dataset.foldColumn}`;
  for (const place of document.querySelectorAll("[data-fold-column]")) {
    try { const kept = localStorage.getItem(folds(place)); if (kept) place.open = kept === "open"; } catch { /* private mode */ }
  }
  on("toggle", (event) => {
    if (!event.target.matches("[data-fold-column]")) return;
    try { localStorage.setItem(folds(event.target), event.target.open ? "open" : "closed"); } catch { /* private mode */ }
  }, true);

  // So are groups of the list: what is drawn anew is folded anew.
  function showFolds() {
    for (const group of document.querySelectorAll("[data-fold-group]")) {
      let kept = null;
      try { kept = localStorage.getItem(`fold ${group.dataset.foldGroup}`); } catch { /* private mode */ }
      group.toggleAttribute("data-folded", kept === "closed");
      group.querySelector("[data-folds]").setAttribute("aria-expanded", String(kept !== "closed"));
    }
  }
  showFolds();
  on("htmx:afterSwap", showFolds);
  on("click", (event) => {
    const group = event.target.closest("[data-folds]")?.closest("[data-fold-group]");
    if (!group) return;
    try { localStorage.setItem(`fold ${group.dataset.foldGroup}`, group.hasAttribute("data-folded") ? "open" : "closed"); } catch { /* private mode */ }
    showFolds();
  });

  let carried = null;
  on("dragstart", (event) => {
    carried = event.target.closest?.(".board-card[draggable=true]");
    if (!carried) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", carried.dataset.name);
    carried.classList.add("dragging");
  });
  on("dragover", (event) => {
    const column = carried && event.target.closest?.("[data-column]");
    if (!column) return;
    event.preventDefault();
    for (const one of columns()) one.classList.toggle("drop", one === column);
  });
  on("drop", (event) => {
    const column = carried && event.target.closest?.("[data-column]");
    if (column) { event.preventDefault(); move(carried, column); }
  });
  on("dragend", () => {
    carried?.classList.remove("dragging");
    carried = null;
    for (const one of columns()) one.classList.remove("drop");
  });
  on("keydown", (event) => {
    const card = event.target.closest?.(".board-card[draggable=true]");
    if (!card || !["[", "]"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = columns(), here = all.indexOf(card.closest("[data-column]"));
    event.preventDefault();
    move(card, all[here + (event.key === "]" ? 1 : -1)]);
  });
  on("change", (event) => {
    if (!event.target.matches("[data-move]")) return;
    move(event.target.closest(".board-card"), columns().find((column) => column.dataset.column === event.target.value));
  });

  // -- a row beside its list: the address names it, so Back closes it and a copied link opens it

  const panel = () => document.getElementById("panel");
  const named = () => new URL(location.href).searchParams.get("open");
  function withOpen(id) {
    const url = new URL(location.href);
    if (id) url.searchParams.set("open", id); else url.searchParams.delete("open");
    return url;
  }
  function markOpen(id) {
    for (const row of document.querySelectorAll("[data-row].beside-open")) row.classList.remove("beside-open");
    document.querySelector(`[data-row="${id}"], [data-row][data-id="${id}"]`)?.classList.add("beside-open");
  }
  function readyPanel(id) {
    const place = panel();
    place.dataset.shown = id;
    for (const src of place.dataset.scripts.split(" ")) {
      if (!document.querySelector(`script[src="${src}"]`)) document.head.append(Object.assign(document.createElement("script"), { src }));
    }
    markOpen(id);
  }
  async function showPanel(id) {
    const answered = await guildhall.ajax("GET", `${area().dataset.base}/${id}`, { source: panel(), target: panel(), swap: "innerHTML" });
    if (!answered) { history.replaceState(null, "", withOpen(null)); return; }
    readyPanel(id);
    panel().querySelector("[data-panel-head]")?.focus();
  }
  function emptyPanel() {
    const place = panel(), id = place?.dataset.shown;
    if (!id) return;
    delete place.dataset.shown;
    place.replaceChildren();
    markOpen(null);
    document.querySelector(`#row_${id} [data-open], #card_${id}, [data-row][data-id="${id}"]`)?.focus({ preventScroll: true });
  }
  function leavePanel(close) { // forms.js asks where something was typed, and then closes it itself
    const place = panel();
    place.close = close;
    if (place.dispatchEvent(new CustomEvent("leaving", { bubbles: true, cancelable: true }))) close();
  }
  function closePanel() {
    leavePanel(() => { if (history.state?.beside) history.back(); else { history.replaceState(null, "", withOpen(null)); emptyPanel(); } });
  }
  // One link for all rows, in the one that is pointed at or has the focus.
  const beside = Object.assign(document.createElement("a"), { className: "open-beside no-print", textContent: "◨", title: "Open beside (o)", draggable: false });
  beside.dataset.besideList = "";
  function offerBeside(event) {
    const row = panel() && event.target.closest?.("[data-row]"), open = row?.querySelector("[data-open]");
    if (!open || row.contains(beside)) return;
    beside.href = open.href;
    beside.setAttribute("aria-label", `Open beside: ${open.textContent}`);
    open.after(beside);
  }
  on("pointerover", offerBeside);
  on("focusin", offerBeside);
  on("click", (event) => {
    if (event.target.closest("[data-panel-close]")) { event.preventDefault(); closePanel(); return; }
    const link = event.target.closest("[data-beside-list]");
    if (!link || !panel() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const id = new URL(link.href).pathname.split("/").pop();
    if (panel().querySelector("form[data-dirty]")) { closePanel(); return; }
    if (history.state?.beside || named()) history.replaceState({ beside: Boolean(history.state?.beside) }, "", withOpen(id));
    else history.pushState({ beside: true }, "", withOpen(id));
    showPanel(id);
  });
  addEventListener("popstate", () => {
    if (!panel() || (named() ?? "") === (panel().dataset.shown ?? "")) return;
    if (panel().querySelector("form[data-dirty]")) { // it stands open again until that is decided
      history.pushState({ beside: true }, "", withOpen(panel().dataset.shown));
      leavePanel(() => history.back());
    } else if (named()) showPanel(named()); else emptyPanel();
  });
  on("keydown", (event) => {
    const within = "dialog[open], .mention-choices, details.menu[open], :popover-open, [data-editing]";
    if (event.key !== "Escape" || event.defaultPrevented || !panel()?.dataset.shown || document.querySelector(within)) return;
    event.stopImmediatePropagation();
    closePanel();
  }, true);
  on("htmx:pushedIntoHistory", () => { if (panel()?.dataset.shown) history.replaceState(history.state, "", withOpen(panel().dataset.shown)); });
  on("htmx:afterSettle", () => { if (panel()?.dataset.shown) markOpen(panel().dataset.shown); });
  on("htmx:afterRequest", ({ detail }) => {
    if (detail.successful && detail.requestConfig.verb === "post" && panel()?.contains(detail.elt)) htmx.trigger(document.body, "listChanged");
  });
  if (panel()?.childElementCount) readyPanel(named());

  // -- a condition: only what its operator takes is asked for

  function showTaken(select) {
    const takes = select.selectedOptions[0]?.dataset.takes;
    for (const part of select.form.querySelectorAll("[data-for-takes]")) {
      part.hidden = !part.dataset.forTakes.split(" ").includes(takes);
      for (const control of part.querySelectorAll("input")) control.disabled = part.hidden;
    }
  }
  on("change", (event) => { if (event.target.id === "c_op") showTaken(event.target); });
  on("htmx:afterSwap", () => { const select = document.getElementById("c_op"); if (select) showTaken(select); });
  on("DOMContentLoaded", () => { const select = document.getElementById("c_op"); if (select) showTaken(select); });

  // -- rows pasted out of a spreadsheet: anywhere on the list, or into the row to type in

  const isWritten = (place) => place.closest?.("input, textarea, select, [contenteditable]");
  const asLines = (html) => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("tr")].map((row) =>
    [...row.cells].map((cell) => `"${cell.textContent.trim().replaceAll('"', '""')}"`).join("\t")).join("\n");
  on("paste", (event) => {
    const link = document.querySelector("[data-paste]"), quick = event.target.closest?.("#quick_add");
    if (!link || (isWritten(event.target) && !quick) || document.querySelector("dialog[open]")) return;
    let text = event.clipboardData.getData("text/plain");
    const html = event.clipboardData.getData("text/html");
    if (!text.includes("\t") && /<table/i.test(html)) text = asLines(html);
    if (!/[\t\n]/.test(text.trim())) return;
    event.preventDefault();
    const form = Object.assign(document.createElement("form"), { method: "post", action: link.getAttribute("href"), hidden: true });
    form.append(Object.assign(document.createElement("textarea"), { name: "text", value: text }));
    document.body.append(form);
    form.requestSubmit();
  });
})();
