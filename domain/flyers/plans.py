"""What is to be painted for a flyer, in which order and where: a list that is then drawn, here or in a browser.

Order: the background, the photo, the overlay, and over it words and codes as the design lists them.
"""

import hashlib
import json

from domain import Invalid
from domain.flyers import designs, lettering

RENDERER = 1  # raised when the same plan comes to look otherwise
ZOOM = 8


def plan(version, fields, crop, share=""):
    """The list for a FlyerVersion, the words by slot and the crop of a photo (None: there is none).

    `share` is the address that a code of the flyer's own leads to. Refuses with Invalid, by slot.
    """
    return laid_out(version.spec, fields, crop, share)


def laid_out(design, fields, crop, share=""):
    """The same for a design that was read, with what it takes from its event in `bound`."""
    fields, crop = cleaned(design, fields), cropped(design, crop)
    bound = design.get("bound") or {}
    colour = design["background"]["colour"]
    items = [{"op": "base", "file": design["background"]["file"], "colour": colour}]
    if slot := designs.photo(design):
        items += _photo(slot, crop, colour) if crop else _no_photo(design, slot, fields)
    if design["overlay"] and design["overlay"]["file"]:
        items.append({"op": "overlay", "file": design["overlay"]["file"]})
    for slot in design["slots"]:
        if slot["kind"] == "text":
            text = lettering.cleaned(bound.get(slot["bind"], "")) if slot["bind"] else slot["text"]
            items += _text(slot, fields.get(slot["key"], "") if text is None else text, design)
        elif slot["kind"] == "qr":
            link = share if slot["bind"] == "share.url" else bound.get(slot["bind"], "")
            items += [{"op": "qr", "key": slot["key"], "box": slot["box"], "text": link}] if link else []
    return items


def cleaned(design, fields):
    """Slot's key → the words for it, of what visitors write there. Refuses with Invalid, by slot: what is missing,
    too long, or has letters that no font has, which are named."""
    words, wrong = {}, {}
    for slot in designs.own(design["slots"]):
        key, given = slot["key"], fields.get(slot["key"], "")
        text = lettering.cleaned(given[: designs.LONGEST * 20]) if isinstance(given, str) else ""
        if slot["required"] and not text:
            wrong[key] = f"“{slot['label']}” is needed for the picture."
        elif (length := len(lettering.clusters(text))) > slot["max"]:
            wrong[key] = f"“{slot['label']}” can have {slot['max']} letters, and this has {length}."
        elif unknown := lettering.missing(text, _fonts(slot, design)):
            wrong[key] = (
                f"We can't draw {' '.join(unknown[:5])} here: no font has it. Leave it out or write it otherwise."
            )
        words[key] = text
    if wrong:
        raise Invalid(wrong)
    return words


def cropped(design, crop):
    """How a photo lies in its slot: `x` and `y` of the upright photo (0 to 1) are in the middle, `zoom` is 1 where it
    just covers the slot, `turn` is in degrees. Without one, None. Refuses with Invalid."""
    slot = designs.photo(design)
    if slot is None or crop is None:
        if slot and slot["required"]:
            raise Invalid({"photo": "Choose a photo first: this picture needs one."})
        return None
    crop = crop or {}
    try:
        read = {name: round(float(crop.get(name, usual)), 4) for name, usual in _CROP.items()}
        fits = 0 <= read["x"] <= 1 and 0 <= read["y"] <= 1 and 1 <= read["zoom"] <= ZOOM and abs(read["turn"]) <= 360
    except (TypeError, ValueError, AttributeError, OverflowError):
        fits = False
    if not fits:
        raise Invalid({"photo": "The photo can't be placed like that. Move it back into its place."})
    return read


_CROP = {"x": 0.5, "y": 0.5, "zoom": 1, "turn": 0}


def content_hash(version, fields, crop, photo):
    """The same for the same picture of a version: words, crop and the photo's hash (or None), all cleaned."""
    design = version.spec
    same = [version.id, RENDERER, cleaned(design, fields), cropped(design, crop), photo]
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()


def remarks(items):
    """What people should know before they take the picture: which words were cut off."""
    return [f"“{item['label']}” is long, so it ends in “…”." for item in items if item.get("shortened")]


def described(design, fields):
    """The picture in words, for who can't see it."""
    words = {"event": (design.get("bound") or {}).get("event.title", "")} | fields
    said = design["alt"]
    for name, value in words.items():
        said = said.replace(f"{{{name}}}", value)
    return lettering.cleaned(said)


