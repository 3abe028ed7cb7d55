import json
from dataclasses import dataclass

from domain.fields.text import Text


@dataclass(frozen=True)
class Record(Text):
    """Names and values that were written down together; only read."""

    def plain(self, value):
        return json.dumps(value, ensure_ascii=False) if value else ""
