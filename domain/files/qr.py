"""QR codes and bar codes as pictures."""

from base64 import b64encode
from math import isqrt

from database.late import Late

zxingcpp = Late("zxingcpp")


def modules(text):
    """(how many modules a side has, a byte for each of them: 0 is black) of a QR code of level M, without border."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    image = zxingcpp.write_barcode_to_image(made, scale=1, add_quiet_zones=False)
    pixels = memoryview(image).tobytes()  # type: ignore[arg-type]  # a buffer, which its stubs don't say
    return isqrt(len(pixels)), pixels


def rows(text):
    """The same as texts, a row each: 1 is black."""
    across, pixels = modules(text)
    bits = "".join("0" if pixel else "1" for pixel in pixels)
    return [bits[i : i + across] for i in range(0, len(bits), across)]


def svg(text, border=4):
    """A QR code as SVG of a unit a module: level M, black on white with its border, also where all is dark."""
    across, pixels = modules(text)
    lines = []
    side = across + 2 * border
    for y in range(across):
        row, x = pixels[y * across : (y + 1) * across], 0
        while (start := row.find(0, x)) >= 0:
            x = row.find(255, start)
            x = across if x < 0 else x
            lines.append(f"M{start + border} {y + border}.5h{x - start}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 {side} {side}">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path stroke="#000" d="{"".join(lines)}"/></svg>'
    )


def bars(text, border=10):
    """A Code 128 as SVG of a unit a module, black on white with its border; it is to be drawn as high as there is room.

    Refuses with ValueError what has other signs than ISO 8859-1, or too many.
    """
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    image = memoryview(zxingcpp.write_barcode_to_image(made, scale=1, add_quiet_zones=False))  # type: ignore[arg-type]
    _, across = image.shape or (0, 0)
    row = image.tobytes()[:across]
    side = across + 2 * border
    drawn = "".join(f"M{x + border}.5 0v1" for x in range(across) if not row[x])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="1" viewBox="0 0 {side} 1" '
        f'preserveAspectRatio="none"><path fill="#fff" d="M0 0h{side}v1h-{side}z"/>'
        f'<path stroke="#000" d="{drawn}"/></svg>'
    )


KINDS = {"qrcode": svg, "barcode": bars}  # of fields whose cells show their text as a code


def drawn(kind, text):
    """The picture of what stands in a field of one of KINDS; empty where no code holds it."""
    try:
        return KINDS[kind](text)
    except ValueError:
        return ""


def address(text, border=4):
    """The same as an address that a page can bear."""
    return "data:image/svg+xml;base64," + b64encode(svg(text, border).encode()).decode()
