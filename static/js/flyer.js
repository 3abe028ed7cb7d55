// The maker: a photo and a name become a picture on the device itself. Downloading asks nobody; only a link does.
import { Fonts, held, lay, NEUTRAL, own as ownOf, paint as pixels, photoOf, plan, scaleOf, unknown } from "./flyer-drawing.js";
import { cleaned, clusters } from "./flyer-lettering.js";
import { blobOf, dataAddress, image, isTrue, PhotoRefused, read } from "./flyer-photo.js";
import { NotSaved, save } from "./flyer-saving.js";

const form = document.querySelector("#maker"), part = (name) => document.querySelector(`[data-${name}]`);
const given = JSON.parse(form.dataset.given);
const canvas = part("canvas"), hold = part("hold"), says = part("says"), fields = form.elements;
const SLIDERS = ["zoom", "turn", "x", "y"], QUALITY = 0.9;
const NO_LETTERS = "The letters for this text can’t be fetched at the moment. Go online once, then it works without.";
const inApp = /FBAN|FBAV|FB_IAB|Instagram|Line\/|MicroMessenger|Snapchat|TikTok|musical_ly/i.test(navigator.userAgent)
  || !("download" in HTMLAnchorElement.prototype);
let spec, fonts, pictures = {}, photo = null, file = null, crop = { ...NEUTRAL }, items = [], letters = {};
let isOurs = true; // this browser gives back what is drawn; else the server draws
let ready = null, version = 0, painted = 0, saved = null, busy = false;
let drawing = null, reading = null; // promises: of what was typed last, and of the photo that was chosen last

// --- what is told -------------------------------------------------------------------------------------------

const report = (kind, more = {}) => document.dispatchEvent(new CustomEvent("flyer", { detail: { kind, attempt: fields.form_key.value, ...more } }));

/** One sentence about how things stand; `tone` is quiet, good or bad. */
function say(text, tone = "") {
  says.textContent = text;
  says.className = `says ${tone}`;
}

// --- drawing ------------------------------------------------------------------------------------------------

const own = () => ownOf(spec), photoSlot = () => photoOf(spec);

function words() {
  return Object.fromEntries(own().map((slot) => [slot.key, cleaned(fields[`f_${slot.key}`].value)]));
}

let waiting = false;
function redraw() {
  version += 1;
  ready = null;
  if (!waiting) drawing = new Promise(requestAnimationFrame).then(paint);
  waiting = true;
  offer();
}

/** Wait until what was chosen and typed is on the canvas; false where its letters can't be had. */
async function drawn() {
  for (let seen = []; seen[0] !== reading || seen[1] !== drawing;) {
    seen = [reading, drawing];
    await Promise.all(seen);
  }
  return painted === version;
}

async function paint() {
  waiting = false;
  const now = version, typed = words(), first = own()[0];
  const shown = first && own().every((slot) => !typed[slot.key]) ? { ...typed, [first.key]: first.label } : typed;
  letters = unknown(spec, typed, fonts);
  try {
    // Before anything is measured: with a font that comes later half of the words would have another.
    await Promise.all(spec.slots.filter((slot) => slot.kind === "text").map((slot) => fonts.need(slot, spec, textOf(slot, shown))));
  } catch {
    say(NO_LETTERS, "bad");
    return;
  }
  if (now < painted) return; // something newer is there already
  painted = now;
  items = plan(spec, { fields: shown, crop: photo ? crop : null, codes: given.codes }, fonts);
  pixels(canvas, spec, items, { ...pictures, photo }, fonts);
  judge();
}

const textOf = (slot, shown) => (slot.bind ? spec.bound?.[slot.bind] : slot.text ?? shown[slot.key]) ?? "";

/** Say what is amiss with the words: letters that can't be drawn, too many, a name that had to be cut. */
function judge() {
  for (const slot of own()) {
    const note = document.querySelector(`#f_${slot.key}_note`), wrong = amiss(slot);
    const isCut = items.some((item) => item.op === "text" && item.slot.key === slot.key && item.isShortened);
    note.textContent = wrong || (isCut ? "That is too long for the picture, so it ends in “…”." : "");
    note.classList.toggle("error", Boolean(wrong));
    fields[`f_${slot.key}`].setAttribute("aria-invalid", Boolean(wrong));
  }
  prepare();
}

