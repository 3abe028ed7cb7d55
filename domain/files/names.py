"""What a file is called and what it is: its bytes decide, never its name."""

import re
import unicodedata

from database.late import Late
from domain.fields.kinds import clean

filetype = Late("filetype")

HEAD = 8192  # bytes that are looked at
LONGEST = 120
OTHERWISE = "application/octet-stream"
_NOT_IN_NAMES = re.compile(r'[<>:"|?*\x00-\x1f]+')


def type_of(head):
    """The type that the first bytes of a file say it has; text where they are words, else nobody knows."""
    found = filetype.guess(head)
    if found is not None:
        return found.mime
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a sign may be cut at the end
            return OTHERWISE
    return OTHERWISE if b"\0" in head else "text/plain"


def cleaned(name):
    """A name that is one on every system: no path, no control or direction-turning sign, at most 120 signs."""
    last = re.split(r"[/\\]", clean(str(name or "")[-1000:]))[-1]
    last = _NOT_IN_NAMES.sub("_", unicodedata.normalize("NFC", " ".join(last.split()))).strip(". ")
    stem, dot, ending = last.rpartition(".")
    if dot and len(ending) <= 10:
        return f"{stem[: LONGEST - len(ending) - 1]}.{ending}" if stem else f"file.{ending}"
    return last[:LONGEST] or "file"
