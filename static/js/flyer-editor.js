// The editor of a template. Its number fields are the truth: what is dragged or pressed writes them, and the picture
// is drawn from them by what visitors' pages draw with. What is saved, refused and advised is the server's word.
import { Fonts, light, own, paint, plan } from "./flyer-drawing.js";
import { clusters } from "./flyer-lettering.js";

const form = document.querySelector("#editor"), given = JSON.parse(form.dataset.given), part = (name) => form.querySelector(`[data-${name}]`);
const canvas = part("canvas"), boxes = part("boxes"), SNAP = 8, PAUSE = 600, LEAST = 16;
let fonts, tried = new URLSearchParams(location.search).get("try") ?? "usual", spec = null, chosen = null, version = 0;
const undo = []; // designs as they were
const pictures = new Map();

// --- the form as a design -----------------------------------------------------------------------------------

const input = (name) => form.elements[name];
const value = (name) => input(name)?.value ?? "";
const number = (name) => Math.round(Number(value(name))) || 0;
const four = (name) => [0, 1, 2, 3].map((at) => number(`${name}.${at}`));
const slots = () => [...form.querySelectorAll("[data-slot]")];
const at = (slot) => `slots.${slot.dataset.slot}`;

function slotOf(element) {
  const name = at(element), said = value(`${name}.said`), slot = { kind: value(`${name}.kind`), key: value(`${name}.key`), box: four(`${name}.box`), turn: number(`${name}.turn`) };
  if (slot.kind === "qr") return { ...slot, bind: value(`${name}.bind`) };
  const required = input(`${name}.required`).checked;
  if (slot.kind === "photo") return { ...slot, required, shape: value(`${name}.shape`), radius: number(`${name}.radius`), empty: value(`${name}.empty`) };
  const isBound = !["own", "fixed"].includes(said), panel = input(`${name}.panel`).checked;
  return {
    ...slot, required, label: value(`${name}.label`), max: number(`${name}.max`), font: value(`${name}.font`), weight: number(`${name}.weight`),
    size: [number(`${name}.size.0`), number(`${name}.size.1`)], lines: number(`${name}.lines`), leading: Number(value(`${name}.leading`).replace(",", ".")) || 1.2,
    colour: value(`${name}.colour`), align: value(`${name}.align`), valign: value(`${name}.valign`), shadow: number(`${name}.shadow`),
    panel: panel ? { colour: value(`${name}.panel.colour`), opacity: number(`${name}.panel.opacity`), pad: number(`${name}.panel.pad`) } : null,
    bind: isBound ? said : null, text: said === "fixed" ? value(`${name}.text`) : null,
  };
}

function designed() {
  const file = (name) => form.querySelector(`[name="${name}"]:checked`)?.value || null;
  return {
    v: 1, size: [number("size.0"), number("size.1")], safe: four("safe"), alt: value("alt"), languages: value("languages").split(/[\s,]+/).filter(Boolean),
    background: { file: file("background.file"), colour: value("background.colour") }, overlay: file("overlay.file") ? { file: file("overlay.file") } : null,
    slots: slots().map(slotOf),
  };
}

/** What the server takes: a code has no turn. */
const sendable = (design) => JSON.stringify({ ...design, slots: design.slots.map(({ turn, ...slot }) => (slot.kind === "qr" ? slot : { ...slot, turn })) });

// --- drawing ------------------------------------------------------------------------------------------------

let waiting = 0;
function redraw() {
  version += 1;
  if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; draw(); });
}

const canDraw = ({ size }) => size.every((side) => side >= 320 && side <= 2160);

async function draw() {
  const now = version, design = designed();
  if (!canDraw(design)) return; // half typed
  spec = { ...design, bound: given.bound };
  const first = own(spec)[0], name = clusters(given.tried[tried] ?? ""), fields = first ? { [first.key]: name.slice(0, first.max).join("") } : {};
  for (const slot of own(spec).slice(1)) fields[slot.key] = slot.label;
  const texts = spec.slots.filter((slot) => slot.kind === "text"), words = (slot) => (slot.bind ? spec.bound[slot.bind] : slot.text ?? fields[slot.key]) ?? "";
  try {
    await Promise.all([...texts.map((slot) => fonts.need(slot, spec, words(slot))), ...["background", "overlay"].map((one) => picture(spec[one]?.file))]);
  } catch {
    say("A font or a picture can’t be fetched at the moment.", "bad");
    return;
  }
  if (now !== version) return; // something newer is on its way
  const items = plan(spec, { fields, crop: null, codes: given.codes }, fonts);
  const shown = { background: pictures.get(spec.background.file), overlay: pictures.get(spec.overlay?.file) };
  paint(canvas, spec, items, shown, fonts);
  place();
  judge(items, shown);
}

