// The plan's pages: seats by − and +, and the countdown after a purchase. It waits while its reader is busy elsewhere,
// stops when told to, and where less motion is wanted nobody is moved at all.
(() => {
  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    const field = step?.closest(".seats-field").querySelector("input");
    if (field && step.dataset.step === "1") field.stepUp();
    else if (field) field.stepDown();
    if (event.target.closest("[data-hold]")) { held = !held; show(); }
  });

  let held = false, left = 0, timer = null;
  const line = () => document.querySelector("[data-countdown]");

  function busy() {
    const at = document.activeElement;
    const elsewhere = at && at !== document.body && at.id !== "main" && !at.closest("#billing_return");
    return held || document.hidden || elsewhere || document.querySelector("dialog[open]");
  }

  function tick() {
    const shown = line();
    if (!shown) { clearInterval(timer); timer = null; return; }
    if (busy()) return;
    left -= 1;
    show();
    if (left <= 0) { clearInterval(timer); location.assign(shown.dataset.to); }
  }

  // Also after the block was drawn anew, which knows nothing of the seconds that are left.
  function show() {
    const shown = line();
    shown.hidden = false;
    shown.querySelector("[data-seconds]").textContent = Math.max(left, 0);
    shown.querySelector("[data-hold] span").textContent = held ? "Go on" : "Pause";
  }

  function begin() {
    const shown = line();
    if (!shown || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    if (!timer) {
      left = Number(shown.dataset.countdown);
      timer = setInterval(tick, 1000);
    }
    show();
  }

  document.addEventListener("htmx:afterSettle", begin);
  begin();
})();
