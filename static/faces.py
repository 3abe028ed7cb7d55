"""Which fonts flyers are lettered with, and which letters each has: fonts.json, for the server and for browsers.

Both letter with the same files, so that a picture is the same wherever it is drawn. Needs only the standard library.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterable
from pathlib import Path

# face → weight → its fonts, the small one first that pages have loaded anyway
FACES = {
    "inter": {str(weight): [f"inter-{weight}", f"inter-{weight}-all"] for weight in (400, 600, 800)},
    "source-serif": {"600": ["source-serif", "source-serif-all"]},
    "noto-sans": {"400": ["noto-400"], "600": ["noto-600"]},
}
# what follows every face: the weight that stands nearer, and then the scripts of the world
LATIN = {"400": "noto-400", "600": "noto-600", "800": "noto-600"}
SCRIPTS = (
    *("arabic", "hebrew", "devanagari", "bengali", "tamil", "thai", "georgian", "armenian", "ethiopic"),
    *("jp", "hans", "kr", "emoji"),
)
INTER, SERIF = "inter-latin-wght-normal.woff2", "source-serif-4-latin-600-normal.woff2"
# font → its file in static/vendor, and the weight at which a variable one is set
FILES: dict[str, tuple[str, int | None]] = {
    **{f"inter-{weight}": (INTER, weight) for weight in (400, 600, 800)},
    "inter-400-all": ("drawn/Inter_400Regular.ttf", None),
    "inter-600-all": ("drawn/Inter_600SemiBold.ttf", None),
    "inter-800-all": ("drawn/Inter_800ExtraBold.ttf", None),
    "source-serif": (SERIF, None),
    "source-serif-all": ("drawn/SourceSerif4_600SemiBold.ttf", None),
    "noto-400": ("print/NotoSans_400Regular.ttf", None),
    "noto-600": ("print/NotoSans_600SemiBold.ttf", None),
    **{name: (f"print/NotoSans{name.title()}_400Regular.ttf", None) for name in SCRIPTS[:9]},
    "jp": ("print/NotoSansJP_400Regular.ttf", None),
    "kr": ("print/NotoSansKR_400Regular.ttf", None),
    "hans": ("print/NotoSansHans-Regular.otf", None),
    "emoji": ("print/NotoEmoji_400Regular.ttf", None),
}
# A packed file can't be read here: what it has is what the whole one has, within the range of its style sheet.
PARTS = {
    INTER: ("drawn/Inter_400Regular.ttf", "@fontsource-variable/inter/wght.css", "inter-latin-wght-normal"),
    SERIF: (
        "drawn/SourceSerif4_600SemiBold.ttf",
        "@fontsource/source-serif-4/600.css",
        "source-serif-4-latin-600-normal",
    ),
}


def table(vendor: Path, modules: Path) -> str:
    """fonts.json. `ranges` is: so many letters that a font lacks, so many that it has, and so on."""
    fonts, read = {}, {}
    for name, (file, weight) in FILES.items():
        if file not in read:
            read[file] = _covered(file, vendor, modules)
        hashed = hashlib.sha256((vendor / file).read_bytes()).hexdigest()[:10]
        fonts[name] = {"file": f"vendor/{file}", "v": hashed, "weight": weight, "ranges": _ranges(read[file])}
    return json.dumps({"fonts": fonts, "faces": FACES, "latin": LATIN, "scripts": SCRIPTS}, separators=(",", ":"))


def _covered(file: str, vendor: Path, modules: Path) -> set[int]:
    if file not in PARTS:
        return letters((vendor / file).read_bytes())
    whole, sheet, name = PARTS[file]
    found = re.search(rf"/\* {name} \*/.*?unicode-range:\s*([^;]*);", (modules / sheet).read_text("utf-8"), re.S)
    assert found, name
    within: set[int] = set()
    for part in found[1].split(","):
        first, _, last = part.strip().removeprefix("U+").partition("-")
        within.update(range(int(first, 16), int(last or first, 16) + 1))
    return letters((vendor / whole).read_bytes()) & within


def letters(font: bytes) -> set[int]:
    """The code points that a TrueType or OpenType file has glyphs for: its cmap, formats 4 and 12."""
    tables = struct.unpack_from(">H", font, 4)[0]
    heads = (struct.unpack_from(">4sLLL", font, 12 + 16 * i) for i in range(tables))
    start = next(offset for tag, _, offset, _ in heads if tag == b"cmap")
    count = struct.unpack_from(">H", font, start + 2)[0]
    found: dict[int, int] = {}
    for i in range(count):
        platform, _, offset = struct.unpack_from(">HHL", font, start + 4 + 8 * i)
        kind = struct.unpack_from(">H", font, start + offset)[0]
        if platform in (0, 3):
            found[kind] = start + offset
    return _twelve(font, found[12]) if 12 in found else _four(font, found[4])


def _twelve(font: bytes, at: int) -> set[int]:
    covered: set[int] = set()
    for i in range(struct.unpack_from(">L", font, at + 12)[0]):
        first, last, glyph = struct.unpack_from(">LLL", font, at + 16 + 12 * i)
        covered.update(range(first + (glyph == 0), last + 1))
    return covered


def _four(font: bytes, at: int) -> set[int]:
    double = struct.unpack_from(">H", font, at + 6)[0]
    count, half = double // 2, f">{double // 2}H"
    ends = struct.unpack_from(half, font, at + 14)
    starts = struct.unpack_from(half, font, at + 16 + double)
    deltas = struct.unpack_from(half, font, at + 16 + 2 * double)
    offsets_at = at + 16 + 3 * double
    offsets = struct.unpack_from(half, font, offsets_at)
    covered = set()
    for i in range(count):
        for code in range(starts[i], min(ends[i], 0xFFFE) + 1):
            glyph = code
            if offsets[i]:
                (glyph,) = struct.unpack_from(">H", font, offsets_at + 2 * i + offsets[i] + 2 * (code - starts[i]))
                if not glyph:
                    continue
            if (glyph + deltas[i]) & 0xFFFF:
                covered.add(code)
    return covered


def _ranges(covered: Iterable[int]) -> list[int]:
    ranges, end = [], 0  # `end` is the first code point after the last run
    for code in sorted(covered):
        if code == end and ranges:
            ranges[-1] += 1
        else:
            ranges += [code - end, 1]
        end = code + 1
    return ranges