async function picture(file) {
  if (!file || pictures.has(file)) return;
  const image = Object.assign(new Image(), { src: given.pictures + file });
  await image.decode();
  pictures.set(file, image);
}

// --- what is told -------------------------------------------------------------------------------------------

function say(text, tone = "quiet") {
  part("says").textContent = text;
  part("says").className = `small ${tone === "bad" ? "field-error" : "quiet"}`;
}

function note(sentence, tone, ...buttons) {
  const box = Object.assign(document.createElement("div"), { className: `note tone-${tone}` }), inner = Object.assign(document.createElement("div"), { className: "note-text" });
  inner.append(Object.assign(document.createElement("p"), { textContent: sentence, dir: "auto" }), ...buttons);
  box.append(inner);
  return box;
}

/** Words that can't be read on what lies under them: 24 × 6 places, and of their contrasts the tenth that is worst. */
function judge(items, shown) {
  const under = document.createElement("canvas"), lines = [];
  paint(under, spec, items.filter((item) => item.op !== "text"), shown, fonts);
  const pixels = under.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, ...spec.size).data;
  for (const item of items.filter((one) => one.op === "text" && one.lines.length)) {
    const element = slots().find((one) => value(`${at(one)}.key`) === item.slot.key), worst = contrast(item, pixels);
    if (!element || item.slot.shadow >= 6 || worst >= 3) continue;
    const line = document.createElement("p"), name = at(element), called = item.slot.label || item.slot.key;
    const add = (label, act) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: label });
      button.setAttribute("aria-label", `${label} to ${called}`);
      button.addEventListener("click", () => change(act));
      return button;
    };
    line.append(`“${called}”: ${worst.toFixed(1)} `, add("Add a panel", () => { input(`${name}.panel`).checked = true; }), " ", add("Add a shadow", () => { input(`${name}.shadow`).value = 12; }));
    lines.push(line);
  }
  part("contrast").replaceChildren(...(lines.length ? [note("Hard to read on what lies under it: a contrast below 3.", "warn", ...lines)] : []));
}

function contrast({ slot, lines, size, panel }, pixels) {
  const [left, top, wide, high] = slot.box, found = [], [across, down] = spec.size, ink = light(slot.colour), angle = (slot.turn * Math.PI) / 180;
  const from = Math.min(...lines.map((line) => line.y)) - size * 0.75, to = Math.max(...lines.map((line) => line.y));
  const start = Math.min(...lines.map((line) => line.runs[0]?.x ?? left)), end = start + Math.max(...lines.map((line) => line.width));
  const middle = [left + wide / 2, top + high / 2];
  for (let i = 0; i < 24; i += 1) for (let j = 0; j < 6; j += 1) {
    const dx = start + ((end - start) * (i + 0.5)) / 24 - middle[0], dy = from + ((to - from) * (j + 0.5)) / 6 - middle[1];
    const x = Math.round(middle[0] + dx * Math.cos(angle) - dy * Math.sin(angle)), y = Math.round(middle[1] + dx * Math.sin(angle) + dy * Math.cos(angle));
    if (x < 0 || y < 0 || x >= across || y >= down) continue;
    let rgb = [...pixels.slice((y * across + x) * 4, (y * across + x) * 4 + 3)];
    if (panel) rgb = rgb.map((one, which) => one + (parseInt(panel.colour.slice(1 + which * 2, 3 + which * 2), 16) - one) * (panel.opacity / 100));
    const ground = light(`#${rgb.map((one) => Math.round(one).toString(16).padStart(2, "0")).join("")}`);
    found.push((Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05));
  }
  return found.length ? found.sort((one, other) => one - other)[Math.floor(found.length / 10)] : 21;
}

