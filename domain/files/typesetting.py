"""What the print process does: typst over templates/print, with our fonts alone. Knows nothing of the house.

Words reach a template as JSON, so nothing that somebody typed is ever read as a command of typst.
"""

import functools
import io
import json
from pathlib import Path

import typst
from fontTools.ttLib import TTFont
from PIL import Image

TOP = Path(__file__).resolve().parents[2]
TEMPLATES, FONTS = TOP / "templates" / "print", TOP / "static" / "vendor" / "print"


@functools.cache
def _compiler(template):
    return typst.Compiler(
        str(TEMPLATES / f"{template}.typ"), root=str(TEMPLATES), font_paths=[str(FONTS)], ignore_system_fonts=True
    )


def typeset(template, data):
    """A PDF (1.7) of the template's pages."""
    return _compiler(template).compile(sys_inputs={"data": json.dumps(data)})


def draw(template, data):
    """The template's one page, a pixel for each point: a PNG, or a JPEG where a photo («cover») is in it."""
    png = _compiler(template).compile(format="png", ppi=72, sys_inputs={"data": json.dumps(data)})
    if not data.get("cover"):
        return png
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as drawn:
        drawn.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


def missing(words):
    """The characters of the words that no font has, as JSON."""
    drawn = {sign for sign in words if sign.isprintable() and not sign.isspace()}
    return json.dumps(sorted(sign for sign in drawn if ord(sign) not in _coverage())).encode()


@functools.cache
def _coverage():
    covered = {0xFE0E, 0xFE0F}  # how an emoji is to be drawn; itself nothing to draw
    for path in FONTS.iterdir():
        with TTFont(path, lazy=True) as font:
            covered.update(font.getBestCmap())
    return frozenset(covered)


TASKS = {"typeset": typeset, "draw": draw, "missing": missing}
