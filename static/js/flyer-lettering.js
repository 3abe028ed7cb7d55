// How words are set into a box: by which font, how large, in which lines, in which direction. The same rules as
// domain/flyers/lettering.py, over the same files and the same table of letters, so that both draw the same picture.
const ASCENT = 0.75, DESCENT = 0.22; // of the size, that a line takes at least
const MORE = "…";
const FROM_RIGHT = [0x590, 0x900, 0xfb1d, 0xfe00, 0xfe70, 0xff00, 0x10800, 0x11000, 0x1e800, 0x1f000];
const UNSEEN = /[\u200c\u200d\ufe00-\ufe0f]/;
const WORD = / ?[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]\p{M}*| ?(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])\S)+/gu;

/** One line in normal form: without controls, and without what would turn the direction of the rest. */
export function cleaned(text) {
  const spaced = text.normalize("NFC").replace(/[\p{Z}\p{Cc}]/gu, " ").replace(/(?![\u200c\u200d])[\p{Cf}\p{Cs}]/gu, "");
  return spaced.split(" ").filter(Boolean).join(" ");
}

const segments = globalThis.Intl?.Segmenter ? new Intl.Segmenter("en", { granularity: "grapheme" }) : null;

/** What a reader takes for one letter each: never cut within. */
export const clusters = (text) => (segments ? [...segments.segment(text)].map((one) => one.segment) : [...text]);

// --- fonts --------------------------------------------------------------------------------------------------