// --- boxes on the picture -----------------------------------------------------------------------------------

const percent = (share) => `${share * 100}%`;

function lay(element, [x, y, wide, high]) {
  const [across, down] = spec.size;
  Object.assign(element.style, { left: percent(x / across), top: percent(y / down), width: percent(wide / across), height: percent(high / down) });
}

/** Lay a box over each slot, as its fields say. */
function place() {
  const there = slots();
  if (there.length !== spec.slots.length) return; // the fields are newer: it is drawn again soon
  while (boxes.children.length > there.length) boxes.lastChild.remove();
  there.forEach((element, which) => {
    const box = boxes.children[which] ?? boxes.appendChild(fresh()), slot = spec.slots[which];
    lay(box, slot.box);
    box.style.transform = slot.turn ? `rotate(${slot.turn}deg)` : "";
    box.dataset.which = which;
    const [x, y, wide, high] = slot.box;
    box.setAttribute("aria-label", `${slot.label || { photo: "Photo", qr: "Code" }[slot.kind]}, ${slot.kind === "qr" ? "code" : slot.kind}, ${x} from the left, ${y} from the top, ${wide} wide, ${high} high`);
    box.classList.toggle("chosen", element.open);
  });
  lay(part("safe"), spec.safe);
}

function fresh() {
  const box = Object.assign(document.createElement("div"), { className: "editor-box", tabIndex: 0 });
  box.setAttribute("role", "group");
  box.append(Object.assign(document.createElement("span"), { className: "editor-grip" }));
  return box;
}

const elementOf = (box) => slots()[Number(box.dataset.which)];

function choose(box) {
  const element = elementOf(box);
  if (element && !element.open) element.open = true;
  chosen = Number(box.dataset.which);
}

// --- changes ------------------------------------------------------------------------------------------------

/** Remember how it was, do it, draw and save. What goes on within a second is one step back. */
let stepped = 0;
function change(act) {
  const before = sendable(designed());
  act();
  remember(before);
  redraw();
  later();
}

function remember(was) {
  const is = sendable(designed());
  before = is;
  if (is === was) return;
  if (Date.now() - stepped > 1000 || !undo.length) undo.push(was);
  if (undo.length > 100) undo.shift();
  stepped = Date.now();
  part("undo").disabled = false;
}

/** Put a box into the fields of its slot, within the picture. */
function write(element, [x, y, wide, high]) {
  const [across, down] = spec.size, held = (one, least, most) => Math.round(Math.max(least, Math.min(most, one)));
  const w = held(wide, LEAST, across), h = held(high, LEAST, down);
  [held(x, 0, across - w), held(y, 0, down - h), w, h].forEach((one, which) => { input(`${at(element)}.box.${which}`).value = one; });
}

/** The nearest line within reach that an edge or the middle would fall on: [distance, line], or nothing. */
function near(edges, lines) {
  const found = edges.flatMap((edge) => lines.map((line) => [line - edge, line])).sort((one, other) => Math.abs(one[0]) - Math.abs(other[0]))[0];
  return found && Math.abs(found[0]) <= SNAP ? found : null;
}

function snapped(element, box, isFree, sizes = false) {
  const lines = { x: null, y: null }, [across, down] = spec.size;
  if (!isFree) {
    for (const [axis, from, side, whole] of [["x", 0, 2, across], ["y", 1, 3, down]]) {
      const others = spec.slots.filter((_, which) => slots()[which] !== element).map((slot) => slot.box);
      const candidates = [0, whole / 2, whole, spec.safe[from], spec.safe[from] + spec.safe[side], ...others.flatMap((one) => [one[from], one[from] + one[side] / 2, one[from] + one[side]])];
      const edges = sizes ? [box[from] + box[side]] : [box[from], box[from] + box[side] / 2, box[from] + box[side]];
      const hit = near(edges, candidates);
      if (!hit) continue;
      box[sizes ? side : from] += hit[0];
      lines[axis] = hit[1] / whole;
    }
  }
  for (const axis of ["x", "y"]) {
    const line = form.querySelector(`[data-line=${axis}]`);
    line.hidden = lines[axis] === null;
    line.style[axis === "x" ? "left" : "top"] = percent(lines[axis] ?? 0);
  }
  return box;
}

