// A list as a calendar: rows dragged to another day or moved by [ and ], days walked by the arrows.
(() => {
  const on = (type, handler) => document.addEventListener(type, handler);
  const area = () => document.getElementById("list_area");
  const days = () => [...document.querySelectorAll("[data-day]")];
  const dayOf = (name) => document.querySelector(`[data-day="${name}"]`);
  const shifted = (name, count) => {
    const at = new Date(`${name}T00:00:00Z`);
    at.setUTCDate(at.getUTCDate() + count);
    return at.toISOString().slice(0, 10);
  };

  // -- a row on another day; its requests go one after another

  const moving = new Map(); // row → the day it is wished on, and the requests before
  function move(entry, day) {
    const { id, name, from } = entry.dataset, held = moving.get(id);
    const was = held?.wish ?? from;
    if (day === was) return;
    const place = dayOf(day), query = new URL(area().dataset.url, location.origin).search;
    if (place) show(entry, place);
    entry.dataset.from = day;
    document.getElementById("live").textContent = `Moved ${name} to ${day}.`;
    const mine = { wish: day };
    const send = () => guildhall.ajax("POST", `${area().dataset.base}/${id}/day${query}`, { source: area(), swap: "none", values: { day, was } });
    mine.done = (held?.done ?? Promise.resolve()).then(send, send).finally(() => { if (moving.get(id) === mine) moving.delete(id); });
    moving.set(id, mine);
  }
  // At once where it will be; what the server draws then is right for all.
  function show(entry, place) {
    let list = place.querySelector("ul");
    if (!list) { list = document.createElement("ul"); place.append(list); }
    const column = place.querySelector(".cal-box")?.className.match(/c\d/)?.[0];
    if (column) entry.className = entry.className.replace(/\bc\d\b/, column).replace(/\bw\d\b/, "w1");
    const focused = entry.contains(document.activeElement);
    list.append(entry);
    if (focused) entry.focus();
  }
  on("htmx:responseError", ({ detail }) => { if (detail.elt === area()) htmx.trigger(document.body, "listChanged"); });

  let carried = null;
  const under = (event) => document.elementsFromPoint(event.clientX, event.clientY)
    .map((one) => one.matches(".cal-box, .cal-head") || one.matches(".cal-agenda [data-day]") ? one.closest("[data-day]") : null)
    .find(Boolean);
  const mark = (place) => { for (const one of days()) one.classList.toggle("drop", one === place); };
  on("dragstart", (event) => {
    carried = event.target.closest?.(".cal-entry[draggable=true]");
    if (!carried) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", carried.dataset.name);
    carried.classList.add("dragging");
  });
  on("dragover", (event) => {
    const place = carried && under(event);
    if (!place) return;
    event.preventDefault();
    mark(place);
  });
  on("drop", (event) => {
    const place = carried && under(event);
    if (place) { event.preventDefault(); move(carried, place.dataset.day); }
  });
  on("dragend", () => {
    carried?.classList.remove("dragging");
    carried = null;
    mark(null);
  });

  // -- the keyboard: one day takes the focus, arrows go on from it

  const links = () => [...document.querySelectorAll("[data-day-link]")];
  function rove(chosen) {
    const all = links();
    const one = chosen ?? all.find((link) => link.tabIndex === 0 && link.dataset.chosen) ?? all.find((link) => link.getAttribute("aria-current")) ?? all[0];
    for (const link of all) { link.tabIndex = link === one ? 0 : -1; delete link.dataset.chosen; }
    if (one) one.dataset.chosen = "true";
    return one;
  }
  on("DOMContentLoaded", () => rove());
  on("htmx:afterSettle", () => { const link = document.activeElement?.closest?.("[data-day-link]"); rove(link ?? undefined); });

  async function go(day) {
    const link = document.getElementById(`day_${day}`);
    if (link) { rove(link); link.focus(); return; }
    const url = new URL(area().dataset.url, location.origin);
    url.searchParams.set("cal_day", day);
    if (!await guildhall.ajax("GET", url.pathname + url.search, { source: area(), target: area(), swap: "morph:outerHTML" })) return;
    history.replaceState(history.state, "", url.pathname + url.search);
    const found = document.getElementById(`day_${day}`);
    if (found) { rove(found); found.focus(); }
  }
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea")) return;
    const place = event.target.closest?.("[data-day]");
    const entry = event.target.closest?.(".cal-entry[draggable=true]");
    if (place && event.key in STEPS) {
      event.preventDefault();
      const turn = getComputedStyle(place).direction === "rtl" && event.key.match(/Left|Right/) ? -1 : 1;
      const list = document.querySelector(".cal-agenda") ? days().map((one) => one.dataset.day) : null;
      const step = Math.sign(STEPS[event.key]);
      go(list ? list[list.indexOf(place.dataset.day) + step] ?? place.dataset.day : shifted(place.dataset.day, turn * STEPS[event.key]));
    } else if (event.key === "n") {
      const day = place ?? rove()?.closest("[data-day]");
      const plus = day?.querySelector(".cal-plus");
      if (plus) { event.preventDefault(); plus.focus(); plus.click(); }
    } else if (entry && ["[", "]"].includes(event.key)) {
      event.preventDefault();
      move(entry, shifted(entry.dataset.from, event.key === "]" ? 1 : -1));
    }
  });
})();
