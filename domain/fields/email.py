import re
from dataclasses import dataclass

from domain.fields.kinds import Unfit
from domain.fields.text import Text


@dataclass(frozen=True)
class Email(Text):
    """An e-mail address, to be read; whoever sends to one asks domain/fields/addresses.py.
    `is_checked` refuses what can't be one, and writes the domain in small letters."""

    name = "email"
    most: int = 254
    control = "email"
    is_checked: bool = False

    def read(self, text):
        text = super().read(text)
        if not self.is_checked:
            return text
        local, at, host = text.rpartition("@")
        if not at:
            raise Unfit("This lacks an @, as in ada@example.org.")
        if not _LOCAL.fullmatch(local) or not _HOST.fullmatch(host):
            raise Unfit("Write an address such as ada@example.org.")
        return f"{local}@{host.lower()}"


_LOCAL = re.compile(r"[^\s@,;:<>()\[\]\"\\]{1,64}")
_HOST = re.compile(r"[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+")
