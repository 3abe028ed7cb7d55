// The door of an event: what is scanned is asked of the server, and decided here when that doesn't answer in time.
const door = document.querySelector("[data-door]"), {
  door: event, token, gate: gateId, event: eventId,
  doorStoreJs, doorCodesJs, doorDecisionsJs, doorCameraJs, doorRulesJson, zxingReaderJs, zxingReaderWasm, ed25519Js,
} = door.dataset;
const [{ open }, codes, { decide, dayOf, factsOf, moved }, camera, table] = await Promise.all([
  import(doorStoreJs), import(doorCodesJs), import(doorDecisionsJs), import(doorCameraJs), fetch(doorRulesJson).then((answer) => answer.json()),
]);
const ANSWER_WITHIN = 1500, SYNC_EVERY = 15e3, BATCH = 200, AGAIN = 4000, UNDO = 10 * 60e3, FORGET = 24 * 3600e3;
const JSONS = { Accept: "application/json" }; // a refusal is its status then, and leads to no other page
const part = (name) => door.querySelector(`[data-${name}]`);
const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

let store, meta, drift = 0, isOnline = navigator.onLine, since = null, seeing = null, last = { text: "", at: 0 };

// --- asking and deciding --------------------------------------------------------------------------------------

async function ask(scans, within, waiting = 0) {
  const began = Date.now();
  const answer = await fetch(`/door/${event}/scans`, {
    method: "POST", headers: { ...JSONS, "Content-Type": "application/json" }, signal: AbortSignal.timeout(within), redirect: "error",
    body: JSON.stringify({ token, drift, scans, waiting }),
  });
  if (answer.status === 403) await revoked();
  if (answer.status === 401) throw new SignedOut();
  if (!answer.ok) throw new Error(String(answer.status));
  const said = await answer.json();
  drift = Math.round(said.now - (began + Date.now()) / 2);
  return said.answers;
}

class SignedOut extends Error {}
class Revoked extends Error {}

/** What this phone decides alone: [answer, the pass as it is then]. */
async function alone(scan) {
  if (scan.kind === "undo") return takenBack(scan);
  const code = scan.code ? codes.read(scan.code) : null, moment = scan.at + drift;
  if (scan.code && !code) return [{ result: "unreadable" }];
  if (code && !(await codes.isSigned(code, meta.keys, ed25519Js)))
    return [{ result: (await codes.isSigned(code, meta.ended ?? [], ed25519Js)) ? "outdated" : "forged" }];
  if (code && code.event !== Number(eventId)) return [{ result: "other_event" }];
  const gate = meta.gates.find(({ id }) => id === scan.gate) ?? meta.gates[0];
  const pass = await store.pass(code?.serial ?? scan.serial.replace(/\s+/g, "").toLowerCase());
  if (!pass && !code) return [{ result: "unknown" }]; // a typed serial proves nothing
  const [, tier, kind] = meta.tiers.find(([short, id]) => (pass ? id === pass.tier : short === code.tier)) ?? [0, null, ""];
  const facts = factsOf({ event: meta.event, gate, pass, tier, kind: scan.kind, moment });
  const result = decide(table.rules, facts), day = dayOf(gate, meta.event.zone, moment), at = new Date(moment).toISOString();
  const said = { result, name: pass?.name, tier: kind, serial: pass?.serial ?? code.serial };
  const before = pass?.there.find(([g, d]) => g === gate.id && d === day);
  if (before && ["used", "inside"].includes(result)) said.first = { at: before[4], gate: gate.name, phone: "" };
  const known = pass ?? { serial: code.serial, tier, name: "", state: "active", there: [] };
  const moves = table.results[result].admits || result === "out";
  return [said, moves ? moved(known, gate.id, day, result, at) : null];
}

async function takenBack(scan) {
  const back = admitted.get(scan.serial);
  if (!back || scan.at - back.at > UNDO) return [{ result: "nothing_to_undo" }];
  const gate = meta.gates.find(({ id }) => id === back.gate), pass = await store.pass(back.serial);
  admitted.delete(scan.serial);
  return [{ result: "undone", name: pass?.name }, pass && moved(pass, gate.id, dayOf(gate, meta.event.zone, back.at + drift), "undone", "")];
}

