// The door's service worker: its page and its files are there without a network; what is asked of the server never is.
// A new one waits until no door is open any more, so that nobody is interrupted while scanning.
const NAME = `door ${KEPT.join(" ")}`, PAGES = "door pages";

addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(KEPT.map((address) => new Request(address, { cache: "reload" })))));
});

addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("door ") && name !== NAME && name !== PAGES) await caches.delete(name);
    await clients.claim();
  })());
});

addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname, search } = new URL(request.url);
  if (origin !== location.origin || request.method !== "GET") return;
  if (KEPT.includes(pathname + search)) event.respondWith(kept(request));
  else if (request.mode === "navigate" && /^\/door\/[^/]+$/.test(pathname)) event.respondWith(page(request, pathname));
});

async function kept(request) {
  return (await (await caches.open(NAME)).match(request)) ?? fetch(request);
}

async function page(request, pathname) {
  const pages = await caches.open(PAGES);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(4000) });
    if (answer.ok && !answer.redirected) await pages.put(pathname, answer.clone());
    else if ([401, 403, 404].includes(answer.status)) await pages.delete(pathname);
    return answer;
  } catch (error) {
    const held = await pages.match(pathname);
    if (held) return held;
    throw error;
  }
}
