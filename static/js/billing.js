// The plan's pages: seats by − and +, and the countdown after a purchase. It waits while its reader is busy elsewhere,
// stops when told to, and where less motion is wanted nobody is moved at all.
(() => {
  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    const field = step?.closest(".seats-field").querySelector("input");
    if (field && step.dataset.step === "1") field.stepUp();
    else if (field) field.stepDown();
    const hold = event.target.closest("[data-hold]");
    if (hold) {
      held = !held;
      hold.querySelector("span").textContent = held ? "Go on" : "Pause";
    }
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
    shown.querySelector("[data-seconds]").textContent = Math.max(left, 0);
    if (left <= 0) { clearInterval(timer); location.assign(shown.dataset.to); }
  }

  function begin() {
    const shown = line();
    if (!shown || timer || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    left = Number(shown.dataset.countdown);
    shown.hidden = false;
    timer = setInterval(tick, 1000);
  }

  document.addEventListener("htmx:afterSettle", begin);
  begin();
})();
