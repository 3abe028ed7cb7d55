// Draws a flyer on a canvas from its spec: first a plan, then the pixels. The maker and the editor share it;
// domain/flyers/plans.py and composing.py do the same on the server.
import { boundsOf, chain, cleaned, clusters, direction, fit, missing, runs } from "./flyer-lettering.js";

const MEASURED = 200; // pixels at which widths are taken; others follow from it
export const NEUTRAL = { x: 0.5, y: 0.5, zoom: 1, turn: 0 };

/** The text slots that visitors fill in. */
export const own = (spec) => spec.slots.filter((slot) => slot.kind === "text" && slot.bind === null && slot.text === null);
export const photoOf = (spec) => spec.slots.find((slot) => slot.kind === "photo");

// --- fonts --------------------------------------------------------------------------------------------------

/** The fonts of static/vendor/fonts.json: which a text needs, and how large it is. */
export class Fonts {
  constructor(table) {
    this.table = table;
    this.all = Object.fromEntries(Object.entries(table.fonts).map(([name, font]) => [name, {
      name, family: `flyer-${name}`, weight: font.weight ?? 400, isVariable: font.weight !== null, bounds: boundsOf(font.ranges),
      url: `/static/${font.file}?v=${font.v}`,
    }]));
    this.loaded = new Map();
    this.known = new Map();
    this.pen = document.createElement("canvas").getContext("2d");
    this.measured = (run) => this.measure(run);
  }

  /** The fonts that may set the slot's text. */
  of(slot, spec) {
    return chain(this.table, slot.font, slot.weight, spec.languages).map((name) => this.all[name]);
  }

  /** Load what the text is drawn with; throws where a font can't be had. */
  async need(slot, spec, text) {
    const used = new Set(runs(cleaned(text), this.of(slot, spec), "ltr").map((run) => run.font));
    await Promise.all([...used].map((font) => this.load(font, text)));
  }

  load(font, text = "A") {
    if (!this.loaded.has(font.name)) {
      const face = new FontFace(font.family, `url(${font.url})`, { weight: font.isVariable ? "100 900" : "400" });
      document.fonts.add(face);
      const loading = face.load();
      loading.catch(() => {
        document.fonts.delete(face);
        this.loaded.delete(font.name);
      });
      this.loaded.set(font.name, loading);
    }
    return this.loaded.get(font.name).then(() => document.fonts.load(sample(font), text));
  }

  set(pen, font, size) {
    pen.font = `${font.weight} ${size}px ${font.family}`;
    pen.fontKerning = "normal";
    pen.textRendering = "geometricPrecision";
  }

  /** {width, ascent, descent} of a run at a size of one pixel; what stands above and below is of its ink. */
  measure({ font, text, direction: way }) {
    const key = `${font.name} ${way} ${text}`;
    if (!this.known.has(key)) {
      if (this.known.size > 4000) this.known.clear();
      this.set(this.pen, font, MEASURED);
      this.pen.direction = way;
      this.pen.textAlign = "left";
      const { width, actualBoundingBoxAscent: ascent, actualBoundingBoxDescent: descent } = this.pen.measureText(text);
      this.known.set(key, { width: width / MEASURED, ascent: ascent / MEASURED, descent: descent / MEASURED });
    }
    return this.known.get(key);
  }
}

const sample = (font) => `${font.weight} 40px ${font.family}`;

// --- the plan: domain/flyers/plans.py -----------------------------------------------------------------------

/** What is to be painted, in which order and where. `given` is {fields, crop (null: no photo), code}. */
export function plan(spec, given, fonts) {
  const { fields, crop } = given, bound = spec.bound ?? {}, items = [{ op: "base" }], slot = photoOf(spec);
  if (slot) items.push(...(crop ? [{ op: "photo", slot, crop }] : noPhoto(spec, slot, fields, fonts)));
  if (spec.overlay?.file) items.push({ op: "overlay" });
  for (const one of spec.slots) {
    if (one.kind === "text") items.push(...lettered(one, spec, said(one, fields, bound), fonts));
    if (one.kind === "qr" && given.codes?.[one.bind]) items.push({ op: "qr", slot: one, rows: given.codes[one.bind] });
  }
  return items;
}

const said = (slot, fields, bound) => cleaned((slot.bind ? bound[slot.bind] : slot.text ?? fields[slot.key]) ?? "");

