"""How words are set into a box: by which font, how large, in which lines, in which direction. Nothing is drawn here.

static/js has the same rules for the browser, over the same files and the same table of letters (static/faces.py).
"""

import json
import threading
import unicodedata
from array import array
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from database.late import Late

regex, ImageFont = Late("regex"), Late("PIL.ImageFont")

STATIC = Path(__file__).resolve().parents[2] / "static"
MEASURED = 200  # pixels at which widths are taken; others follow from it, to a twentieth of a pixel
ASCENT, DESCENT = 0.75, 0.22  # of the size, that a line takes at least
OPEN = 48  # fonts that a thread keeps open
MORE = "…"
# Writing from right to left, by its blocks, so that the browser needs no table for it.
_FROM_RIGHT = array("L", [0x590, 0x900, 0xFB1D, 0xFE00, 0xFE70, 0xFF00, 0x10800, 0x11000, 0x1E800, 0x1F000])
_JOINERS = "\u200c\u200d"
_UNSEEN = {ord(joiner) for joiner in _JOINERS} | set(range(0xFE00, 0xFE10))  # joiners, and how an emoji looks


def cleaned(text):
    """One line in normal form: without controls, and without what would turn the direction of the rest."""
    spaced = "".join(
        " " if (kind := unicodedata.category(sign))[0] == "Z" or kind == "Cc" else sign
        for sign in unicodedata.normalize("NFC", text)
    )
    bare = "".join(s for s in spaced if s in _JOINERS or unicodedata.category(s) not in ("Cf", "Cs"))
    return " ".join(part for part in bare.split(" ") if part)


def clusters(text):
    """What a reader takes for one letter each: never cut within."""
    return regex.findall(r"\X", text)


# --- fonts -------------------------------------------------------------------------------------------------------


@cache
def _table():
    return json.loads((STATIC / "vendor" / "fonts.json").read_text())


@cache
def _bounds(font):
    """The code points at which it begins to have letters and ceases to, by turns."""
    bounds, at = array("L"), 0
    for length in _table()["fonts"][font]["ranges"]:
        at += length
        bounds.append(at)
    return bounds


def _has(font, cluster):
    return all(bisect_right(_bounds(font), ord(s)) % 2 for s in cluster if ord(s) not in _UNSEEN)


def faces():
    """Face → the weights that it has."""
    return {face: tuple(map(int, weights)) for face, weights in _table()["faces"].items()}


@cache
def chain(face, weight, languages=()):
    """The fonts for a face, in the order in which they are asked for letters. Shared Chinese characters have the
    shapes of the first language."""
    table = _table()
    scripts = [one for one in table["scripts"] if one not in ("jp", "hans", "kr", "emoji")]
    first = {"ja": "jp", "zh": "hans", "ko": "kr"}
    wanted = [first[language] for language in languages if language in first]
    eastern = list(dict.fromkeys([*wanted, "jp", "hans", "kr"]))
    faced = table["faces"][face][str(weight)]
    return tuple(dict.fromkeys([*faced, table["latin"][str(weight)], *scripts, *eastern, "emoji"]))


_open = threading.local()


def opened(font, size):
    """The font at a size in pixels, kept for this thread: an open one must not be used by two."""
    kept = _open.__dict__.setdefault("kept", OrderedDict())
    key = (font, size)
    if key not in kept:
        about = _table()["fonts"][font]
        made = ImageFont.truetype(STATIC / about["file"], size, layout_engine=ImageFont.Layout.RAQM)
        if about["weight"]:
            made.set_variation_by_axes([about["weight"]])
        kept[key] = made
        if len(kept) > OPEN:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


# --- runs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A piece of a line that one font sets in one go."""

    font: str
    text: str
    direction: str


def missing(text, fonts):
    """The letters of a cleaned text that none of the fonts has, once each."""
    return [one for one in dict.fromkeys(clusters(text)) if not any(_has(font, one) for font in fonts)]


def _strength(sign):
    """«R» or «L» for a letter, «N» for a digit, «» for what takes its direction from beside it."""
    kind = unicodedata.category(sign)
    if kind == "Nd":
        return "N"
    if kind[0] != "L":
        return ""
    return "R" if bisect_right(_FROM_RIGHT, ord(sign)) % 2 else "L"


def direction(text):
    """That of its first letter."""
    return "rtl" if next((s for s in map(_strength, text) if s in ("L", "R")), "L") == "R" else "ltr"


def _levels(parts, base):
    """How deep each part lies in turned text: even runs to the right, odd to the left."""
    kinds, last = [], "R" if base else "L"
    for part in parts:
        kind = next((s for s in map(_strength, part) if s), "")
        if kind == "N" and last == "L":
            kind = "L"
        last = kind if kind in ("L", "R") else last
        kinds.append(kind)
    beside = ["R" if kind == "N" else kind for kind in kinds]
    levels = []
    for i, kind in enumerate(kinds):
        if not kind:
            before = next((k for k in reversed(beside[:i]) if k), "")
            after = next((k for k in beside[i + 1 :] if k), "")
            kind = before if before and before == after else "R" if base else "L"
        levels.append({"R": 1, "N": 2, "L": 2 * base}[kind])
    return levels