function amiss(slot) {
  const text = words()[slot.key], length = clusters(text).length, none = letters[slot.key] ?? [];
  if (none.length) return `We can’t draw ${none.slice(0, 5).join(" ")} here: no font has it. Leave it out or write it otherwise.`;
  return length > slot.max ? `At most ${slot.max} letters fit here, and this has ${length}.` : "";
}

/** What still has to be done before there is a flyer, in a sentence; empty when nothing is. */
function lacking() {
  const slot = photoSlot();
  if (slot?.required && !photo && !(file && !isOurs)) return "Choose a photo first.";
  const empty = own().find((one) => one.required && !words()[one.key]);
  if (empty) return `Fill in “${empty.label}” first.`;
  return own().map(amiss).find(Boolean) ?? "";
}

/** The same, once all that was chosen and typed a moment ago is drawn. What couldn't be drawn is tried again. */
async function hindrance() {
  if (painted !== version) {
    say("Drawing it…");
    redraw();
  }
  await drawn().catch(giveUp);
  return lacking() || (isOurs && painted !== version ? NO_LETTERS : "");
}

let pausing = 0;
/** Have the file ready before it is asked for: sharing must begin within the tap. */
function prepare() {
  clearTimeout(pausing);
  if (isOurs && !lacking()) pausing = setTimeout(() => made().catch(giveUp), 350);
}

/** The file of what is typed and chosen now; null where it can't be drawn. */
async function made() {
  if (!(await drawn())) return null;
  if (ready) return ready;
  const now = version, blob = await blobOf(canvas, QUALITY);
  const done = new File([blob], `${given.file}.jpg`, { type: "image/jpeg" });
  if (now === version) {
    ready = done;
    offer();
  }
  return done;
}

/** This browser's canvas gives nothing back: the server draws instead. */
function giveUp() {
  isOurs = false;
  form.classList.add("theirs");
  part("download").textContent = "Make it on our side";
  say("This browser keeps pictures from being made here, so we make yours on our side. Your photo is sent for that.");
}

function offer() {
  const canShare = ready && navigator.canShare?.({ files: [ready] });
  part("share").hidden = !canShare;
}

// --- the photo ----------------------------------------------------------------------------------------------

const choose = (chosen) => { if (chosen && photoSlot()) reading = take(chosen); };

async function take(chosen) {
  say("Reading the photo…");
  try {
    photo = await read(chosen, photoSlot());
    file = chosen;
    crop = { ...NEUTRAL };
    say("Drag the photo into place, or use the sliders.");
    report("upload");
  } catch (error) {
    if (!(error instanceof PhotoRefused)) throw error;
    say(error.message, "bad");
    return;
  }
  hold.hidden = false;
  part("place").hidden = false;
  set({});
}

/** Change how the photo lies, held within what covers the slot, and show it in the sliders. */
function set(change) {
  if (!photo) return;
  Object.assign(crop, change);
  crop.turn = ((crop.turn + 540) % 360) - 180;
  crop = held(photoSlot(), photo, crop);
  for (const name of SLIDERS) fields[name].value = crop[name];
  redraw();
}

/** Move by so many pixels of the flyer. */
function move(right, down) {
  const slot = photoSlot(), scale = scaleOf(slot, photo, crop), way = ((crop.turn + slot.turn) * Math.PI) / 180;
  const c = Math.cos(way), s = Math.sin(way);
  set({ x: crop.x - (right * c + down * s) / (scale * photo.width), y: crop.y - (down * c - right * s) / (scale * photo.height) });
}

