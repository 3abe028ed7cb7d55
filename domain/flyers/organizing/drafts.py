"""A draft as a form has it: each part of the design is a field of its own, and acts that change its slots."""

import hashlib
import json
from typing import NamedTuple

from domain import Invalid
from domain.flyers import designs, lettering

OWN, FIXED = "own", "fixed"  # what a text slot may say, beside designs.BOUND
SAID = (
    (OWN, "What visitors write"),
    ("event.title", "The event's title"),
    ("event.when", "When the event is"),
    ("event.where", "Where the event is"),
    (FIXED, "Always the same words"),
)
SHAPES = (("circle", "Circle"), ("round", "Rounded"), ("rect", "Rectangle"))
EMPTY = (("initials", "Letters of the name"), ("silhouette", "A silhouette"), ("none", "Nothing"))
ALIGNED = (("start", "At the start"), ("center", "In the middle"), ("end", "At the end"))
UPRIGHT = (("top", "Top"), ("middle", "Middle"), ("bottom", "Bottom"))
LINKS = (("share.url", "The campaign's page"), ("event.url", "The event's page"))
KINDS = (("photo", "Photo"), ("text", "Text"), ("qr", "Code"))


class Part(NamedTuple):
    """A field of the form: its path below the slot or the design, and how it is typed."""

    path: str
    label: str
    control: str = "number"  # or text, colour, choice, check
    options: tuple = ()  # of a choice; the least and the most of a number
    help: str = ""


def _box(word=""):
    labels = ("From the left", "From the top", "Width", "Height")
    return tuple(
        Part(f"{word or 'box'}.{i}", label, options=(0 if i < 2 else 1, 2160)) for i, label in enumerate(labels)
    )


def _fonts():
    named = {"inter": "Inter", "source-serif": "Source Serif", "noto-sans": "Noto Sans"}
    return tuple((face, named.get(face, face)) for face in lettering.faces())


def _weights():
    return tuple(
        (weight, str(weight)) for weight in sorted({w for weights in lettering.faces().values() for w in weights})
    )


TURN = Part("turn", "Turn, in degrees", options=(-180, 180))


def parts_of(kind):
    """The fields of a slot of a kind, in groups: (heading, Parts)."""
    if kind == "photo":
        pictured = (
            Part("shape", "Shape", "choice", SHAPES),
            Part("radius", "Radius of round corners", options=(0, 1000)),
            Part("empty", "Without a photo", "choice", EMPTY),
            Part("required", "Nobody makes one without a photo", "check"),
        )
        return (("", (*_box(), TURN)), ("Photo", pictured))
    if kind == "qr":
        return (("", _box()), ("Code", (Part("bind", "Leads to", "choice", LINKS),)))
    words = (
        Part("label", "Called", "text"),
        Part("said", "Says", "choice", SAID),
        Part("text", "The words", "text", help="For words that are always the same."),
        Part("max", "Letters at most", options=(1, designs.LONGEST)),
        Part("required", "It has to be filled in", "check"),
    )
    looks = (
        Part("font", "Font", "choice", _fonts()),
        Part("weight", "Weight", "choice", _weights()),
        Part("size.0", "Smallest size", options=(8, 600)),
        Part("size.1", "Largest size", options=(8, 600)),
        Part("lines", "Lines at most", options=(1, 6)),
        Part("leading", "Distance of lines", "decimal", (0.8, 3)),
        Part("colour", "Colour", "colour"),
        Part("align", "Aligned", "choice", ALIGNED),
        Part("valign", "Stands", "choice", UPRIGHT),
    )
    behind = (
        Part("panel", "A panel behind the words", "check"),
        Part("panel.colour", "Panel's colour", "colour"),
        Part("panel.opacity", "How dense it is, in percent", options=(0, 100)),
        Part("panel.pad", "Panel's margin", options=(0, 200)),
        Part("shadow", "Shadow", options=(0, 40)),
    )
    return (("", (*_box(), TURN)), ("Words", words), ("Letters", looks), ("Behind them", behind))


WHOLE = (
    (
        "Canvas",
        (Part("size.0", "Width", options=designs.SIDE), Part("size.1", "Height", options=designs.SIDE)),
    ),
    ("Area that every app shows", _box("safe")),
    (
        "For who can't see it",
        (
            Part("alt", "What is said for the picture", "text", help="{name} and {event} are filled in."),
            Part("languages", "Languages", "text", help="Codes like en, ar or zh: they decide the shapes of letters."),
        ),
    ),
)
COLOUR = Part("background.colour", "Colour behind all", "colour")


# --- design → form ------------------------------------------------------------------------------------------------


def filled(design):
    """{name of a field: its text} of a design that was read. A check is "1" or empty."""
    told = {f"size.{i}": str(side) for i, side in enumerate(design["size"])}
    told |= {f"safe.{i}": str(side) for i, side in enumerate(design["safe"])}
    told |= {"alt": design["alt"], "languages": ", ".join(design["languages"])}
    told["background.colour"] = design["background"]["colour"]
    told |= {f"{name}.file": (design[name] or {}).get("file") or "" for name in ("background", "overlay")}
    for i, slot in enumerate(design["slots"]):
        told |= {f"slots.{i}.{path}": text for path, text in _slot_filled(slot)}
    return told