function lettered(slot, spec, text, fonts) {
  const [x, y, width, height] = slot.box, base = direction(text), [least, most] = slot.size;
  const fitted = fit(text, fonts.of(slot, spec), [width, height], { least, most, lines: slot.lines, leading: slot.leading }, fonts.measured);
  if (!fitted) return [];
  const top = y + ((height - fitted.height) * ["top", "middle", "bottom"].indexOf(slot.valign)) / 2;
  const share = slot.align === "center" ? 0.5 : Number(slot.align === (base === "ltr" ? "end" : "start"));
  const lines = fitted.lines.map((line, at) => {
    const widths = line.runs.map((run) => fonts.measured(run).width * fitted.size), wide = widths.reduce((sum, one) => sum + one, 0);
    let left = x + (width - wide) * share;
    const placed = line.runs.map((run, which) => {
      const here = { ...run, x: Math.round(left) };
      left += widths[which];
      return here;
    });
    return { y: Math.round(top + fitted.baselines[at]), runs: placed, width: Math.round(wide) };
  });
  const item = { op: "text", slot, size: fitted.size, lines, isShortened: fitted.isShortened };
  if (slot.panel) {
    const wide = Math.max(...lines.map((line) => line.width));
    item.panel = panelled(slot.panel, [x + (width - wide) * share, top, wide, fitted.height], spec.size);
  }
  return [item];
}

/** The panel behind words, within the picture. */
function panelled({ pad, colour, opacity }, [x, y, width, height], [across, down]) {
  const left = Math.max(0, Math.round(x - pad)), top = Math.max(0, Math.round(y - pad));
  const right = Math.min(across, Math.round(x + width + pad)), bottom = Math.min(down, Math.round(y + height + pad));
  return { box: [left, top, right - left, bottom - top], colour, opacity, radius: Math.min(16, pad) };
}

/** What stands where no photo was chosen: letters of their name, a silhouette, or nothing. */
function noPhoto(spec, slot, fields, fonts) {
  if (slot.empty === "none") return [];
  const isDark = light(spec.background.colour) < 0.5, fill = mixed(spec.background.colour, isDark ? "#ffffff" : "#000000", 0.2);
  const words = (own(spec).map((one) => cleaned(fields[one.key] ?? "")).find(Boolean) ?? "").split(" ");
  const letters = [...new Set([words[0], words.at(-1)])].filter(Boolean).map((word) => clusters(word)[0].toUpperCase()).join("");
  const items = [{ op: "empty", slot, isSilhouette: slot.empty === "silhouette" || !letters, colour: fill }];
  if (letters && slot.empty === "initials") {
    const [x, y, width, height] = slot.box, side = Math.floor(Math.min(width, height) / 2);
    const box = [x + Math.floor((width - side) / 2), y + Math.floor((height - side) / 2), side, side];
    const text = { key: slot.key, box, size: [12, Math.max(12, side)], lines: 1, leading: 1.2, font: "inter", weight: 600, turn: 0, shadow: 0, panel: null };
    items.push(...lettered({ ...text, colour: isDark ? "#ffffff" : "#000000", align: "center", valign: "middle" }, spec, letters, fonts));
  }
  return items;
}

/** The letters of each own text that no font has: slot's key → letters. */
export const unknown = (spec, fields, fonts) => Object.fromEntries(own(spec).map((slot) => [slot.key, missing(cleaned(fields[slot.key] ?? ""), fonts.of(slot, spec))]));

/** A crop within its bounds: the photo covers its slot however it is turned. */
export function held(slot, photo, crop) {
  const [, , across, down] = slot.box, turn = (crop.turn * Math.PI) / 180;
  const isRound = slot.shape === "circle" && across === down; // it turns within itself
  const c = isRound ? 1 : Math.abs(Math.cos(turn)), s = isRound ? 0 : Math.abs(Math.sin(turn));
  const needs = [(across * c + down * s) / photo.width, (across * s + down * c) / photo.height];
  const base = Math.max(across / photo.width, down / photo.height);
  const zoom = Math.min(8, Math.max(crop.zoom, Math.max(...needs) / base));
  const within = (value, need) => {
    const margin = Math.min(0.5, need / 2 / (base * zoom));
    return Math.min(1 - margin, Math.max(margin, value));
  };
  return { x: within(crop.x, needs[0]), y: within(crop.y, needs[1]), zoom, turn: crop.turn };
}

/** How many pixels of the flyer one of the photo is. */
export const scaleOf = (slot, photo, crop) => crop.zoom * Math.max(slot.box[2] / photo.width, slot.box[3] / photo.height);

// --- colours ------------------------------------------------------------------------------------------------

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const mixed = (colour, other, share) => `#${rgb(colour).map((one, at) => Math.round(one + (rgb(other)[at] - one) * share).toString(16).padStart(2, "0")).join("")}`;

