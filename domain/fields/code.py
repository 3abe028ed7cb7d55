from dataclasses import dataclass

from domain.fields.kinds import comparable
from domain.fields.text import Text


@dataclass(frozen=True)
class Code(Text):
    """A name that machines use: an id, a key. People read and type its title, where it has one in `titles`."""

    name = "code"
    titles: tuple = ()  # (name, title)

    def read(self, text):
        said = comparable(text)
        return super().read(next((name for name, title in self.titles if comparable(title) == said), text))

    def plain(self, value):
        return dict(self.titles).get(value, value) or ""
