from dataclasses import dataclass

from database.clock import time_zones
from domain.fields.kinds import Field, Kind, Unfit, comparable
from domain.fields.records import operators


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words. `options` are (stored word, label, tone); `ranked` ones go from little to much.

    `about` are (stored word, sentence): a form that has them shows all words with what they mean.
    """

    name = "choice"
    options: tuple = ()
    filters: bool = True
    bulk: bool = True
    ranked: bool = False
    about: tuple = ()

    operators = operators.CHOICE

    def read(self, text):
        if text not in self.words:
            if len(self.options) > 12:
                raise Unfit("Choose one from the list.")
            raise Unfit(f"Choose one of: {', '.join(label for _, label, _ in self.options)}.")
        return text

    def parse(self, text, form):
        """By its label, without case and space, else by its word."""
        said = comparable(text[:200]).replace(" ", "")
        labels = {comparable(label).replace(" ", ""): word for word, label, _ in self.options}
        return self.read(labels.get(said, text.strip()))

    @property
    def words(self):
        return [word for word, _, _ in self.options]

    @property
    def choices(self):
        """(word, label) for a select."""
        return tuple((word, label) for word, label, _ in self.options)

    def schema(self, writes=False):
        return {"type": "string", "enum": list(self.words)} if 0 < len(self.words) <= 200 else {"type": "string"}

    def plain(self, value):
        return next((label for word, label, _ in self.options if word == value), "")

    def tone(self, value):
        return next((tone for word, _, tone in self.options if word == value), "quiet")


# What people choose the look of a word of theirs from.
TONES = Choice(
    (
        ("quiet", "Grey", "quiet"),
        ("info", "Blue", "info"),
        ("good", "Green", "good"),
        ("warn", "Amber", "warn"),
        ("bad", "Red", "bad"),
    )
)


ZONES = Choice(tuple((zone, zone, "") for zone in time_zones()))
TIME_ZONE = Field("timezone", "Time zone", ZONES, True)
