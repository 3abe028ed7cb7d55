from dataclasses import dataclass

from domain.fields.kinds import Unfit
from domain.fields.text import Text


@dataclass(frozen=True)
class QrCode(Text):
    """A line whose cell shows it as a QR code too."""

    name = "qrcode"
    most: int = 500  # signs: of the widest ones a code still holds as many


@dataclass(frozen=True)
class Barcode(Text):
    """A line whose cell shows it as a bar code (Code 128) too, which holds plain signs alone."""

    name = "barcode"
    most: int = 80

    def read(self, text):
        text = super().read(text)
        if not (text.isascii() and text.isprintable()):
            raise Unfit("A bar code has plain letters, figures and signs alone; a QR code has any.")
        return text