let drag = null;
boxes.addEventListener("pointerdown", (event) => {
  const box = event.target.closest(".editor-box");
  if (!box || event.button) return;
  box.setPointerCapture(event.pointerId);
  choose(box);
  box.focus({ preventScroll: true });
  const element = elementOf(box);
  drag = { box, element, from: four(`${at(element)}.box`), x: event.clientX, y: event.clientY, sizes: event.target.matches(".editor-grip"), before: sendable(designed()) };
  event.preventDefault();
});
boxes.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const ratio = spec.size[0] / canvas.clientWidth, dx = (event.clientX - drag.x) * ratio, dy = (event.clientY - drag.y) * ratio, [x, y, wide, high] = drag.from;
  const angle = (-number(`${at(drag.element)}.turn`) * Math.PI) / 180, [right, lower] = [dx * Math.cos(angle) - dy * Math.sin(angle), dx * Math.sin(angle) + dy * Math.cos(angle)];
  write(drag.element, snapped(drag.element, drag.sizes ? [x, y, Math.max(LEAST, wide + right), Math.max(LEAST, high + lower)] : [x + dx, y + dy, wide, high], event.altKey, drag.sizes));
  redraw();
});
for (const name of ["pointerup", "pointercancel"]) boxes.addEventListener(name, () => {
  if (!drag) return;
  remember(drag.before);
  snapped(drag.element, [...drag.from], true);
  drag = null;
  later();
});

boxes.addEventListener("focusin", (event) => { choose(event.target.closest(".editor-box")); place(); });
boxes.addEventListener("keydown", (event) => {
  const box = event.target.closest(".editor-box"), element = elementOf(box), far = event.shiftKey ? 10 : 1;
  const [dx, dy] = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key] ?? [0, 0];
  const orders = { "[": "up", "]": "down", Delete: "remove", Backspace: "remove" };
  if (event.ctrlKey || event.metaKey || !element) return;
  if (dx || dy) {
    const [x, y, wide, high] = four(`${at(element)}.box`);
    change(() => write(element, event.altKey ? [x, y, wide + dx, high + dy] : [x + dx, y + dy, wide, high]));
  } else if (orders[event.key]) {
    const which = Number(box.dataset.which), next = { up: Math.max(0, which - 1), down: Math.min(slots().length - 1, which + 1), remove: Math.max(0, which - 1) }[orders[event.key]];
    send(`${orders[event.key]} ${which}`).then(() => boxes.children[next]?.focus());
  } else return;
  event.preventDefault();
});
addEventListener("keydown", (event) => {
  const isTyping = event.target.matches?.("input:not([type=radio], [type=checkbox]), textarea");
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || isTyping || !undo.length) return;
  event.preventDefault();
  back();
});

// --- saving -------------------------------------------------------------------------------------------------

let timer = 0, line = Promise.resolve(), before = null;
/** One after the other, so that each knows what the one before has saved. */
const queue = (act) => { line = line.then(act, act); return line; };

function later() {
  clearTimeout(timer);
  timer = setTimeout(() => queue(save), PAUSE);
  form.setAttribute("data-dirty", "");
}

async function post(fields, headers) {
  clearTimeout(timer);
  const body = new URLSearchParams({ ...fields, seen: value("seen") });
  return fetch(form.action, { method: "POST", body, headers }).catch(() => null);
}

async function save() {
  const now = version, answer = await post({ design: sendable(designed()) }, { Accept: "application/json" });
  if (!answer) return say("Not saved: you are offline. It is tried again with your next change.", "bad");
  const told = await answer.json().catch(() => ({}));
  mark(told.fields ?? {});
  if (!answer.ok) return refused(answer.status, told);
  input("seen").value = told.seen;
  if (now === version) form.removeAttribute("data-dirty");
  say("Saved as a draft.");
  part("advice").replaceChildren(...told.advice.map(([stops, words]) => note(words, stops ? "bad" : "warn")));
  return undefined;
}

function refused(status, told) {
  say(`Not saved: ${told.message ?? "something went wrong."}`, "bad");
  if (status !== 409) return;
  const load = Object.assign(document.createElement("a"), { href: form.action, className: "btn btn-sm", textContent: "Load what is there now" });
  const over = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: "Save mine over it" });
  over.addEventListener("click", () => { input("seen").value = ""; queue(save); });
  part("advice").replaceChildren(note(told.message, "bad", load, over));
}

