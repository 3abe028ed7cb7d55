"""A template's design: a picture of a size, and the slots on it that photos, words and codes go into.

It is JSON that the editor, the server and browsers share. Everything in it is in pixels of the canvas, as integers.
"""

import json
import re

from domain import Invalid
from domain.flyers import lettering

VERSION = 1
MOST_BYTES = 16 * 1024
SIDE, AREA = (320, 2160), 4_200_000  # of a canvas: each side between these, and pixels altogether
MOST_SLOTS, MOST_TEXTS = 12, 8  # texts that visitors write
LONGEST = 200  # letters of a text
SMALL, SMALL_QR = 22 / 1080, 150  # what phones can't read: of the canvas's shorter side, and pixels
SHAPES, EMPTY = ("circle", "rect", "round"), ("initials", "silhouette", "none")
ALIGNED, UPRIGHT = ("start", "center", "end"), ("top", "middle", "bottom")
BOUND = ("event.title", "event.when", "event.where")
LINKS = ("share.url", "event.url")
_COLOUR, _KEY, _HASH = re.compile(r"#[0-9a-f]{6}"), re.compile(r"[a-z][a-z0-9_]{0,23}"), re.compile(r"[0-9a-f]{64}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def read(given):
    """A design in full, with what was left out. `given` is JSON or what was read of it.

    Refuses with Invalid: a sentence for each place, by its path («slots.2.box»).
    """
    text = given if isinstance(given, str) else json.dumps(given)
    if len(text.encode()) > MOST_BYTES:
        raise Invalid({"design": f"A design can have at most {MOST_BYTES // 1024} KB. Use fewer or shorter texts."})
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid({"design": "This is no design: it isn't JSON."}) from None
    if not isinstance(given, dict) or given.get("v") != VERSION:
        raise Invalid({"v": "This design is of a kind that isn't known here. Make it anew from a preset."})
    return _Reading().whole(given)


class _Reading:
    """One reading of a design, with what is wrong so far: path → sentence."""

    def __init__(self):
        self.wrong = {}
        self.width = self.height = 0

    def refuse(self, path, sentence):
        self.wrong.setdefault(path, sentence)

    def whole(self, given):
        self._known("", given, ("v", "size", "background", "overlay", "slots", "safe", "languages", "alt"))
        self._size(given.get("size"))
        slots = given.get("slots")
        if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
            self.refuse("slots", "Slots are a list.")
            slots = []
        design = {
            "v": VERSION,
            "size": [self.width, self.height],
            "background": self._picture("background", given.get("background")),
            "overlay": self._picture("overlay", given["overlay"], coloured=False) if given.get("overlay") else None,
            "slots": [self._slot(f"slots.{i}", slot) for i, slot in enumerate(slots[: MOST_SLOTS + 1])],
            "safe": self._box("safe", given.get("safe", self._margins())),
            "languages": self._languages(given.get("languages", ["en"])),
            "alt": self._text("alt", given.get("alt", "{name}"), "What is said for it"),
        }
        self._together(design["slots"])
        if self.wrong:
            raise Invalid(self.wrong)
        return design

    def _together(self, slots):
        if len(slots) > MOST_SLOTS:
            self.refuse("slots", f"A design has at most {MOST_SLOTS} slots.")
        if sum(slot["kind"] == "photo" for slot in slots) > 1:
            self.refuse("slots", "A design has one photo at most.")
        if len(own(slots)) > MOST_TEXTS:
            self.refuse("slots", f"Visitors write at most {MOST_TEXTS} texts.")
        keys = [slot["key"] for slot in slots]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                self.refuse(f"slots.{i}.key", f"“{key}” is the key of another slot already.")

    def _known(self, path, given, names):
        for name in given.keys() - set(names):
            self.refuse(f"{path}{name}"[:60], "Nothing is known by this name here.")

    def _size(self, given):
        low, high = SIDE
        if not (
            isinstance(given, list) and len(given) == 2 and all(type(n) is int and low <= n <= high for n in given)
        ):
            self.refuse("size", f"Width and height are whole numbers from {low} to {high:,}.")
            given = [1080, 1350]
        self.width, self.height = given
        if self.width * self.height > AREA:
            self.refuse("size", f"A picture has at most {AREA / 1e6:g} million pixels.")

    def _margins(self):
        return [40, 40, self.width - 80, self.height - 80]

    def integer(self, path, value, low, high, called):
        if type(value) is not int or not low <= value <= high:
            self.refuse(path, f"{called} is a whole number from {low:,} to {high:,}.")
            return low
        return value

    def choice(self, path, value, choices, called):
        if value not in choices:
            self.refuse(path, f"{called} is one of: {', '.join(map(str, choices))}.")
            return choices[0]
        return value

    def flag(self, path, value, called):
        if not isinstance(value, bool):
            self.refuse(path, f"{called} is yes or no.")
        return value is True

    def colour(self, path, value):
        if not isinstance(value, str) or not _COLOUR.fullmatch(value):
            self.refuse(path, "A colour is written like #1f3d2d.")
            return "#000000"
        return value

    def _text(self, path, value, called, empty=True):
        if not isinstance(value, str) or len(value) > LONGEST or not (empty or value.strip()):
            self.refuse(path, f"{called} is a text of at most {LONGEST} letters{'' if empty else ', and not empty'}.")
            return ""
        return lettering.cleaned(value)

    def _languages(self, given):
        good = isinstance(given, list) and 1 <= len(given) <= 8
        if not good or not all(isinstance(one, str) and _LANGUAGE.fullmatch(one) for one in given):
            self.refuse("languages", "Languages are a list of codes like en, ar or zh.")
            return ["en"]
        return given

    def _box(self, path, value):
        if not isinstance(value, list) or len(value) != 4 or not all(type(n) is int for n in value):
            self.refuse(path, "A box is four whole numbers: from the left, from the top, width, height.")
            return [0, 0, 1, 1]
        x, y, width, height = value
        if x < 0 or y < 0 or width < 1 or height < 1 or x + width > self.width or y + height > self.height:
            self.refuse(path, f"This box isn't within the picture of {self.width:,} × {self.height:,} pixels.")
        return value

    def _picture(self, path, given, coloured=True):
        given = {} if given is None else given
        if not isinstance(given, dict):
            self.refuse(path, "A picture is named by the hash of its file.")
            return None
        self._known(f"{path}.", given, ("file", "colour"))
        file = given.get("file")
        if file is not None and not (isinstance(file, str) and _HASH.fullmatch(file)):
            self.refuse(f"{path}.file", "Pictures are those that were put here, named by the hash of their file.")
        if not coloured:
            return {"file": file}
        return {"file": file, "colour": self.colour(f"{path}.colour", given.get("colour", "#ffffff"))}

    def _slot(self, path, given):
        kind = self.choice(f"{path}.kind", given.get("kind"), tuple(_KINDS), "The kind of a slot")
        key = given.get("key")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            self.refuse(f"{path}.key", "A key begins with a letter from a to z, and has letters, digits and _ only.")
            key = ""
        slot = {"key": key, "kind": kind, "box": self._box(f"{path}.box", given.get("box"))}
        slot |= _KINDS[kind](self, f"{path}.", given)
        self._known(f"{path}.", given, slot)
        return slot

    def _photo(self, path, given):
        return {
            "shape": self.choice(f"{path}shape", given.get("shape", "rect"), SHAPES, "The shape"),
            "radius": self.integer(f"{path}radius", given.get("radius", 24), 0, 1000, "The radius"),
            "turn": self.integer(f"{path}turn", given.get("turn", 0), -180, 180, "The turn in degrees"),
            "required": self.flag(f"{path}required", given.get("required", True), "Whether it is required"),
            "empty": self.choice(f"{path}empty", given.get("empty", "initials"), EMPTY, "What stands for no photo"),
        }

    def _words(self, path, given):
        faces = lettering.faces()
        face = self.choice(f"{path}font", given.get("font", "inter"), tuple(faces), "The font")
        sizes = given.get("size", [24, 96])
        if not isinstance(sizes, list) or len(sizes) != 2:
            sizes = [0, 0]
        least = self.integer(f"{path}size", sizes[0], 8, 600, "The smallest size")
        most = self.integer(f"{path}size", sizes[1], least, 600, "The largest size")
        bind, text = given.get("bind"), given.get("text")
        leading = given.get("leading", 1.2)
        if isinstance(leading, bool) or not isinstance(leading, int | float) or not 0.8 <= leading <= 3:
            self.refuse(f"{path}leading", "The distance of lines is a number from 0.8 to 3.")
            leading = 1.2
        return {
            "label": self._text(f"{path}label", given.get("label", given.get("key") or ""), "The label", empty=False),
            "font": face,
            "weight": self.choice(f"{path}weight", given.get("weight", 600), faces[face], "The weight"),
            "size": [least, most],
            "lines": self.integer(f"{path}lines", given.get("lines", 1), 1, 6, "The number of lines"),
            "leading": leading,
            "colour": self.colour(f"{path}colour", given.get("colour", "#ffffff")),
            "align": self.choice(f"{path}align", given.get("align", "start"), ALIGNED, "The alignment"),
            "valign": self.choice(f"{path}valign", given.get("valign", "middle"), UPRIGHT, "Where it stands"),
            "turn": self.integer(f"{path}turn", given.get("turn", 0), -180, 180, "The turn in degrees"),
            "max": self.integer(f"{path}max", given.get("max", 40), 1, LONGEST, "How long it may be"),
            "required": self.flag(f"{path}required", given.get("required", False), "Whether it is required"),
            "panel": self._panel(f"{path}panel", given.get("panel")),
            "shadow": self.integer(f"{path}shadow", given.get("shadow", 0), 0, 40, "The shadow"),
            "bind": bind if bind is None else self.choice(f"{path}bind", bind, BOUND, "What it is taken from"),
            "text": text if text is None else self._text(f"{path}text", text, "The text"),
        }

    def _panel(self, path, given):
        if given is None:
            return None
        if not isinstance(given, dict):
            self.refuse(path, "A panel is a colour, how dense it is, and its margin.")
            return None
        self._known(f"{path}.", given, ("colour", "opacity", "pad"))
        return {
            "colour": self.colour(f"{path}.colour", given.get("colour", "#000000")),
            "opacity": self.integer(f"{path}.opacity", given.get("opacity", 60), 0, 100, "How dense it is"),
            "pad": self.integer(f"{path}.pad", given.get("pad", 16), 0, 200, "The margin"),
        }

    def _code(self, path, given):
        return {"bind": self.choice(f"{path}bind", given.get("bind", "share.url"), LINKS, "Where the code leads")}


_KINDS = {"photo": _Reading._photo, "text": _Reading._words, "qr": _Reading._code}


def own(slots):
    """The text slots that visitors fill in."""
    return [slot for slot in slots if slot["kind"] == "text" and slot["bind"] is None and slot["text"] is None]


def photo(design):
    """Its slot for a photo, or None."""
    return next((slot for slot in design["slots"] if slot["kind"] == "photo"), None)


def files(design):
    """The hashes of the pictures in it."""
    named = (design["background"], design["overlay"])
    return sorted({one["file"] for one in named if one and one["file"]})


# --- what is worth saying of one ----------------------------------------------------------------------------------


def advice(design):
    """(whether it stands in the way of publishing, sentence) for what people would regret. `design` was read."""
    found, width = [], min(design["size"])
    slots = design["slots"]
    if not any(slot["required"] for slot in slots if slot["kind"] == "photo") and not own(slots):
        found.append((True, "Nobody has anything to put in: add a photo, or a text that visitors write."))
    for slot in slots:
        called = slot.get("label") or slot["key"]
        if slot["kind"] == "qr" and min(slot["box"][2:]) < SMALL_QR:
            found.append((True, f"The code is smaller than {SMALL_QR} pixels: phones won't read it."))
        if slot["kind"] == "text" and slot["size"][0] < SMALL * width:
            found.append((False, f"“{called}” may become smaller than phones show it: {round(SMALL * width)} pixels."))
        if not _within(slot["box"], design["safe"]) and not _whole(slot["box"], design):
            found.append((False, f"“{called}” reaches out of the area that every app shows."))
    words = [slot for slot in slots if slot["kind"] != "photo"]
    for i, slot in enumerate(words):
        for other in words[:i]:
            if _overlap(slot["box"], other["box"]):
                found.append((False, f"“{slot.get('label') or slot['key']}” lies on another slot."))
    return found


def _within(box, outer):
    return (
        box[0] >= outer[0]
        and box[1] >= outer[1]
        and box[0] + box[2] <= outer[0] + outer[2]
        and box[1] + box[3] <= outer[1] + outer[3]
    )


def _whole(box, design):
    return box == [0, 0, *design["size"]]


def _overlap(one, other):
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))


