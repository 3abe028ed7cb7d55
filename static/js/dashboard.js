// Charts of the dashboard are dragged to another place; the menu of each has the same for the keyboard.
(() => {
  "use strict";
  const on = (name, listener) => document.addEventListener(name, listener);
  const held = (event) => event.target.closest?.(".chart-card[draggable=true]");
  let carried = null;
  const over = (event) => {
    const card = carried && held(event);
    return card && card !== carried && card.parentElement === carried.parentElement ? card : null;
  };

  on("dragstart", (event) => {
    carried = event.target.matches?.(".chart-card[draggable=true]") ? event.target : null;
    if (!carried) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", carried.dataset.name);
    carried.classList.add("dragging");
  });
  on("dragover", (event) => {
    const card = over(event);
    if (!card) return;
    event.preventDefault();
    for (const one of card.parentElement.children) one.classList.toggle("drop", one === card);
  });
  on("drop", (event) => {
    const card = over(event);
    if (!card) return;
    event.preventDefault();
    const all = [...card.parentElement.children];
    const before = all.indexOf(card) < all.indexOf(carried) ? card : card.nextElementSibling;
    document.getElementById("live").textContent = `Moved ${carried.dataset.name}.`;
    guildhall.ajax("POST", carried.dataset.post, { target: "#dashboard_area", swap: "outerHTML", values: { before: before?.dataset.chart ?? 0 } });
  });
  // [ and ] move the card that has the focus, as on a board.
  on("keydown", async (event) => {
    const card = event.target.matches?.(".chart-card[draggable=true]") ? event.target : null;
    if (!card || !["[", "]"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    await guildhall.ajax("POST", card.dataset.post, { target: "#dashboard_area", swap: "outerHTML", values: { to: event.key === "[" ? "up" : "down" } });
    document.getElementById(card.id)?.focus();
    document.getElementById("live").textContent = `Moved ${card.dataset.name}.`;
  });
  on("dragend", () => {
    carried?.classList.remove("dragging");
    carried = null;
    for (const one of document.querySelectorAll(".chart-card.drop")) one.classList.remove("drop");
  });
})();