/** How light a colour is: relative luminance as WCAG 2 has it, 0 to 1. */
export function light(colour) {
  const [red, green, blue] = rgb(colour).map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// --- the pixels: domain/flyers/composing.py -----------------------------------------------------------------

/** Paint a plan. `pictures` is {background, overlay, photo}. */
export function paint(canvas, spec, items, pictures, fonts) {
  const [wide, high] = spec.size, pen = canvas.getContext("2d");
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.imageSmoothingQuality = "high";
  for (const item of items) {
    pen.save();
    if (item.slot) turn(pen, item.slot);
    ({ base, overlay, photo, empty, text, qr })[item.op](pen, item, { spec, pictures, fonts });
    pen.restore();
  }
}

function base(pen, _, { spec, pictures }) {
  const [wide, high] = spec.size, picture = pictures.background;
  pen.fillStyle = spec.background.colour;
  pen.fillRect(0, 0, wide, high);
  if (!picture) return;
  const scale = Math.max(wide / picture.naturalWidth, high / picture.naturalHeight);
  const [across, down] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
  pen.drawImage(picture, (wide - across) / 2, (high - down) / 2, across, down);
}

function overlay(pen, _, { spec, pictures }) {
  if (pictures.overlay) pen.drawImage(pictures.overlay, 0, 0, ...spec.size);
}

/** Turn about the middle of the slot. */
function turn(pen, { box: [left, top, across, down], turn: degrees }) {
  if (!degrees) return;
  pen.translate(left + across / 2, top + down / 2);
  pen.rotate((degrees * Math.PI) / 180);
  pen.translate(-left - across / 2, -top - down / 2);
}

function clip(pen, { box: [left, top, across, down], shape, radius }) {
  pen.beginPath();
  if (shape === "circle") pen.ellipse(left + across / 2, top + down / 2, across / 2, down / 2, 0, 0, 2 * Math.PI);
  else if (shape === "round") pen.roundRect(left, top, across, down, radius);
  else pen.rect(left, top, across, down);
  pen.clip();
}

function photo(pen, { slot, crop }, { spec, pictures }) {
  clip(pen, slot);
  lay(pen, slot, pictures.photo, crop, spec.background.colour);
}

/** The photo over the slot's box, as it lies. */
export function lay(pen, slot, picture, crop, colour) {
  const [left, top, across, down] = slot.box, scale = scaleOf(slot, picture, crop);
  pen.imageSmoothingQuality = "high";
  pen.fillStyle = colour;
  pen.fillRect(left, top, across, down);
  pen.translate(left + across / 2, top + down / 2);
  pen.rotate((crop.turn * Math.PI) / 180);
  pen.scale(scale, scale);
  pen.drawImage(picture, -crop.x * picture.width, -crop.y * picture.height);
}

function empty(pen, { slot, colour, isSilhouette }) {
  const [left, top, across, down] = slot.box, side = Math.min(across, down), middle = left + across / 2, from = top + (down - side) / 2;
  clip(pen, slot);
  pen.fillStyle = colour;
  pen.fillRect(left, top, across, down);
  if (!isSilhouette) return;
  pen.fillStyle = mixed(colour, "#ffffff", 0.5);
  for (const [y, wide, high] of [[0.37, 0.17, 0.17], [0.95, 0.32, 0.35]]) {
    pen.beginPath();
    pen.ellipse(middle, from + side * y, side * wide, side * high, 0, 0, 2 * Math.PI);
    pen.fill();
  }
}

function text(pen, { slot, size, lines, panel }, { fonts }) {
  if (panel) {
    pen.globalAlpha = panel.opacity / 100;
    pen.fillStyle = panel.colour;
    pen.beginPath();
    pen.roundRect(...panel.box, panel.radius);
    pen.fill();
    pen.globalAlpha = 1;
  }
  pen.fillStyle = slot.colour;
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  const letters = () => lines.forEach((line) => line.runs.forEach((run) => {
    fonts.set(pen, run.font, size);
    pen.direction = run.direction;
    pen.fillText(run.text, run.x, line.y);
  }));
  if (slot.shadow) { // all of it under all letters
    pen.shadowColor = "rgb(0 0 0 / 0.745)";
    pen.shadowBlur = slot.shadow;
    pen.shadowOffsetY = Math.max(1, Math.floor(slot.shadow / 4));
    letters();
    pen.shadowColor = "transparent";
  }
  letters();
}

/** A code out of its rows («0110…»), in whole pixels a module, in the middle of its box. */
function qr(pen, { slot, rows }) {
  const [left, top, across, down] = slot.box, scale = Math.max(1, Math.floor(Math.min(across, down) / (rows.length + 8)));
  const x = left + Math.floor((across - rows.length * scale) / 2), y = top + Math.floor((down - rows.length * scale) / 2);
  pen.fillStyle = "#ffffff";
  pen.fillRect(left, top, across, down);
  pen.fillStyle = "#000000";
  rows.forEach((row, line) => [...row].forEach((bit, at) => {
    if (bit === "1") pen.fillRect(x + at * scale, y + line * scale, scale, scale);
  }));
}
