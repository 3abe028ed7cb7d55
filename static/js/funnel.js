// What people do with flyers, told in small heaps: seen for a second, opened, and what flyer.js says of each attempt.
// On an event's page: that somebody arrived by a link, whose code goes on with the form. Nothing is kept but in this tab.
(() => {
  const maker = document.querySelector("#maker"), came = document.querySelector("input[data-via]");
  const given = maker ? JSON.parse(maker.dataset.given) : {}, MOST = 10, SOON = 2000;
  const about = { campaign: given.campaign, version: given.version ?? Number(/(\d+)\.json/.exec(given.spec ?? "")?.[1]), token: given.token };
  const heap = [], told = new Set();
  let timer = 0;

  function send() {
    clearTimeout(timer);
    timer = 0;
    while (heap.length) {
      const body = JSON.stringify({ ...about, events: heap.splice(0, MOST) });
      navigator.sendBeacon("/flyers/e", new Blob([body], { type: "application/json" }));
    }
  }

  function tell(kind, more = {}) {
    const act = { kind, ...more }, name = JSON.stringify(act);
    if (told.has(name)) return;
    told.add(name);
    heap.push(act);
    if (heap.length >= MOST) send();
    else timer ||= setTimeout(send, SOON);
  }

  /** Once somebody has had the page before them for a second. */
  function seen(then) {
    let second = 0;
    const look = () => {
      clearTimeout(second);
      if (document.visibilityState === "visible") second = setTimeout(() => { document.removeEventListener("visibilitychange", look); then(); }, 1000);
    };
    document.addEventListener("visibilitychange", look);
    look();
  }

  if (maker) {
    seen(() => tell("view"));
    for (const touch of ["pointerdown", "keydown", "change"]) maker.addEventListener(touch, () => tell("open"), { once: true });
    document.addEventListener("flyer", ({ detail }) => tell(detail.kind, { attempt: detail.attempt, channel: detail.channel }));
  }
  if (came) {
    const place = `via ${location.pathname}`;
    try {
      if (came.value) sessionStorage.setItem(place, came.value);
      else came.value = sessionStorage.getItem(place) ?? "";
    } catch { /* a browser that keeps nothing for us: the address still has it */ }
    if (new URLSearchParams(location.search).has("via") && came.value) {
      about.via = came.value;
      seen(() => tell("arrive"));
    }
  }
  addEventListener("pagehide", send);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") send(); });
})();
