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
      const moment = text.value.length > 10 && new Date(text.value);
      if (moment && Number.isNaN(moment.getTime())) continue;
      text.dataset.sent = text.value;
      on.value = on.dataset.shown = moment ? day(moment) : text.value;
      at.value = at.dataset.shown = moment ? clock(moment) : "";
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

  // -- a form with unsaved words is guarded

  on("input", (event) => { event.target.closest("form[data-guard]")?.setAttribute("data-dirty", ""); });
  on("submit", (event) => { event.target.removeAttribute("data-dirty"); });
  addEventListener("beforeunload", (event) => { if (document.querySelector("form[data-dirty]")) event.preventDefault(); });
  Object.assign(guildhall, { isUnfinished, sent });
})();