const fingers = new Map();
hold.addEventListener("pointerdown", (event) => {
  hold.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
});
hold.addEventListener("pointermove", (event) => {
  const was = fingers.get(event.pointerId);
  if (!was || !photo) return;
  const now = [event.clientX, event.clientY], ratio = canvas.width / canvas.clientWidth;
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const [before, after] = [was, now].map(([x, y]) => [Math.hypot(x - other[0], y - other[1]), Math.atan2(y - other[1], x - other[0])]);
    set({ zoom: crop.zoom * (after[0] / Math.max(1, before[0])), turn: crop.turn + ((after[1] - before[1]) * 180) / Math.PI });
  }
  move(((now[0] - was[0]) * ratio) / fingers.size, ((now[1] - was[1]) * ratio) / fingers.size);
  fingers.set(event.pointerId, now);
});
for (const name of ["pointerup", "pointercancel"]) hold.addEventListener(name, (event) => fingers.delete(event.pointerId));
hold.addEventListener("wheel", (event) => {
  if (!photo || !(event.ctrlKey || document.activeElement === hold)) return; // else the page scrolls
  event.preventDefault();
  set({ zoom: crop.zoom * Math.exp(-event.deltaY / 500) });
}, { passive: false });
hold.addEventListener("keydown", (event) => {
  const far = event.shiftKey ? 50 : 10;
  const act = {
    ArrowLeft: () => move(-far, 0), ArrowRight: () => move(far, 0), ArrowUp: () => move(0, -far), ArrowDown: () => move(0, far),
    "+": () => set({ zoom: crop.zoom * 1.08 }), "=": () => set({ zoom: crop.zoom * 1.08 }), "-": () => set({ zoom: crop.zoom / 1.08 }),
    "[": () => set({ turn: crop.turn - 3 }), "]": () => set({ turn: crop.turn + 3 }), 0: () => set({ ...NEUTRAL }),
  }[event.key];
  if (!act || !photo || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
});

// --- taking it away -----------------------------------------------------------------------------------------

async function download() {
  const what = await hindrance();
  if (what) return say(what, "bad");
  if (!isOurs) return link();
  const done = await made().catch(() => null);
  if (!done) {
    giveUp();
    return undefined;
  }
  report("generate");
  await show(done);
  if (!inApp) {
    const address = URL.createObjectURL(done), anchor = Object.assign(document.createElement("a"), { href: address, download: done.name });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    say("Downloaded. The picture was made on your device, and nothing was sent.", "good");
  } else {
    say("Hold the picture below to save it. This app can’t download; “Download and make a link” gives you a file too.", "good");
  }
  report("download");
  return undefined;
}

/** Show the finished picture large. In apps that can't download it is held to be saved: they know data addresses. */
async function show(done) {
  part("result").src = await dataAddress(done);
  part("done").hidden = false;
  part("done").scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

async function sent() {
  const data = new FormData(form);
  data.delete("photo");
  if (photo && isOurs) data.set("photo", await cut(), "photo.jpg");
  else if (file) data.set("photo", file, "photo");
  for (const [name, value] of Object.entries(photo && isOurs ? NEUTRAL : crop)) data.set(name, value);
  return data;
}

/** The part of the photo that is seen, as large as its slot. */
function cut() {
  const slot = photoSlot(), [, , across, down] = slot.box;
  const area = Object.assign(document.createElement("canvas"), { width: across, height: down });
  lay(area.getContext("2d"), { ...slot, box: [0, 0, across, down] }, photo, crop, spec.background.colour);
  return blobOf(area, 0.92);
}

async function link(event) {
  event?.preventDefault();
  const what = await hindrance();
  if (what) return say(what, "bad");
  if (busy) return undefined;
  busy = true;
  const status = part("saving"), again = part("again");
  part("done").hidden = again.hidden = part("link").hidden = true;
  try {
    if (isOurs) {
      await download();
      say("Downloaded. A copy is being saved for your link.", "good");
    }
    part("done").hidden = false;
    status.textContent = "Saving a copy for your link…";
    saved = await save(form.action, sent, (count) => {
      status.textContent = count > 1 ? `Saving a copy for your link… (try ${count})` : "Saving a copy for your link…";
    }, renew);
    shown();
  } catch (error) {
    if (!(error instanceof NotSaved)) throw error;
    status.textContent = `${error.message ? `${error.message} ` : ""}${isOurs ? "Not saved, but your download is fine." : "Not made."}`;
    again.hidden = error.isFinal;
  } finally {
    busy = false;
  }
  return undefined;
}

/** The page is too old for its form: take the token of a new one. */
async function renew() {
  const page = await fetch(location.pathname, { cache: "reload" }).then((answer) => answer.text());
  fields.token.value = new DOMParser().parseFromString(page, "text/html").querySelector("#maker [name=token]")?.value ?? "";
}

/** The link is there: say until when, and how it is undone. */
function shown() {
  if (!isOurs) {
    part("result").src = saved.image;
    report("generate");
  }
  part("saving").textContent = saved.state === "ready" ? `Saved until ${saved.until}.` : "Saved. The picture for your link is drawn soon.";
  part("link").hidden = false;
  for (const [name, address] of [["page", saved.url], ["manage", saved.manage], ["file", saved.download]]) part(name).href = address ?? saved.url;
  part("file").hidden = isOurs && !inApp;
  part("address").value = saved.url;
}

async function copy() {
  try {
    await navigator.clipboard.writeText(part("address").value);
    say("Link copied.", "good");
    report("share", { channel: "copy" });
  } catch {
    part("address").select();
    say("Copy the marked link.");
  }
}

function share() {
  const about = { files: [ready], text: given.share };
  if (saved) about.url = saved.url;
  navigator.share(about).then(() => report("share", { channel: "device" }), (error) => {
    if (error.name !== "AbortError") say("Sharing didn’t work here. Download the picture and send it yourself.", "bad");
  });
}

/** Begin with another one. */
function anew() {
  form.reset();
  newAttempt();
  photo = file = saved = null;
  part("done").hidden = part("place").hidden = hold.hidden = true;
  redraw();
  say("Choose a photo, or drop or paste one here.");
  form.scrollIntoView({ block: "start" });
}

// --- to begin with ------------------------------------------------------------------------------------------

function newAttempt() {
  fields.form_key.value = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function listen() {
  form.addEventListener("submit", link);
  part("download").addEventListener("click", download);
  part("again").addEventListener("click", () => link());
  part("share").addEventListener("click", share);
  part("copy").addEventListener("click", copy);
  part("new").addEventListener("click", anew);
  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      choose(input.files[0]);
      if (isOurs) input.value = "";
    });
  }
  for (const name of SLIDERS) fields[name].addEventListener("input", () => set({ [name]: Number(fields[name].value) }));
  for (const slot of own()) fields[`f_${slot.key}`].addEventListener("input", redraw);
  document.addEventListener("paste", (event) => choose([...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"))));
  const stage = part("stage");
  stage.addEventListener("dragover", (event) => event.preventDefault());
  stage.addEventListener("drop", (event) => {
    event.preventDefault();
    choose(event.dataTransfer.files[0]);
  });
}

async function begin() {
  const [answer, table] = await Promise.all([given.spec, given.fonts].map((address) => fetch(address)));
  if (!answer.ok || !table.ok) throw new Error(`no template: ${answer.status}`);
  spec = await answer.json();
  fonts = new Fonts(await table.json());
  const [background, overlay] = await Promise.all([spec.background, spec.overlay]
    .map((one) => (one?.file ? image(`${given.spec.replace(".json", "")}/${one.file}`) : null)));
  pictures = { background, overlay };
  const slot = photoSlot();
  if (slot) Object.entries({ left: slot.box[0] / spec.size[0], top: slot.box[1] / spec.size[1], width: slot.box[2] / spec.size[0], height: slot.box[3] / spec.size[1] })
    .forEach(([name, value]) => { hold.style[name] = `${value * 100}%`; });
  if (slot?.shape === "circle") hold.style.borderRadius = "50%";
  canvas.style.aspectRatio = `${spec.size[0]} / ${spec.size[1]}`;
  if (slot) part("place").hidden = true;
  for (const one of document.querySelectorAll("[data-scripted]")) one.hidden = one.dataset.scripted === "off";
  listen();
  newAttempt();
  await Promise.all(own().map((one) => fonts.load(fonts.of(one, spec)[0]))).catch(() => {});
  redraw();
  say(slot ? "Choose a photo, or drop or paste one here." : "");
  if (!(await isTrue())) giveUp();
  form.dataset.ready = "";
}

begin().catch((error) => {
  // The form works without us: the server makes the flyer.
  console.warn(error);
});