const nonce = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const admitted = new Map(); // nonce → what can be taken back

/** A code or serial that somebody holds out: answered always, by the server or by this phone. */
async function take(about, kind = way()) {
  const text = about.code || about.serial, now = Date.now();
  if (kind !== "undo" && text === last.text && now - last.at < AGAIN) { last.at = now; return; } // held there a little longer
  last = { text, at: now };
  const scan = { nonce: nonce(), kind, gate: gate(), at: now, ...about };
  try { show(await answered(scan), scan); } catch (error) { if (!(error instanceof Revoked)) throw error; }
}

async function answered(scan) {
  if (isOnline) {
    try {
      const [said] = await ask([scan], ANSWER_WITHIN);
      net(true);
      if (said.serial) await remember(said, scan);
      return said;
    } catch (error) {
      if (error instanceof Revoked) throw error;
      net(false, error);
    }
  }
  if (!meta) return { result: "unknown", says: "No network, and nothing of this event is on this phone yet" };
  const [said, pass] = await alone(scan);
  await store.decided(pass, { ...scan, decision: said.result });
  tell();
  return { ...said, nonce: scan.nonce, alone: true };
}

/** What the server has just decided is known here too, should the network go. */
async function remember(said, scan) {
  const pass = await store.pass(said.serial), held = meta?.gates.find(({ id }) => id === scan.gate);
  if (!pass || !held || !(table.results[said.result].admits || said.result === "out")) return;
  await store.decided(moved(pass, held.id, dayOf(held, meta.event.zone, Date.parse(said.at)), said.result, said.at));
}

// --- what is seen and heard -----------------------------------------------------------------------------------

const ICONS = { good: "circle-check", warn: "alert-triangle", bad: "circle-x", idle: "qrcode" };
const line = (name, text, tag = "p") => Object.assign(document.createElement(tag), { className: name, textContent: text, dir: "auto" });

