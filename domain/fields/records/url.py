import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.fields.kinds import Unfit
from domain.fields.text import Text

SCHEMES = ("http", "https", "mailto", "tel")


@dataclass(frozen=True)
class Url(Text):
    """An address of the web, of mail or of a phone; no other can be followed from here."""

    name = "url"
    most: int = 2000
    control = "url"

    def read(self, text):
        text = super().read(text)
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            parts = host = None
        if not parts or parts.scheme not in SCHEMES or " " in text:
            raise Unfit("Write an address that begins with https://")
        if (parts.scheme.startswith("http") and not host) or (not parts.scheme.startswith("http") and not parts.path):
            raise Unfit("Write the whole address, such as https://example.org")
        return text

    def asked(self, text):
        return self.compared(text[: self.most])

    def compared(self, value):
        return super().compared(without_scheme(value))

    def key(self, value):
        return super().key(without_scheme(value))

    def unique_key(self, value):
        return super().unique_key(without_scheme(value))

    def shown(self, value):
        """As people read it."""
        return without_scheme(value)


def without_scheme(address):
    """An address without «https://» and «www.», as it is ordered and looked for."""
    return re.sub(r"^(https?://|mailto:|tel:)(www\.)?", "", address, flags=re.I).removesuffix("/")