/** How many of the bounds lie at or below the code point; odd is within. */
function bisect(bounds, code) {
  let low = 0, high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (code < bounds[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A font's bounds out of its ranges: where it begins to have letters and ceases to, by turns. */
export function boundsOf(ranges) {
  let at = 0;
  return ranges.map((length) => { at += length; return at; });
}

export const has = (font, cluster) => [...cluster].every((sign) => UNSEEN.test(sign) || bisect(font.bounds, sign.codePointAt(0)) % 2);

/** The names of the fonts for a face, in the order in which they are asked for letters. */
export function chain(table, face, weight, languages = []) {
  const scripts = table.scripts.filter((one) => !["jp", "hans", "kr", "emoji"].includes(one));
  const wanted = languages.map((language) => ({ ja: "jp", zh: "hans", ko: "kr" })[language]).filter(Boolean);
  return [...new Set([...table.faces[face][weight], table.latin[weight], ...scripts, ...wanted, "jp", "hans", "kr", "emoji"])];
}

// --- runs ---------------------------------------------------------------------------------------------------

/** The letters of a cleaned text that none of the fonts has, once each. */
export const missing = (text, fonts) => [...new Set(clusters(text))].filter((one) => !fonts.some((font) => has(font, one)));

/** «R» or «L» for a letter, «N» for a digit, «» for what takes its direction from beside it. */
function strength(sign) {
  if (/\p{Nd}/u.test(sign)) return "N";
  if (!/\p{L}/u.test(sign)) return "";
  return bisect(FROM_RIGHT, sign.codePointAt(0)) % 2 ? "R" : "L";
}

/** That of its first letter. */
export function direction(text) {
  for (const sign of text) {
    const found = strength(sign);
    if (found === "R") return "rtl";
    if (found === "L") return "ltr";
  }
  return "ltr";
}

/** How deep each part lies in turned text: even runs to the right, odd to the left. */
function levels(parts, base) {
  let last = base ? "R" : "L";
  const kinds = parts.map((part) => {
    let kind = [...part].map(strength).find(Boolean) ?? "";
    if (kind === "N" && last === "L") kind = "L";
    if (kind === "L" || kind === "R") last = kind;
    return kind;
  });
  const beside = kinds.map((kind) => (kind === "N" ? "R" : kind));
  return kinds.map((found, at) => {
    const before = beside.slice(0, at).findLast(Boolean) ?? "", after = beside.slice(at + 1).find(Boolean) ?? "";
    const kind = found || (before && before === after ? before : base ? "R" : "L");
    return { R: 1, N: 2, L: 2 * base }[kind];
  });
}

/** [{font, text, direction}] of a line from left to right; `base` is the direction of the whole. One font for all,
 * where there is one. What no font has is left out. */
export function runs(text, fonts, base) {
  const one = fonts.find((font) => has(font, text));
  if (one) return [{ font: one, text, direction: base }];
  const parts = clusters(text).map((part) => [part, fonts.find((font) => has(font, part))]).filter(([, font]) => font);
  const deep = levels(parts.map(([part]) => part), Number(base === "rtl"));
  let pieces = [];
  parts.forEach(([part, font], at) => {
    const last = pieces.at(-1);
    if (last && last.font === font && last.level === deep[at]) last.text += part;
    else pieces.push({ font, level: deep[at], text: part });
  });
  for (const depth of [2, 1]) pieces = turned(pieces, depth);
  return pieces.map(({ font, level, text: said }) => ({ font, text: said, direction: level % 2 ? "rtl" : "ltr" }));
}

/** With each stretch that lies at least so deep the other way round. */
function turned(pieces, depth) {
  const made = [];
  let stretch = [];
  for (const piece of pieces) {
    if (piece.level >= depth) stretch.unshift(piece);
    else {
      made.push(...stretch, piece);
      stretch = [];
    }
  }
  return [...made, ...stretch];
}

// --- lines --------------------------------------------------------------------------------------------------

/** Pieces between which a line may end, each with the space before it. Chinese and Japanese part anywhere. */
export const words = (text) => text.match(WORD) ?? [];

/** {size, lines: [{text, runs}], baselines, height, isShortened} of a cleaned text in a box of [width, height]: as large
 * as goes between `least` and `most`, in as few lines as that takes; then at `least`, cut off with «…». An empty text is
 * null. `measured(run)` is {width, ascent, descent} of its size. */
export function fit(text, fonts, box, { least, most, lines = 1, leading = 1.2 }, measured) {
  if (!text) return null;
  const setting = new Setting(text, fonts, box, leading, measured);
  let best = null;
  for (let count = 1; count <= lines; count += 1) {
    let low = best ? best.size + 1 : least, high = most, made = null;
    while (low <= high) {
      const middle = (low + high) >> 1, tried = setting.broken(middle, count);
      if (tried) [low, made] = [middle + 1, tried];
      else high = middle - 1;
    }
    best = made ?? best;
  }
  return best ?? setting.shortened(least, lines);
}

class Setting {
  constructor(text, fonts, [across, down], leading, measured) {
    Object.assign(this, { text, fonts, across, down, leading, measured, base: direction(text), known: new Map() });
  }

  runs(line) {
    if (!this.known.has(line)) this.known.set(line, runs(line, this.fonts, this.base));
    return this.known.get(line);
  }

  fits(line, size) {
    return this.runs(line).reduce((sum, run) => sum + this.measured(run).width * size, 0) <= this.across;
  }

  block(lines, size, isShortened = false) {
    const ascent = Math.max(ASCENT, this.ink(lines[0], "ascent")) * size;
    const descent = Math.max(DESCENT, this.ink(lines.at(-1), "descent")) * size;
    const baselines = lines.map((_, at) => ascent + at * size * this.leading);
    return { size, lines: lines.map((line) => ({ text: line, runs: this.runs(line) })), baselines, height: baselines.at(-1) + descent, isShortened };
  }

  ink(line, side) {
    return Math.max(0, ...this.runs(line).map((run) => this.measured(run)[side]));
  }

  broken(size, most) {
    const lines = [""];
    for (const word of words(this.text)) {
      if (this.fits((lines.at(-1) + word).trim(), size)) lines[lines.length - 1] += word;
      else if (lines.length === most || !lines.at(-1) || !this.fits(word.trim(), size)) return null;
      else lines.push(word);
    }
    const made = this.block(lines.map((line) => line.trim()), size);
    return made.height <= this.down ? made : null;
  }

  shortened(size, asked) {
    let most = asked;
    while (most > 1 && this.block(Array(most).fill(MORE), size).height > this.down) most -= 1;
    const lines = [], rest = words(this.text);
    while (rest.length && lines.length < most - 1) {
      let line = "";
      while (rest.length && this.fits((line + rest[0]).trim(), size)) line += rest.shift();
      if (!line) break;
      lines.push(line.trim());
    }
    const letters = clusters(rest.join("").trim()), ended = () => letters.join("").trimEnd() + MORE;
    while (letters.length && !this.fits(ended(), size)) letters.pop();
    return this.block([...lines, ended()], size, true);
  }
}