function show(said, scan) {
  const word = table.results[said.result], place = part("answer"), lines = [];
  const sign = place.querySelector(".door-sign");
  sign.querySelector("use").setAttribute("href", sign.querySelector("use").getAttribute("href").replace(/#.*/, `#${ICONS[word.tone]}`));
  lines.push(sign, line("", said.says ?? word.says, "h1"));
  if (said.name !== undefined) lines.push(line("door-name", said.name || "No name"), line("", said.tier ?? ""));
  if (said.first) lines.push(line("", `First at ${clock(said.first.at)}, ${said.first.gate}${said.first.phone ? `, by ${said.first.phone}` : ""}`));
  if (word.next && !said.says) lines.push(line("", word.next));
  if (said.other) lines.push(line("", `For ${said.other.title}${said.other.venue ? `, ${said.other.venue}` : ""}`));
  if (said.result === "ok_unknown" && meta) lines.push(line("", `This phone knows what was sold until ${clock(meta.now)}.`));
  if (word.admits) {
    admitted.set(scan.nonce, { ...scan, serial: said.serial });
    const back = line("btn", "Take back", "button");
    back.type = "button";
    back.onclick = () => take({ serial: scan.nonce }, "undo");
    lines.push(back);
  }
  place.className = `door-answer ${word.tone}`;
  place.replaceChildren(...lines);
  place.scrollIntoView({ block: "nearest" }); // who was let in by name stands far below
  sound(word.tone);
  if (isOnline) sync();
}

let audio;
function sound(tone) {
  navigator.vibrate?.(tone === "good" ? 80 : [120, 60, 120]);
  try {
    audio ??= new AudioContext();
    const tones = { good: [880], warn: [440, 440], bad: [220, 220, 220] }[tone];
    tones.forEach((pitch, place) => {
      const wave = audio.createOscillator(), loud = audio.createGain(), at = audio.currentTime + place * 0.16;
      wave.frequency.value = pitch;
      loud.gain.value = 0.2;
      wave.connect(loud).connect(audio.destination);
      wave.start(at);
      wave.stop(at + 0.12);
    });
  } catch { /* a phone without sound shows and shakes */ }
}

async function tell() {
  const scans = (await store.waiting(Infinity)).map(([, scan]) => scan), count = scans.length, place = part("queue");
  if (meta) tally(scans);
  place.hidden = !count;
  place.textContent = count ? `${count} ${count === 1 ? "scan waits" : "scans wait"} to be sent. ` : "";
  if (!count) return;
  const save = line("btn btn-sm", "Save them as a file", "button");
  save.type = "button";
  save.onclick = saveQueue;
  place.append(save);
}

async function saveQueue() {
  const rows = (await store.waiting(Infinity)).map(([, scan]) => scan);
  const link = Object.assign(document.createElement("a"), { download: `door-${event}.json`, href: `data:application/json,${encodeURIComponent(JSON.stringify({ token, drift, scans: rows }))}` });
  link.click();
}

function net(on, error) {
  if (isOnline !== on || !since) since = Date.now();
  isOnline = on;
  const place = part("net");
  place.dataset.state = on ? "on" : "off";
  if (error instanceof SignedOut) {
    place.replaceChildren("You are signed out; scans are kept. ", Object.assign(document.createElement("a"), { textContent: "Sign in again", href: `/sign-in?next=/door/${event}` }));
  } else place.textContent = on ? (meta ? `Online, in step since ${clock(meta.now)}` : "Online") : `No network since ${clock(since)}: this phone decides`;
}

async function revoked() {
  await store.forget();
  seeing?.end();
  const away = Object.assign(document.createElement("a"), { className: "btn", href: "/door", textContent: "Doors" });
  door.replaceChildren(line("door-answer bad", "This phone was taken off the door. What it held of the event is gone."), away);
  throw new Revoked();
}

// --- keeping in step ------------------------------------------------------------------------------------------

let stepping = null;
const sync = () => (stepping ??= step().finally(() => { stepping = null; }));

async function step() {
  if (!part("net")) return; // it was taken off
  try {
    for (let rows; (rows = await store.waiting(BATCH)).length;) {
      const all = (await store.waiting(Infinity)).length;
      await ask(rows.map(([, scan]) => scan), 20e3, all);
      await store.sent(rows.map(([key]) => key));
    }
    const query = meta ? `?since=${encodeURIComponent(meta.cursor)}` : "";
    const answer = await fetch(`/door/${event}/snapshot${query}`, { headers: { ...JSONS, "X-Door-Token": token }, signal: AbortSignal.timeout(20e3), redirect: "error" });
    if (answer.status === 403) await revoked();
    if (answer.status === 401) throw new SignedOut();
    if (!answer.ok) throw new Error(String(answer.status));
    const snapshot = await answer.json();
    await store.keep(snapshot);
    meta = await store.meta();
    net(true);
  } catch (error) {
    if (!(error instanceof Revoked)) net(false, error);
  }
  if (door.isConnected && part("queue")) await tell();
  if (meta && Date.now() + drift > Date.parse(meta.event.ends) + FORGET) await store.forget();
}

/** Who is in here: those of the last snapshot, and those of this phone's own scans that the server hasn't heard of. */
function tally(waiting) {
  const [told] = meta.counts[gate()] ?? [0], here = waiting.filter((scan) => scan.gate === gate());
  const own = here.reduce((sum, { decision }) => sum + (table.results[decision]?.admits ? 1 : ["out", "undone"].includes(decision) ? -1 : 0), 0);
  part("counts").replaceChildren(line("", String(Math.max(0, told + own)), "strong"), ` in at this gate, ${meta.good} good tickets`);
}

// --- the page -------------------------------------------------------------------------------------------------

const gate = () => Number(gateId);
const way = () => door.querySelector("[name=kind]:checked")?.value ?? "entry";
const typed = (text) => (/^gh1/i.test(text.trim()) || text.trim().length > 40 ? { code: text } : { serial: text });

part("scan-form").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  const { code } = submitted.target.elements, text = code.value;
  code.value = "";
  if (text.trim()) take(typed(text));
});
// A hardware scanner types and presses Enter, wherever the focus is.
addEventListener("keydown", (pressed) => {
  if (pressed.key.length === 1 && !pressed.ctrlKey && !pressed.metaKey && !pressed.altKey && document.activeElement === document.body) part("scan-form")?.elements.code.focus();
});
part("people-form").addEventListener("submit", (submitted) => submitted.preventDefault());
part("people-form").addEventListener("input", async ({ target }) => {
  const rows = (await store.found(target.value)).map(({ serial, name, tier }) => {
    const row = line("", "", "li"), who = line("", name || "No name", "strong"), kind = line("quiet", meta.tiers.find(([, id]) => id === tier)?.[2] ?? "", "span");
    const button = line("btn btn-sm", "Let in", "button");
    button.type = "button";
    button.setAttribute("aria-label", `Let in ${name || "no name"}`);
    button.onclick = () => take({ serial });
    const whole = document.createElement("span");
    whole.append(who, " ", kind);
    row.append(whole, button);
    return row;
  });
  part("people").replaceChildren(...(rows.length || !target.value.trim() ? rows : [line("quiet", "Nobody of this name has a ticket.", "li")]));
});
/** Whoever leaves or goes to another gate stays until the server can be told: there is no other page without it. */
function stay(form) {
  door.querySelector(".door-foot form .quiet")?.remove();
  form.append(line("quiet", "The server can't be told just now. Until it can, this phone stays here."));
}
part("gate-form").addEventListener("submit", (submitted) => { if (!isOnline) { submitted.preventDefault(); stay(submitted.target); } });
part("leave-form").addEventListener("submit", async (submitted) => {
  if (submitted.target.dataset.sure) return;
  submitted.preventDefault();
  await sync();
  if (!isOnline) { stay(submitted.target); return; }
  await store.forget();
  submitted.target.dataset.sure = "1";
  submitted.target.submit();
});
addEventListener("beforeunload", (leaving) => { if (!part("queue")?.hidden) leaving.preventDefault(); });