def _slot_filled(slot):
    yield from ((f"box.{i}", str(side)) for i, side in enumerate(slot["box"]))
    for name, value in slot.items():
        if name == "size":
            yield from ((f"size.{i}", str(side)) for i, side in enumerate(value))
        elif name == "panel":
            panel = value or {"colour": "#000000", "opacity": 60, "pad": 16}
            yield "panel", "1" if value else ""
            yield from ((f"panel.{part}", str(panel[part])) for part in ("colour", "opacity", "pad"))
        elif isinstance(value, bool):
            yield name, "1" if value else ""
        elif name != "box":
            yield name, "" if value is None else str(value)
    if slot["kind"] == "text":
        yield "said", slot["bind"] or (OWN if slot["text"] is None else FIXED)


# --- form → design ------------------------------------------------------------------------------------------------


def sent(form):
    """The design that a form says, unread: what isn't a number stays text, so that designs.read names its place."""
    count = min(_whole(form.get("slots", "")) or 0, designs.MOST_SLOTS + 1)
    design: dict = {
        "v": designs.VERSION,
        "size": [_number(form, f"size.{i}") for i in (0, 1)],
        "safe": [_number(form, f"safe.{i}") for i in range(4)],
        "background": {"file": form.get("background.file") or None, "colour": form.get("background.colour", "")},
        "overlay": {"file": form["overlay.file"]} if form.get("overlay.file") else None,
        "alt": form.get("alt", ""),
        "languages": form.get("languages", "").replace(",", " ").split(),
    }
    return design | {"slots": [_slot_sent(form, f"slots.{i}.") for i in range(count)]}


def _number(form, name):
    text = form.get(name, "").strip()
    found = _whole(text.removeprefix("-"))
    return text if found is None else -found if text.startswith("-") else found


def _whole(text):
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _decimal(text):
    try:
        return round(float(text.replace(",", ".")), 2)
    except ValueError:
        return text


def _slot_sent(form, at):
    kind = form.get(f"{at}kind", "")
    slot: dict = {
        "kind": kind,
        "key": form.get(f"{at}key", ""),
        "box": [_number(form, f"{at}box.{i}") for i in range(4)],
    }
    if kind not in dict(KINDS):
        return slot
    for part in (part for _, parts in parts_of(kind) for part in parts):
        slot |= _part_sent(form, at, part)
    if kind == "text":
        said, text = slot.pop("said"), slot.pop("text")
        slot["bind"] = None if said in (OWN, FIXED) else said
        slot["text"] = text if said == FIXED else None
        slot["size"] = [_number(form, f"{at}size.{i}") for i in (0, 1)]
        panel = {"colour": form.get(f"{at}panel.colour", "")}
        panel |= {name: _number(form, f"{at}panel.{name}") for name in ("opacity", "pad")}
        slot["panel"] = panel if form.get(f"{at}panel") else None
    return slot


def _part_sent(form, at, part):
    text = form.get(at + part.path, "")
    if "." in part.path:
        return {}
    if part.control == "check":
        return {part.path: bool(text)}
    if part.control == "decimal":
        return {part.path: _decimal(text)}
    is_number = part.control == "number" or part.path == "weight"
    return {part.path: _number(form, at + part.path) if is_number else text}


def beside(fields, names):
    """What is refused, by the fields of the form that it stands beside; the rest is about the form."""
    told: dict = {}
    for path, sentence in fields.items():
        place = next((name for name in names if name == path or name.startswith(f"{path}.")), "form")
        told[place] = f"{told[place]} {sentence}" if place in told else sentence
    return told


def mark(design):
    """What a draft is told from another by: whoever saves over somebody else's change is asked."""
    return hashlib.sha256(json.dumps(design, sort_keys=True).encode()).hexdigest()[:16]


# --- acts ---------------------------------------------------------------------------------------------------------


def after(design, act):
    """The design after an act of the form: «add text», «remove 2», «up 2», «down 2», «look square_circle».
    Refuses with Invalid what is none, or isn't there."""
    verb, _, of = act.partition(" ")
    slots = [dict(slot) for slot in design["slots"]]
    if verb == "look" and of in designs.PRESETS:
        kept = {name: design[name] for name in ("background", "overlay") if design.get(name)}
        return designs.preset(of, design["background"]["colour"]) | kept
    if verb == "add" and of in dict(KINDS):
        return design | {"slots": [*slots, _fresh(of, design)]}
    at = _whole(of)
    if at is None or at >= len(slots) or verb not in ("remove", "up", "down"):
        raise Invalid({"form": "This slot isn't there any more."})
    slot = slots.pop(at)
    if verb != "remove":
        slots.insert(max(0, at - 1) if verb == "up" else at + 1, slot)
    return design | {"slots": slots}


def _fresh(kind, design):
    """A slot to begin with, in the middle of the picture."""
    width, height = design["size"]
    key = next(key for i in range(1, 100) if (key := f"{kind}{i}") not in {slot["key"] for slot in design["slots"]})
    across, down = {"photo": (0.4, 0.4), "text": (0.7, 0.08), "qr": (0, 0)}[kind]
    wide, high = (
        (round(min(width, height) * across),) * 2 if kind == "photo" else (round(width * across), round(height * down))
    )
    wide, high = (200, 200) if kind == "qr" else (wide, high)
    slot = {"kind": kind, "key": key, "box": [(width - wide) // 2, (height - high) // 2, wide, high]}
    if kind == "photo":
        return slot | {"shape": "circle", "required": False}
    if kind == "text":
        small = round(designs.SMALL * min(width, height)) + 4
        return slot | {"label": "Text", "size": [small, max(small, high * 2 // 3)], "align": "center"}
    return slot
