import io
import struct
import zlib

import pytest
from PIL import Image

from domain.files import gate
from tests.fixtures.flyers import CORNERS, corners, portrait, saved

WHOLE = {"x": 0.5, "y": 0.5, "zoom": 1, "turn": 0}
# How a camera stores what is upright for each of the orientations that EXIF knows.
TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def refused(data):
    with pytest.raises(gate.NoPhoto) as refusal:
        gate.check(data)
    return refusal.value.sentence


def header(width, height):
    """A PNG that says to be of this size and has nothing in it."""
    parts = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT", b"IEND")
    chunks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def near(pixel, colour, by=12):
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


def quarters(image):
    width, height = image.size
    return [image.getpixel((x * width // 4, y * height // 4)) for y in (1, 3) for x in (1, 3)]


# --- what is taken -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_three_kinds_are_taken_whatever_their_name(kind):
    assert gate.check(saved(corners(), kind)) == gate.Picture(kind, 800, 600)


@pytest.mark.parametrize("data", [b"", b"GIF89a" + b"\0" * 99, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1"])
def test_other_kinds_are_refused_and_what_to_do_is_said(data):
    assert refused(data) == "Only JPEG, PNG and WebP photos can be taken. Save this one as JPEG, or choose another."


def test_hard_case_14_a_phones_heic_has_a_sentence_of_its_own():
    assert "HEIC" in refused(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 999)
    assert "HEIC" not in refused(b"\0\0\0\x18ftypavif" + b"\0" * 999)


def test_hard_case_12_limits_are_named_with_the_size_of_the_picture():
    assert refused(header(6000, 5000)) == (
        "A photo can have 25 million pixels; this has 6,000 × 5,000. Choose a smaller one."
    )
    assert "12,000 pixels; this has 20,000 × 300" in refused(header(20_000, 300))
    assert "too small: 199 × 300" in refused(header(199, 300))
    with pytest.raises(gate.NoPhoto) as refusal:
        gate.check(saved(corners()) + b"\0" * gate.MOST_BYTES)
    assert (refusal.value.status, refusal.value.sentence[:28]) == (413, "A photo can have at most 5 M")


def test_hard_case_10_a_bomb_is_refused_by_its_header():
    assert "25 million" in refused(header(30_000, 30_000))
    assert "25 million" in refused(header(11_000, 11_000)), "where Pillow alone would only warn"


def test_hard_case_09_scans_are_counted_before_anything_is_unpacked():
    progressive = saved(corners(), progressive=True)
    assert 1 < gate.scans(progressive) <= 12
    last = progressive.rindex(b"\xff\xda")
    bomb = progressive[:-2] + progressive[last:-2] * 100 + b"\xff\xd9"
    assert gate.scans(bomb) == gate.MOST_SCANS + 1
    assert "very long to read" in refused(bomb)


def test_what_a_phone_appends_to_a_photo_counts_as_no_scan():
    moving = saved(corners(), progressive=True) + b"\xff\xda" * 1000
    assert gate.check(moving).kind == "JPEG"
    thumbnail = Image.Exif()
    thumbnail[0x9286] = b"\xff\xda" * 1000
    assert gate.scans(saved(corners(), exif=thumbnail)) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_that_ends_early_is_refused_at_the_latest_when_it_is_unpacked(kind):
    whole = saved(portrait(), kind)
    for data in (whole[: len(whole) // 2], whole[:40]):
        with pytest.raises(gate.NoPhoto, match="damaged"):
            gate.framed(data, (100, 100), WHOLE, "#000000")


# --- how it lies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("crop", [WHOLE, WHOLE | {"zoom": 1.01, "turn": 0.01}], ids=["straight", "turned"])
def test_hard_case_15_every_orientation_lies_upright(orientation, crop):
    stored, exif = corners(), Image.Exif()
    stored = stored.transpose(TURNED[orientation]) if TURNED[orientation] is not None else stored
    exif[0x0112] = orientation
    framed = gate.framed(saved(stored, quality=95, exif=exif), (400, 300), crop, "#000000")
    assert all(map(near, quarters(framed), CORNERS))


def test_hard_case_15_a_crop_is_of_the_upright_photo():
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = saved(corners().transpose(TURNED[6]), quality=95, exif=exif)
    for i, colour in enumerate(CORNERS):
        crop = {"x": 0.25 + i % 2 / 2, "y": 0.25 + i // 2 / 2, "zoom": 3, "turn": 0}
        assert near(gate.framed(stored, (200, 150), crop, "#000000").getpixel((100, 75)), colour)


def test_a_turn_is_clockwise_about_the_middle_of_the_slot():
    framed = gate.framed(saved(corners((600, 600)), "PNG"), (300, 300), WHOLE | {"turn": 90}, "#000000")
    above = [CORNERS[2], CORNERS[0], CORNERS[3], CORNERS[1]]
    assert all(map(near, quarters(framed), above))


def test_where_a_photo_does_not_reach_is_the_colour_of_its_slot():
    framed = gate.framed(saved(corners(), "PNG"), (300, 300), WHOLE | {"turn": 45}, "#123456")
    assert framed.getpixel((150, 2)) != (0x12, 0x34, 0x56)
    aside = gate.framed(saved(corners(), "PNG"), (300, 300), WHOLE | {"x": 0}, "#123456")
    assert aside.getpixel((20, 150)) == (0x12, 0x34, 0x56)
    clear = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    assert gate.framed(saved(clear, "PNG"), (300, 300), WHOLE, "#123456").getpixel((9, 9)) == (0x12, 0x34, 0x56)


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "1", "I;16"])
def test_pictures_of_every_mode_are_drawn(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = Image.new("I;16", (300, 300), 40_000) if mode == "I;16" else portrait((300, 300)).convert(mode)
    framed = gate.framed(saved(image, kind), (100, 100), WHOLE, "#000000")
    assert framed.mode == "RGB"
    if mode == "I;16":
        assert near(framed.getpixel((50, 50)), (156, 156, 156))


def test_what_is_plain_already_is_not_copied():
    photo = Image.open(io.BytesIO(saved(corners())))
    assert gate.plain(photo) is photo
    assert gate.plain(corners().convert("P")).mode == "RGB"


def test_hard_case_11_only_the_first_frame_is_looked_at():
    frames = [Image.new("RGB", (300, 300), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    for kind in ("WEBP", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert near(gate.framed(data, (100, 100), WHOLE, "#000000").getpixel((50, 50)), (255, 0, 0))


# --- colours -----------------------------------------------------------------------------------------------------

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))  # to XYZ of D50
SRGB = ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540), (0.0719453, -0.2289914, 1.4052427))


def display_p3():
    """The profile of a phone's screen: its primaries, with a gamma of 2.2."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    def text(words):
        return (
            b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 2 * len(words), 28) + words.encode("utf-16-be")
        )

    tags = {b"desc": text("P3"), b"cprt": text("none"), b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249)}
    tags |= {f"{c}XYZ".encode(): b"XYZ \0\0\0\0" + fixed(*P3[i]) for i, c in enumerate("rgb")}
    tags |= {f"{c}TRC".encode(): b"curv" + struct.pack(">IIH", 0, 1, round(2.2 * 256)) + b"\0\0" for c in "rgb"}
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = b"\0" * 4 + b"\x04\x30\0\0mntrRGB XYZ " + b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642, 1, 0.8249)
    head = struct.pack(">I", at + len(body)) + b"\0" * 4 + head[4:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def in_srgb(pixel):
    linear = [(value / 255) ** 2.2 for value in pixel]
    xyz = [sum(linear[c] * P3[c][i] for c in range(3)) for i in range(3)]
    shown = [sum(row[i] * xyz[i] for i in range(3)) for row in SRGB]
    return [255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055) for v in shown]


@pytest.mark.parametrize("pixel", [(200, 120, 90), (90, 140, 110), (60, 80, 160), (128, 128, 128)])
def test_hard_case_13_colours_of_a_phone_are_those_of_its_profile(pixel):
    data = saved(Image.new("RGB", (300, 300), pixel), "PNG", icc_profile=display_p3())
    shown = gate.framed(data, (100, 100), WHOLE, "#000000").getpixel((50, 50))
    assert near(shown, in_srgb(pixel), by=3)
    assert pixel[0] == pixel[2] or not near(shown, pixel, by=3), "they would differ without it"


def test_a_broken_profile_changes_nothing():
    data = saved(Image.new("RGB", (300, 300), "#446688"), "PNG", icc_profile=b"no profile" * 20)
    assert gate.framed(data, (100, 100), WHOLE, "#000000").getpixel((50, 50)) == (0x44, 0x66, 0x88)


def test_nothing_of_the_file_but_its_looks_is_left():
    framed = gate.framed(saved(corners(), icc_profile=display_p3(), comment=b"mine"), (100, 100), WHOLE, "#000000")
    assert Image.open(io.BytesIO(saved(framed))).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