const start = part("camera-start"), torch = part("torch");
start.hidden = false;
start.addEventListener("click", async () => {
  const video = part("camera").querySelector("video"), wasSeeing = seeing;
  seeing?.end();
  seeing = null;
  part("camera").hidden = wasSeeing;
  video.hidden = false;
  if (!wasSeeing) seeing = await camera.look(video, {
    scanner: "/door/scanner.js", zxing: zxingReaderJs, wasm: zxingReaderWasm,
    heard: (text) => take({ code: text }), says: (words) => { part("camera-says").textContent = words; },
  });
  video.hidden = !seeing; // what is wrong is said without a black box
  start.querySelector("span").textContent = seeing ? "Stop the camera" : "Use the camera";
  start.classList.toggle("btn-primary", !seeing);
  torch.hidden = !seeing?.torch;
});
/** The page itself is there without a network, too: the first visit came before its service worker. */
async function keepPage() {
  await navigator.serviceWorker.register("/door/worker.js", { scope: "/door/", updateViaCache: "none" });
  await navigator.serviceWorker.ready;
  await (await caches.open("door pages")).add(`/door/${event}`);
  door.dataset.offline = "1";
}

let isLit = false;
torch.addEventListener("click", () => seeing?.torch?.((isLit = !isLit)));

store = await open(event);
meta = await store.meta();
if (meta) await tell(); // what it knew last, where no network tells
navigator.storage?.persist?.().catch(() => { /* kept while there is room */ }); // Firefox asks, and nobody at a door need answer
keepPage().catch(() => { /* then the page needs the network to open */ });
addEventListener("online", () => { isOnline = true; sync(); });
addEventListener("offline", () => net(false));
setInterval(sync, SYNC_EVERY);
await sync();
door.dataset.ready = "1";
