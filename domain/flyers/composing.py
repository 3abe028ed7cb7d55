"""Draws what a plan says, and makes the files of it: the flyer, its card for links, and a small one.

Nothing of the photo's file but its looks comes into them. Runs in the lane `flyers`, never in a request's thread.
"""

import io
import math
from collections import OrderedDict
from functools import cache, lru_cache
from threading import Lock

from database.late import Late
from domain.files import gate, qr
from domain.flyers import lettering, plans

Image, ImageDraw, ImageFilter, ImageOps = (
    Late(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFilter", "ImageOps")
)

QUALITY = 90
CARD, CARD_BYTES = (1200, 630), 250_000  # what messengers show of a link, and the most that they take
THUMB = 480
UNPACKED = 6  # backgrounds and overlays that are kept, of about 6 MB each
QUIET = 4  # modules around a code
# Pieces of pictures that wait for the next picture, and their bytes: to ask the system anew took a fifth of the work.
# They are larger than what malloc keeps in heaps (views/safety/memory.py), so that what is let go of leaves no holes.
PIECES, PIECE = 96, 1 << 18


def drawn(size, plan, picture, photo=None):
    """A plan as an RGB image. `picture(hash)` gives the bytes of a template's picture, `photo` are the visitor's.
    Refuses with gate.NoPhoto."""
    _keep_pieces()
    canvas = None
    for item in plan:
        if item["op"] == "base":
            canvas = _kept(_base, picture, tuple(size), item["file"], item["colour"]).copy()
        elif item["op"] == "photo":
            _paste(canvas, item, gate.framed(photo, tuple(item["box"][2:]), item["crop"], item["colour"]))
        else:
            _OPS[item["op"]](canvas, item, picture)
    return canvas


@cache
def _keep_pieces():
    Image.core.set_block_size(PIECE)
    Image.core.set_blocks_max(PIECES)


def files(image):
    """(the flyer as JPEG, its card for links as JPEG of at most 250 KB, a small one as WebP)."""
    half = image.reduce(2)
    return jpeg(image, QUALITY), card(image, half), small(image, half)


def jpeg(image, quality):
    """An image as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def small(image, half):
    """An image, which is there at half its size too, as a WebP of 480 pixels on its longer side."""
    out = io.BytesIO()
    _scaled(image, half, THUMB / max(image.size)).save(out, "WEBP", quality=80, method=0)
    return out.getvalue()


def _scaled(image, half, scale):
    size = round(image.width * scale), round(image.height * scale)
    return (half if scale <= 0.5 else image).resize(size, Image.Resampling.BILINEAR)


def card(image, half):
    """The picture whole, on itself out of focus."""
    width, height = CARD
    blurred = ImageOps.fit(half, (width // 20, height // 20), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(2))
    whole = _scaled(image, half, min(width / image.width, height / image.height))
    left, top = (width - whole.width) // 2, (height - whole.height) // 2
    made = Image.new("RGB", CARD)
    made.paste(whole, (left, top))
    right, bottom, share = left + whole.width, top + whole.height, (blurred.width / width, blurred.height / height)
    beside = ((0, 0, left, height), (right, 0, width, height)), ((0, 0, width, top), (0, bottom, width, height))
    for box in beside[not left]:  # what isn't seen isn't drawn
        if box[0] < box[2] and box[1] < box[3]:
            of = tuple(edge * part for edge, part in zip(box, share * 2, strict=True))
            size = box[2] - box[0], box[3] - box[1]
            made.paste(blurred.resize(size, Image.Resampling.BILINEAR, of), box[:2])
    for quality in range(85, 20, -10):
        data = jpeg(made, quality)
        if len(data) <= CARD_BYTES:
            break
    return data


# --- parts -------------------------------------------------------------------------------------------------------

_unpacked: OrderedDict = OrderedDict()
_unpacked_lock = Lock()


def _kept(make, picture, *key):
    """What `make` makes of a template's picture, which is kept for the next flyer of the same."""
    key = make, *key
    with _unpacked_lock:
        if key in _unpacked:
            _unpacked.move_to_end(key)
            return _unpacked[key]
    made = make(picture, *key[1:])
    with _unpacked_lock:
        _unpacked[key] = made
        while len(_unpacked) > UNPACKED:
            _unpacked.popitem(last=False)
    return made


def _base(picture, size, file, colour):
    made = Image.new("RGB", size, colour)
    if file:
        with Image.open(io.BytesIO(picture(file))) as given:
            given.draft("RGB", size)
            fitted = ImageOps.fit(given.convert("RGBA"), size, Image.Resampling.BICUBIC)
        made.paste(fitted, mask=fitted)
    return made


def _sheet(picture, size, file):
    with Image.open(io.BytesIO(picture(file))) as given:
        laid = given.convert("RGBA")
    return laid if laid.size == size else laid.resize(size, Image.Resampling.BICUBIC)


def _overlay(canvas, item, picture):
    laid = _kept(_sheet, picture, canvas.size, item["file"])
    canvas.paste(laid, mask=laid)


@lru_cache(12)  # of up to 2 MB
def _shape(size, shape, radius):
    """What of a slot is seen, with smooth edges."""
    if shape == "rect":
        return Image.new("L", size, 255)
    large = Image.new("L", (size[0] * 4, size[1] * 4), 0)
    pen, box = ImageDraw.Draw(large), (0, 0, large.width - 1, large.height - 1)
    if shape == "circle":
        pen.ellipse(box, 255)
    else:
        pen.rounded_rectangle(box, min(radius * 4, min(large.size) // 2), 255)
    return large.reduce(4)


def _paste(canvas, item, image):
    """An image into the item's box: in its shape, and turned about its middle."""
    x, y, width, height = item["box"]
    mask = _shape((width, height), item["shape"], item["radius"])
    if item["turn"]:
        image = image.convert("RGB").rotate(-item["turn"], Image.Resampling.BICUBIC, expand=True)
        mask = mask.rotate(-item["turn"], Image.Resampling.BICUBIC, expand=True)
        x, y = x + (width - mask.width) // 2, y + (height - mask.height) // 2
    canvas.paste(image, (x, y), mask)


def _empty(canvas, item, _):
    _, _, width, height = item["box"]
    image = Image.new("RGB", (width, height), item["colour"])
    if item["silhouette"]:
        pen, side = ImageDraw.Draw(image), min(width, height)
        ink, middle = plans.mixed(item["colour"], "#ffffff", 0.5), width / 2
        top = (height - side) / 2
        pen.ellipse((middle - side * 0.17, top + side * 0.2, middle + side * 0.17, top + side * 0.54), ink)
        pen.ellipse((middle - side * 0.32, top + side * 0.6, middle + side * 0.32, top + side * 1.3), ink)
    _paste(canvas, item, image)


def _text(canvas, item, _):
    if not item["turn"]:
        _set(canvas, item, 0, 0)
        return
    # Turned words are set on a piece of their own that is as large as they are.
    left, top, right, bottom = _ink(item)
    layer = Image.new("RGBA", (right - left, bottom - top), (*plans.rgb(item["colour"]), 0))
    _set(layer, item, -left, -top)
    turned, place = _turned(layer, (left, top), item, canvas.size)
    canvas.paste(turned, place, turned)


def _ink(item):
    """The box of all that is drawn of some words, before they are turned."""
    boxes = []
    for line in item["lines"]:
        for run in line["runs"]:
            font = lettering.opened(run["font"], item["size"])
            box = font.getbbox(run["text"], anchor="ls", direction=run["direction"])
            boxes.append(tuple(edge + by for edge, by in zip(box, (run["x"], line["y"]) * 2, strict=True)))
    if panel := item.get("panel"):
        x, y, width, height = panel["box"]
        boxes.append((x, y, x + width, y + height))
    least = [min(edges) for edges in zip(*boxes, strict=True)][:2]
    most = [max(edges) for edges in zip(*boxes, strict=True)][2:]
    room = 4 + 3 * item["shadow"]
    return *(math.floor(edge) - room for edge in least), *(math.ceil(edge) + room for edge in most)


def _seen(box, right, down, size):
    """(x, y, width, height) of what of a box that is moved lies on a canvas of this size."""
    left, top = max(0, box[0] + right), max(0, box[1] + down)
    return left, top, max(1, min(size[0], box[2] + right) - left), max(1, min(size[1], box[3] + down) - top)


def _turned(layer, place, item, size):
    """(what of a layer lies on a canvas of this size once it is turned about the middle of the item's box, where)."""
    x, y, width, height = item["box"]
    middle, turn = (x + width / 2, y + height / 2), math.radians(item["turn"])
    cos, sin = math.cos(turn), math.sin(turn)
    away = [(place[0] + u - middle[0], place[1] + v - middle[1]) for u in (0, layer.width) for v in (0, layer.height)]
    across = [middle[0] + cos * u - sin * v for u, v in away]
    down = [middle[1] + sin * u + cos * v for u, v in away]
    left, top = max(0, math.floor(min(across))), max(0, math.floor(min(down)))
    seen = min(size[0], math.ceil(max(across))) - left, min(size[1], math.ceil(max(down))) - top
    u, v = left - middle[0], top - middle[1]
    back = cos, sin, middle[0] + cos * u + sin * v - place[0], -sin, cos, middle[1] - sin * u + cos * v - place[1]
    seen = max(1, seen[0]), max(1, seen[1])
    return layer.transform(seen, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC), (left, top)


def _set(canvas, item, right, down):
    if panel := item.get("panel"):
        x, y, width, height = panel["box"]
        mask = _shape((width, height), "round", panel["radius"]).point(lambda v: v * panel["opacity"] // 100)
        canvas.paste(panel["colour"], (x + right, y + down, x + right + width, y + down + height), mask)
    if item["shadow"]:
        left, top, width, height = _seen(_ink(item), right, down, canvas.size)
        under = Image.new("L", (width, height), 0)
        _letters(under, item, right - left, down - top + max(1, item["shadow"] // 4), 190)
        soft = under.filter(ImageFilter.GaussianBlur(item["shadow"] / 2))
        canvas.paste("#000000", (left, top, left + width, top + height), soft)
    _letters(canvas, item, right, down, item["colour"])


def _letters(canvas, item, right, down, ink):
    pen = ImageDraw.Draw(canvas)
    for line in item["lines"]:
        for run in line["runs"]:
            font = lettering.opened(run["font"], item["size"])
            place = (run["x"] + right, line["y"] + down)
            pen.text(place, run["text"], ink, font, anchor="ls", direction=run["direction"])


def _code(canvas, item, _):
    """Black on white with its border, in whole pixels a module, in the middle of its box."""
    x, y, width, height = item["box"]
    across, modules = qr.modules(item["text"])
    scale = max(1, min(width, height) // (across + 2 * QUIET))
    code = Image.frombytes("L", (across, across), modules).resize((across * scale,) * 2, Image.Resampling.NEAREST)
    canvas.paste("#ffffff", (x, y, x + width, y + height))
    canvas.paste(code.convert("RGB"), (x + (width - code.width) // 2, y + (height - code.height) // 2))


_OPS = {"overlay": _overlay, "empty": _empty, "text": _text, "qr": _code}