# --- to begin with ------------------------------------------------------------------------------------------------

PRESETS = {
    "portrait_circle": ("Portrait, round photo", (1080, 1350), (290, 170, 500, 500), "circle"),
    "portrait_full": ("Portrait, photo behind all", (1080, 1350), (0, 0, 1080, 1350), "rect"),
    "portrait_words": ("Portrait, words alone", (1080, 1350), None, ""),
    "square_circle": ("Square, round photo", (1080, 1080), (330, 90, 420, 420), "circle"),
    "story_full": ("Story, photo behind all", (1080, 1920), (0, 0, 1080, 1920), "rect"),
    "wide_circle": ("Wide, round photo", (1200, 630), (60, 115, 400, 400), "circle"),
}


def preset(name, colour="#1f3d2d"):
    """One of PRESETS as a design: a photo or none, a name, and title, date and place of its event."""
    _, (width, height), box, shape = PRESETS[name]
    wide, story = width > height, height > 1.5 * width
    left, across = (520, 620) if wide else (60, width - 120)
    below = box[1] + box[3] + 40 if box else 0
    top = {"portrait_full": 620, "portrait_words": 340, "story_full": 1180, "wide_circle": 90}.get(name, below)
    bottom = height - (260 if story else 60)
    panel = {"colour": "#000000", "opacity": 55, "pad": 8} if shape == "rect" else None
    text = {"kind": "text", "align": "start" if wide else "center", "panel": panel}
    share, each = (0.2, 0.26, 0.19, 0.105, 0.105), bottom - top
    rows, y = [], float(top)
    for part in share:
        rows.append([left, round(y), across, round(each * part)])
        y += each * (part + 0.03)
    slots: list[dict] = [
        text | {"key": "going", "label": "Line", "box": rows[0], "size": [28, 64], "text": "I'm going!"},
        text | {"key": "name", "label": "Your name", "box": rows[1], "size": [36, 110], "required": True},
        text | {"key": "title", "label": "Event", "box": rows[2], "size": [28, 72], "lines": 2, "bind": "event.title"},
        text | {"key": "when", "label": "When", "box": rows[3], "size": [26, 46], "bind": "event.when"},
        text | {"key": "where", "label": "Where", "box": rows[4], "size": [26, 46], "bind": "event.where"},
    ]
    if box:
        slots.insert(0, {"key": "photo", "kind": "photo", "box": list(box), "shape": shape, "required": False})
        slots[0]["empty"] = "none" if shape == "rect" else "initials"
    margins = [60, 250, width - 120, height - 500] if story else [40, 40, width - 80, height - 80]
    return read(
        {
            "v": VERSION,
            "size": [width, height],
            "background": {"colour": colour},
            "slots": slots,
            "safe": margins,
            "alt": "{name} is going to {event}",
        }
    )