def _fonts(slot, design):
    return lettering.chain(slot["font"], slot["weight"], tuple(design["languages"]))


def _photo(slot, crop, colour):
    shape = {name: slot[name] for name in ("key", "box", "shape", "radius", "turn")}
    return [{"op": "photo", **shape, "crop": crop, "colour": colour}]


def _no_photo(design, slot, fields):
    """What stands where no photo was chosen: letters of their name, a silhouette, or nothing."""
    if slot["empty"] == "none":
        return []
    is_dark = light(design["background"]["colour"]) < 0.5
    fill, ink = mixed(design["background"]["colour"], "#ffffff" if is_dark else "#000000", 0.2), "#ffffff"
    shape = {name: slot[name] for name in ("key", "box", "shape", "radius", "turn")}
    written = designs.own(design["slots"])
    name = next((fields[one["key"]] for one in written if fields.get(one["key"])), "")
    begins = [word for word in name.split(" ") if word[:1].isalpha()]
    letters = "".join(lettering.clusters(word)[0].upper() for word in (begins[0], *begins[1:][-1:])) if begins else ""
    items = [{"op": "empty", **shape, "silhouette": slot["empty"] == "silhouette" or not letters, "colour": fill}]
    if letters and slot["empty"] == "initials":
        x, y, width, height = slot["box"]
        side = min(width, height) // 2
        box = [x + (width - side) // 2, y + (height - side) // 2, side, side]
        text = {"key": slot["key"], "label": "", "box": box, "size": [12, max(12, side)], "lines": 1, "leading": 1.2}
        text |= {"font": "inter", "weight": 600, "colour": ink if is_dark else "#000000", "align": "center"}
        items += _text(text | {"valign": "middle", "turn": 0, "panel": None, "shadow": 0}, letters, design)
    return items


def _text(slot, text, design):
    x, y, width, height = slot["box"]
    fonts = _fonts(slot, design)
    least, most = slot["size"]
    fitted = lettering.fit(text, fonts, (width, height), least, most, slot["lines"], slot["leading"])
    if fitted is None:
        return []
    base = lettering.direction(text)
    top = y + (height - fitted.height) * designs.UPRIGHT.index(slot["valign"]) / 2
    at_end = slot["align"] == ("end" if base == "ltr" else "start")
    share = 0.5 if slot["align"] == "center" else float(at_end)
    lines = []
    for (_, runs), baseline in zip(fitted.lines, fitted.baselines, strict=True):
        widths = [lettering.width(run, fitted.size) for run in runs]
        left = x + (width - sum(widths)) * share
        pieces = []
        for run, wide in zip(runs, widths, strict=True):
            pieces.append({"font": run.font, "text": run.text, "direction": run.direction, "x": round(left)})
            left += wide
        lines.append({"y": round(top + baseline), "runs": pieces})
        lines[-1]["width"] = round(sum(widths))
    item = {"op": "text", "key": slot["key"], "label": slot["label"], "box": slot["box"], "turn": slot["turn"]}
    item |= {"size": fitted.size, "colour": slot["colour"], "shadow": slot["shadow"], "lines": lines}
    item |= {"direction": base, "shortened": fitted.is_shortened}
    if slot["panel"]:
        wide = max(line["width"] for line in lines)
        edges = [x + (width - wide) * share, top, wide, fitted.height]
        item["panel"] = _panel(slot["panel"], edges, design["size"])
    return [item]


def _panel(panel, edges, size):
    """The panel behind words, within the picture."""
    x, y, width, height = edges
    left, top = max(0, round(x - panel["pad"])), max(0, round(y - panel["pad"]))
    right, bottom = min(size[0], round(x + width + panel["pad"])), min(size[1], round(y + height + panel["pad"]))
    box = [left, top, right - left, bottom - top]
    return {"box": box, "colour": panel["colour"], "opacity": panel["opacity"], "radius": min(16, panel["pad"])}


# --- colours -----------------------------------------------------------------------------------------------------


def rgb(colour):
    """(red, green, blue) of «#rrggbb»."""
    return tuple(bytes.fromhex(colour[1:]))


def mixed(colour, other, share):
    """A colour with so much of another in it."""
    return "#" + bytes(round(a + (b - a) * share) for a, b in zip(rgb(colour), rgb(other), strict=True)).hex()


def light(colour):
    """How light a colour is: relative luminance as WCAG 2 has it, 0 to 1."""
    parts = [c / 255 for c in rgb(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