/** Show beside its field what is refused. */
function mark(fields) {
  for (const element of form.querySelectorAll("[data-wrong]")) {
    element.removeAttribute("aria-invalid");
    element.removeAttribute("data-wrong");
    element.setCustomValidity("");
  }
  for (const [path, sentence] of Object.entries(fields)) {
    const element = [...form.elements].find((one) => one.name === path || one.name?.startsWith(`${path}.`));
    if (!element?.setCustomValidity) continue;
    element.setAttribute("aria-invalid", "true");
    element.setAttribute("data-wrong", "");
    element.title = sentence;
  }
}

/** Do an act of the form, or put a design back; the fields come anew from the server. */
function send(act, design = null) {
  const was = sendable(designed()), open = act.split(" ")[0];
  return queue(async () => {
    const rest = (on) => { form.querySelector("#editor_parts").inert = boxes.inert = on; }; // what is typed meanwhile would be lost
    rest(true);
    const answer = await post({ design: design ?? sendable(designed()), act }, { Accept: "text/html", "HX-Request": "true", "HX-Target": "editor_parts" });
    if (!answer?.ok) {
      rest(false);
      return say(answer ? "Not done: look at what is refused first." : "Not done: you are offline.", "bad");
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    form.querySelector("#editor_parts").replaceWith(page.querySelector("#editor_parts"));
    rest(false);
    stepped = 0;
    if (design === null) undo.push(was); else undo.pop();
    part("undo").disabled = !undo.length;
    if (open === "add") {
      slots().at(-1).open = true;
      slots().at(-1).querySelector("summary").focus();
    }
    else if (chosen !== null && slots()[chosen]) slots()[chosen].open = true;
    form.removeAttribute("data-dirty");
    before = sendable(designed());
    redraw();
    return undefined;
  });
}

function back() {
  if (undo.length) send("", undo.at(-1)).then(() => part("undo").focus());
}

// --- to begin with ------------------------------------------------------------------------------------------

form.addEventListener("input", (event) => {
  if (!event.target.name || event.target.form !== form) return;
  redraw();
  later();
});
form.addEventListener("change", (event) => {
  if (event.target.form !== form) return;
  const now = sendable(designed());
  if (before && before !== now) { undo.push(before); part("undo").disabled = false; }
  before = now;
});
form.addEventListener("focusin", () => { before ??= sendable(designed()); });
form.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("[data-slot]") || !spec) return;
  if (event.target.open) chosen = Number(event.target.dataset.slot);
  place();
}, true);
form.addEventListener("submit", (event) => {
  if (event.target !== form) return undefined;
  const act = event.submitter?.value ?? "";
  if (!act || act === "publish" || act === "over") return form.removeAttribute("data-dirty"); // the whole form goes
  event.preventDefault();
  send(act);
  return undefined;
});
form.addEventListener("click", (event) => {
  if (event.target.closest("[data-undo]")) back();
  const link = event.target.closest("[data-try]");
  if (!link) return;
  event.preventDefault();
  tried = link.dataset.try;
  for (const one of form.querySelectorAll("[data-try]")) one.toggleAttribute("aria-current", one === link);
  redraw();
});

const put = document.querySelector("#picture_form");
put.addEventListener("submit", (event) => {
  if (!form.hasAttribute("data-dirty")) return;
  event.preventDefault();
  const { submitter } = event;
  queue(save).then(() => { if (!form.hasAttribute("data-dirty")) put.requestSubmit(submitter); });
});
const sheet = part("sheet");
sheet.addEventListener("dragover", (event) => event.preventDefault());
sheet.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  put.elements.picture.files = event.dataTransfer.files;
  put.requestSubmit(document.querySelector("[form=picture_form][value=background]"));
});

const table = await fetch(given.fonts);
if (table.ok) {
  fonts = new Fonts(await table.json());
  part("drawn").hidden = true;
  canvas.hidden = boxes.hidden = part("safe").hidden = false;
  await draw();
  form.setAttribute("data-ready", "");
}
