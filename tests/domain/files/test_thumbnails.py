"""Small pictures: nothing of the original but its looks, and never more memory than a picture may take."""

import io
import struct
import zlib

import pytest
from PIL import Image

from domain.files import thumbnails


def picture(format, size=(1000, 500), **more):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, format, **more)
    return out.getvalue()


@pytest.mark.parametrize("type", thumbnails.TYPES)
def test_a_picture_of_each_kind_becomes_a_small_one(type):
    small = Image.open(io.BytesIO(thumbnails.made(picture(thumbnails.TYPES[type]), type)))
    assert (small.format, small.size) == ("WEBP", (480, 240))


def test_a_turned_photograph_stands_upright_and_its_exif_is_gone():
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "where I live"  # turned a quarter, and whose it is
    small = thumbnails.made(picture("JPEG", exif=exif), "image/jpeg")
    assert Image.open(io.BytesIO(small)).size == (240, 480)
    assert (b"where I live" in small, dict(Image.open(io.BytesIO(small)).getexif())) == (False, {})


def _bomb(side):
    """A PNG whose head says that it is huge."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data",
    [_bomb(30_000), _bomb(100), b"\x89PNG\r\n\x1a\nrubbish", b"<svg onload=alert(1)>", picture("GIF"), b""],
    ids=["bomb", "cut off", "no picture", "svg", "another kind", "nothing"],
)
def test_what_is_no_such_picture_has_none(data):
    assert thumbnails.made(data, "image/png") is None
