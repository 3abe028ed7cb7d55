"""Which photos are taken, found out before anything of them is unpacked; and how one is then unpacked.

The order matters: each question costs a millisecond at most, and the next one is safe only after it.
"""

import io
import math
import re
import warnings
from dataclasses import dataclass
from threading import BoundedSemaphore

from database.late import Late
from domain import Refused

Image, ImageOps, ImageCms = Late("PIL.Image"), Late("PIL.ImageOps"), Late("PIL.ImageCms")

MOST_BYTES = 5 * 1024**2
MOST_PIXELS, SIDES = 25_000_000, (200, 12_000)
MOST_SCANS = 32  # of a JPEG; cameras write one, progressive ones ten. Each costs as much as the whole picture
# Pictures that requests unpack at once: the largest takes a hundred megabytes. Flyers have a lane of their own.
drawing = BoundedSemaphore(2)
_SEES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


class NoPhoto(Refused):
    """A file that isn't taken as a photo, and what to do instead."""

    code, status = "INVALID_INPUT", 422

    def __init__(self, sentence, status=None):
        super().__init__(sentence, status=status, fields={"photo": sentence})


@dataclass(frozen=True)
class Picture:
    """What a photo says of itself. Width and height are as it is stored, before it is turned upright."""

    kind: str
    width: int
    height: int


def check(data, most=None):
    """The Picture that these bytes say to be. Refuses with NoPhoto: too large, of another kind, or dangerous."""
    most = most or MOST_BYTES
    if len(data) > most:
        raise NoPhoto(f"A photo can have at most {most // 1024**2} MB. Choose a smaller one.", status=413)
    kind = _kind(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its size is judged below
            with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
                width, height = picture.size
    except Image.DecompressionBombError:
        raise _too_many("far more") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError):
        raise NoPhoto("This photo is damaged, so it can't be read. Choose another.") from None
    if width * height > MOST_PIXELS:
        raise _too_many(f"{width:,} × {height:,}")
    if max(width, height) > SIDES[1]:
        raise NoPhoto(f"A side of a photo can have {SIDES[1]:,} pixels; this has {width:,} × {height:,}.")
    if min(width, height) < SIDES[0]:
        raise NoPhoto(f"This photo is too small: {width:,} × {height:,} pixels. It needs {SIDES[0]} on each side.")
    if kind == "JPEG" and scans(data) > MOST_SCANS:
        raise NoPhoto("This photo is stored in a way that takes very long to read. Save it anew, or choose another.")
    return Picture(kind, width, height)


def _too_many(size):
    return NoPhoto(f"A photo can have {MOST_PIXELS // 10**6} million pixels; this has {size}. Choose a smaller one.")


def _kind(data):
    for head, kind in _SEES.items():
        if data.startswith(head):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
        raise NoPhoto(
            "This is your phone's HEIC, which few can read. Choose “most compatible” in its camera's settings, "
            "or take the picture here."
        )
    raise NoPhoto("Only JPEG, PNG and WebP photos can be taken. Save this one as JPEG, or choose another.")


def scans(data):
    """How many scans a JPEG has, counted up to one more than are taken; nothing is unpacked."""
    found, at = 0, 2
    while found <= MOST_SCANS and (marker := _MARKER.search(data, at)):
        code, at = data[marker.end() - 1], marker.end()
        if code == 0xD9:
            break
        if code not in (0x01, 0xD8):
            at += int.from_bytes(data[at : at + 2], "big")
        found += code == 0xDA
    return found


def framed(data, size, crop, colour):
    """A photo as it lies in a slot of this size: an RGB image, upright, in sRGB, with nothing else of the original.

    `crop` is as plans.cropped gives it; where the photo doesn't reach, and behind what is transparent, is `colour`.
    Refuses with NoPhoto when it turns out to be damaged.
    """
    kind = check(data).kind
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
            profile = picture.info.get("icc_profile")
            needed = math.ceil(max(size) * crop["zoom"])
            picture.draft("RGB", (needed, needed))  # a JPEG unpacks small at once
            ImageOps.exif_transpose(picture, in_place=True)
            placed, seen = _placed(plain(picture), size, crop)
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError):
        raise NoPhoto("This photo is damaged, so it can't be read. Choose another.") from None
    placed = in_srgb(placed, profile)
    if seen is None:
        return placed
    flat = Image.new("RGB", size, colour)
    flat.paste(placed, mask=seen)
    return flat


def plain(picture):
    """In RGB or RGBA, whatever it was."""
    if picture.mode in ("I;16", "I"):
        picture = picture.convert("I").point(lambda value: value / 256, "L")
    clear = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    mode = "RGBA" if clear else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _placed(picture, size, crop):
    """(what lies in the slot, as RGB; what of it is seen, or None for all)."""
    width, height = picture.size
    scale = crop["zoom"] * max(size[0] / width, size[1] / height)
    if picture.mode == "RGB" and not crop["turn"]:
        part = size[0] / scale, size[1] / scale
        x, y = crop["x"] * width - part[0] / 2, crop["y"] * height - part[1] / 2
        box = max(0, x), max(0, y), min(width, x + part[0]), min(height, y + part[1])
        if box[2] - box[0] > part[0] - 0.5 and box[3] - box[1] > part[1] - 0.5:
            return picture.resize(size, Image.Resampling.BICUBIC, box, reducing_gap=2), None
    if (smaller := int(1 / scale)) > 1:
        picture = picture.reduce(smaller)
        scale *= width / picture.width
    turn = math.radians(crop["turn"])
    cos, sin = math.cos(turn) / scale, math.sin(turn) / scale
    # From a pixel of the slot to one of the photo; the same as turning and scaling a canvas about the slot's middle.
    left = crop["x"] * picture.width - cos * size[0] / 2 - sin * size[1] / 2
    top = crop["y"] * picture.height + sin * size[0] / 2 - cos * size[1] / 2
    across = cos, sin, left, -sin, cos, top
    # Cubic is for what is made larger; made smaller it looks the same by half the work.
    how = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BILINEAR

    def lies(image):
        return image.transform(size, Image.Transform.AFFINE, across, how)

    if picture.mode == "RGBA":
        return lies(picture.convert("RGB")), lies(picture.getchannel("A"))
    corners = [(u, v) for u in (0, size[0]) for v in (0, size[1])]
    reached = [(cos * u + sin * v + left, -sin * u + cos * v + top) for u, v in corners]
    if all(-0.5 <= x <= picture.width + 0.5 and -0.5 <= y <= picture.height + 0.5 for x, y in reached):
        return lies(picture), None
    return lies(picture), lies(Image.new("L", picture.size, 255))


def in_srgb(picture, profile):
    """An RGB image with the colours that its profile (ICC, or None) means. A broken one means nothing."""
    if not profile:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != "RGB":
            return picture
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
