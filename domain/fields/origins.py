from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.fields.kinds import Unfit
from domain.fields.text import Text

MOST = 30


@dataclass(frozen=True)
class Origins(Text):
    """Web origins as browsers send them, one a line: scheme, host and port alone, never «null» and never «*»."""

    most: int = 4000
    long: bool = True

    def read(self, text):
        lines = [line.strip().lower().rstrip("/") for line in super().read(text).splitlines() if line.strip()]
        if len(lines) > MOST:
            raise Unfit(f"Write {MOST} origins at most.")
        for line in lines:
            if not _is_origin(line):
                raise Unfit(f"“{line[:60]}” is no origin: write it like https://app.example.org.")
        return "\n".join(dict.fromkeys(lines))


def _is_origin(text):
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    name = parts.hostname or ""
    whole = f"{parts.scheme}://{name}" + (f":{port}" if port else "")
    return parts.scheme in ("https", "http") and name.replace(".", "").replace("-", "").isalnum() and whole == text