def runs(text, fonts, base):
    """The Runs of a line from left to right; `base` is the direction of the whole. What no font has is left out.

    One font for all, where there is one: then the brackets and the digits of mixed text are its shaper's business.
    """
    one = next((font for font in fonts if _has(font, text)), None)
    if one:
        return [Run(one, text, base)]
    parts, used = [], []
    for cluster in clusters(text):
        font = next((f for f in fonts if _has(f, cluster)), None)
        if font:
            parts.append(cluster)
            used.append(font)
    pieces: list[list] = []
    for cluster, font, level in zip(parts, used, _levels(parts, int(base == "rtl")), strict=True):
        if pieces and pieces[-1][:2] == [font, level]:
            pieces[-1][2] += cluster
        else:
            pieces.append([font, level, cluster])
    for depth in (2, 1):
        pieces = _turned(pieces, depth)
    return [Run(font, piece, "rtl" if level % 2 else "ltr") for font, level, piece in pieces]


def _turned(pieces, depth):
    """With each stretch that lies at least so deep the other way round."""
    turned, stretch = [], []
    for piece in pieces:
        if piece[1] >= depth:
            stretch.insert(0, piece)
        else:
            turned += [*stretch, piece]
            stretch = []
    return turned + stretch


@lru_cache(1000)
def _measured(run):
    """(width, ascent, descent) of a run at MEASURED pixels; what stands above and below is of its ink."""
    font = opened(run.font, MEASURED)
    _, top, _, bottom = font.getbbox(run.text, direction=run.direction, anchor="ls")
    return font.getlength(run.text, direction=run.direction), -top, bottom


def width(run, size):
    """How far a run takes its line on, in pixels."""
    return _measured(run)[0] * size / MEASURED


# --- lines -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """Lines at a size, with their baselines below the top of the block, whose height is given."""

    size: int
    lines: tuple  # of (words, Runs)
    baselines: tuple
    height: float
    is_shortened: bool = False


class _Setting:
    """One text that is to go into one box."""

    def __init__(self, text, fonts, size, leading):
        self.text, self.fonts, self.leading, self.base = text, fonts, leading, direction(text)
        self.box_width, self.box_height = size
        self._known = {}

    def runs(self, line):
        if line not in self._known:
            self._known[line] = runs(line, self.fonts, self.base)
        return self._known[line]

    def fits(self, line, size):
        return sum(width(run, size) for run in self.runs(line)) <= self.box_width

    def block(self, lines, size, is_shortened=False):
        """The lines as a Fitted."""
        above, below = self._ink(lines[0], 1), self._ink(lines[-1], 2)
        ascent, descent = max(ASCENT, above) * size, max(DESCENT, below) * size
        baselines = tuple(ascent + i * size * self.leading for i in range(len(lines)))
        set_lines = tuple((line, tuple(self.runs(line))) for line in lines)
        return Fitted(size, set_lines, baselines, baselines[-1] + descent, is_shortened)

    def _ink(self, line, side):
        return max((_measured(run)[side] for run in self.runs(line)), default=0) / MEASURED

    def broken(self, size, most):
        """At most so many lines of it, or None where a line or the whole doesn't fit."""
        lines = [""]
        for word in words(self.text):
            if self.fits((lines[-1] + word).strip(), size):
                lines[-1] += word
            elif len(lines) == most or not lines[-1] or not self.fits(word.strip(), size):
                return None
            else:
                lines.append(word)
        made = self.block([line.strip() for line in lines], size)
        return made if made.height <= self.box_height else None

    def shortened(self, size, most):
        """As much of it as goes, and «…»."""
        while most > 1 and self.block([MORE] * most, size).height > self.box_height:
            most -= 1
        lines, rest = [], words(self.text)
        while rest and len(lines) < most - 1:
            line = ""
            while rest and self.fits((line + rest[0]).strip(), size):
                line += rest.pop(0)
            if not line:
                break
            lines.append(line.strip())
        letters = clusters("".join(rest).strip())
        while letters and not self.fits("".join(letters).rstrip() + MORE, size):
            letters.pop()
        return self.block([*lines, "".join(letters).rstrip() + MORE], size, is_shortened=True)


def words(text):
    """Pieces between which a line may end, each with the space before it. Chinese and Japanese part anywhere."""
    return regex.findall(
        r" ?[\p{Han}\p{Hiragana}\p{Katakana}]\p{M}*| ?(?:(?![\p{Han}\p{Hiragana}\p{Katakana}])\S)+", text
    )


def fit(text, fonts, box, least, most, lines=1, leading=1.2):
    """A cleaned text in a box of (width, height) pixels: as large as goes between `least` and `most`, in as few lines
    as that takes; then at `least` in all its lines, cut off with «…». An empty text is None."""
    if not text:
        return None
    setting = _Setting(text, fonts, box, leading)
    best = None
    for count in range(1, lines + 1):
        low, high, made = best.size + 1 if best else least, most, None
        while low <= high:
            middle = (low + high) // 2
            tried = setting.broken(middle, count)
            if tried:
                low, made = middle + 1, tried
            else:
                high = middle - 1
        best = made or best
    return best or setting.shortened(least, lines)
