"""Small pictures of pictures: drawn anew, so that nothing of the original but its looks is in them."""

import io
import warnings

SIDE = 480
MOST = 50_000_000  # pixels; what unpacks to more is no picture of anybody's (a decompression bomb)
TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}


def made(data, type):
    """A WebP of at most 480 pixels a side, upright and without EXIF; None where the bytes are no such picture."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=[TYPES[type]]) as picture:
                if picture.width * picture.height > MOST:
                    return None
                picture.draft("RGB", (SIDE, SIDE))  # a JPEG unpacks small at once
                upright = ImageOps.exif_transpose(picture)
                upright.thumbnail((SIDE, SIDE))
                out = io.BytesIO()
                bare = Image.new("RGBA", upright.size)
                bare.paste(upright.convert("RGBA"))
                bare.save(out, "WEBP", quality=80)
                return out.getvalue()
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, MemoryError):
            return None
