// Open pages hear of changes: a stream while there is room, else a question every second. A hidden page
// lets go of its stream (browsers allow six connections to a host) and catches up when it is seen again.
(() => {
  const { live } = document.body.dataset;
  if (!live) return;
  let { mark } = document.body.dataset;
  let stream = null, asking = null;

  function hear({ mark: now, stale }) {
    mark = now;
    for (const name of stale) document.body.dispatchEvent(new CustomEvent(`stale:${name}`));
    for (const place of document.querySelectorAll("[data-stale]")) {
      if (place.dataset.stale.split(" ").some((name) => stale.includes(name))) draw(place);
    }
  }

  // Draw a place again. What is being typed or edited in it stays as it is: ui.js keeps it while morphing.
  // What is told within a second of the last drawing is drawn together, and never while a drawing is under way.
  const drawn = new Map(); // place's id → { at, timer, running }
  function draw(place) {
    const held = drawn.get(place.id) ?? { at: -1000, timer: 0, running: false };
    drawn.set(place.id, held);
    if (held.timer) return;
    held.timer = setTimeout(async () => {
      held.timer = 0;
      if (held.running) { draw(place); return; }
      const now = document.getElementById(place.id) ?? place;
      if (!now.isConnected) return;
      held.at = performance.now();
      held.running = true;
      try { await drawNow(now); } finally { held.running = false; }
    }, Math.max(0, held.at + 1000 - performance.now()));
  }
  function drawNow(place) {
    if (place.querySelector("form[data-dirty]")) { tell(place); return; }
    const url = new URL(place.dataset.url || location.href, location.origin);
    const rows = place.querySelectorAll("#list_rows > [data-row]").length;
    if (rows > 50) url.searchParams.set("rows", Math.min(rows, 2000));
    return guildhall.ajax("GET", url.pathname + url.search, { target: place, swap: "morph:outerHTML", source: place, headers: { "X-Redraw": "1" } });
  }

  // Time alone changes things too: a day begins, something shown becomes due. The page asks then.
  function nextTime() {
    const now = Date.now(), midnight = new Date();
    midnight.setHours(24, 0, 1, 0);
    const dues = [...document.querySelectorAll('time[data-form="due"]')].filter((one) => one.dateTime.length > 10).map((one) => Date.parse(one.dateTime) + 1000);
    const minute = document.querySelector("[data-minutely]") ? [now + 60000] : [];
    return Math.min(midnight, ...minute, ...dues.filter((due) => due > now)) - now;
  }
  let waking = 0, wakesAt = Infinity;
  function wake() {
    clearTimeout(waking);
    const now = Date.now(), wait = wakesAt <= now ? 0 : Math.min(nextTime(), 2 ** 31 - 1); // a lid that was shut makes it late, not undone
    wakesAt = now + wait;
    waking = setTimeout(() => {
      wakesAt = Infinity;
      for (const place of document.querySelectorAll("[data-stale~=task], #list_area")) draw(place);
      wake();
    }, wait);
  }
  document.addEventListener("htmx:afterSettle", wake);
  wake();
  // A list of the whole site has no stream: while it is looked at, it asks every ten seconds.
  setInterval(() => {
    if (!document.hidden) for (const place of document.querySelectorAll("[data-refresh]")) draw(place);
  }, 10000);
  // What isn't there any more was said once by the refusal; it isn't asked for again.
  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (detail.xhr.status === 404) detail.requestConfig?.elt?.removeAttribute?.("data-stale");
  });
  function tell(place) {
    if (place.querySelector(".note[data-behind]")) return;
    const note = document.createElement("p");
    note.className = "note tone-info";
    note.dataset.behind = "";
    note.setAttribute("role", "status");
    note.textContent = "Somebody changed this meanwhile. What you typed is kept; saving will tell you where it differs.";
    place.querySelector("form[data-dirty]").prepend(note);
  }

  function listen() {
    stop();
    if ("asks" in document.body.dataset) { ask(); return; } // streams are off for this organization
    stream = new EventSource(`${live}/live?since=${encodeURIComponent(mark)}`);
    stream.onmessage = (event) => hear(JSON.parse(event.data));
    // Who left or deleted it themselves is on the way elsewhere already: a reload at once would call them back.
    stream.addEventListener("over", () => { stop(); setTimeout(() => location.reload(), 1500); });
    stream.onerror = () => {
      if (stream?.readyState === EventSource.CLOSED) { stop(); ask(); setTimeout(() => { if (asking) listen(); }, 60000); }
    };
  }
  function ask() {
    asking = setInterval(async () => {
      try {
        const answer = await fetch(`${live}/news?since=${encodeURIComponent(mark)}`, { headers: { Accept: "application/json" } });
        if (answer.ok) hear(await answer.json());
      } catch { /* offline: the bar says so, and the next question catches up */ }
    }, 1000);
  }
  function stop() {
    stream?.close();
    clearInterval(asking);
    stream = asking = null;
  }

  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else listen(); });
  addEventListener("pagehide", stop);
  // One's own act on a list, or one that was refused: the list says how it is, also where no stream is open.
  document.addEventListener("listChanged", () => {
    const list = document.getElementById("list_area");
    if (list) draw(list);
  });
  if (!document.hidden) listen();
})();
