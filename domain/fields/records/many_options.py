from dataclasses import dataclass
from typing import Any

from domain.fields.kinds import Unfit, clean, comparable
from domain.fields.records import operators
from domain.fields.records.option import Options


@dataclass(frozen=True)
class ManyOptions(Options):
    """Several of the options that people made, in their order, each once."""

    name = "many_options"
    filters: bool = True
    bulk: bool = True
    several = True
    keyed = False
    operators: Any = operators.MANY

    def read(self, text):
        """Ids or labels, in a list or between semicolons; a label that has one stands in quotes."""
        labels = [o.label for o in self.made]
        texts = text if isinstance(text, list) else [text]
        return self._chosen([word for one in texts for word in split(one, ";", labels)])

    def parse(self, text, form):
        """Parted by the column's separator; a whole label that contains it is one word."""
        return self._chosen(split(text, form.separator or ";", [o.label for o in self.made]))

    def _chosen(self, words):
        chosen = {self._id_of(word) for word in words if word}
        return tuple(id for id in self.order if id in chosen) or None

    def _id_of(self, word):
        return super().read(word)

    def plain(self, value):
        return "; ".join(quoted(super(ManyOptions, self).plain(id)) for id in self._each(value))

    def _each(self, value):
        return dict.fromkeys(self.compared(value or ()))

    @property
    def bulk_choices(self):
        """(text that `turned` takes, label) of what is done to many rows."""
        added = tuple((f"+{quoted(o.label)}", f"Add {o.label}") for o in self.present)
        return added + tuple((f"-{quoted(o.label)}", f"Remove {o.label}") for o in self.present)

    def turned(self, value, text):
        """A cell with a word more («+word») or less. Refuses with Unfit."""
        chosen = self.read(text[1:]) or ()
        rest = {one for one in value or () if self.compared((one,))[0] not in chosen}
        held = rest | {*chosen} if text.startswith("+") else rest
        return tuple(id for id in self.order if id in held) or None

    def text(self, value):
        return self.plain(value)

    @property
    def offered(self):
        """(text that `read` takes, label) to narrow a list by one of them."""
        return tuple((quoted(o.label), o.label) for o in self.present)

    def labels(self, value):
        """(label, tone) of each, to be drawn."""
        return [(super(ManyOptions, self).plain(id), self.tone(id)) for id in self._each(value)]

    def stored(self, value):
        return list(value) if value else None

    def restored(self, stored):
        return tuple(stored) if stored else None

    def compared(self, value):
        return tuple(super(ManyOptions, self).compared(id) for id in value)

    def searched(self, value):
        return " ".join(label for label, _ in self.labels(value))

    def asked(self, text):
        known = {str(o.id): o.id for o in self.made}
        return super().compared(known[text] if text in known else super().read(text))

    def to_json(self, value):
        return [super(ManyOptions, self).to_json(id) for id in value or ()]

    def schema(self, writes=False):
        return {"type": "array", "items": {"type": "string"}}

    def from_json(self, json):
        if not isinstance(json, list) or not all(isinstance(key, str) for key in json) or len(json) > 1000:
            raise Unfit("Send a list of the options' keys.")
        return self._chosen(json)


def quoted(label):
    """A label as it reads back between others."""
    return '"' + label.replace('"', '""') + '"' if any(sign in label for sign in ';"') else label


def split(text, separator, labels=()):
    """The words of a cell; what stands in quotes, and labels that have the separator within, are one word."""
    text = clean(text[:100_000]).strip()
    known = sorted((comparable(one) for one in labels if separator in one), key=len, reverse=True)
    words, rest = [], text
    while rest:
        word, rest = _first(rest, separator, known)
        words.append(word)
    return [word for word in words if word]


def _first(text, separator, known):
    """(first word, what comes behind its separator)"""
    text = text.lstrip() if separator != "\n" else text
    if text.startswith('"'):
        end = _closing(text)
        if end and text[end + 1 :].lstrip(" ")[:1] in ("", separator):
            return text[1:end].replace('""', '"'), text[end + 1 :].lstrip(" ")[1:]
    for label in known:
        piece = text[: len(label)]
        if comparable(piece) == label and text[len(label) :].lstrip(" ")[:1] in ("", separator):
            return piece, text[len(label) :].lstrip(" ")[1:]
    word, _, rest = text.partition(separator)
    return word.strip(), rest


def _closing(text):
    """Where the quote that begins the text ends, or None."""
    place = text.find('"', 1)
    while place > 0 and text[place + 1 : place + 2] == '"':
        place = text.find('"', place + 2)
    return place if place > 0 else None
