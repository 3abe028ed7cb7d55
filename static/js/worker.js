// The service worker: when the network is gone, a page says so. It keeps that page and its files, and nothing else:
// no page of anybody's is ever kept. views/base/offline.py writes KEPT and PAGE above this, so a changed file is a new worker.
const NAME = `guildhall ${PAGE} ${KEPT.join(" ")}`;

addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(NAME);
    await cache.addAll([PAGE, ...KEPT].map((address) => new Request(address, { credentials: "omit", cache: "reload" })));
    await skipWaiting();
  })());
});

addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
    await registration.navigationPreload?.enable();
    await clients.claim();
  })());
});

addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname, search } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(visit(event));
  else if (request.method === "GET" && KEPT.includes(pathname + search)) event.respondWith(kept(request));
});

async function visit({ request, preloadResponse }) {
  try {
    return (await preloadResponse) ?? (await fetch(request));
  } catch {
    // What a form was to send is still in its draft: back at the form, it is there again.
    if (request.method !== "GET" && request.referrer) return Response.redirect(request.referrer, 303);
    return (await caches.open(NAME)).match(PAGE);
  }
}

async function kept(request) {
  try { return await fetch(request); } catch { return (await caches.open(NAME)).match(request.url); }
}
