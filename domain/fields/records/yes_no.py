from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, comparable
from domain.fields.records import operators

YES = ("yes", "true", "1", "x", "✓", "✔", "☑", "on", "y", "t", "ja", "oui", "si", "sí", "da", "sim")
NO = ("no", "false", "0", "-", "✗", "✘", "☐", "off", "n", "f", "nein", "non", "nee", "não", "nie")


@dataclass(frozen=True)
class YesNo(Kind):
    """Yes or no, or no answer yet: the third is no «no»."""

    name = "yes_no"
    filters: bool = True
    bulk: bool = True
    ranked = False
    choices = (("True", "Yes"), ("False", "No"))
    operators = operators.YES_NO

    @property
    def words(self):
        return [True, False]

    def order(self):
        return [True, False]

    def read(self, text):
        return self._answer(text, YES, NO)

    def parse(self, text, form):
        return self._answer(text, (*form.yes, *YES) if form.yes else YES, (*form.no, *NO) if form.no else NO)

    def _answer(self, text, yes, no):
        said = comparable(text[:100])
        if said in yes or said in no:
            return said in yes and said not in no[: len(no) - len(NO)]
        raise Unfit("Write yes or no.")

    def plain(self, value):
        return "" if value is None else "Yes" if value else "No"

    def tone(self, value):
        return "good" if value else "quiet"

    def key(self, value):
        return "0" if value else "1"

    def schema(self, writes=False):
        return {"type": "boolean"}

    def from_json(self, json):
        if not isinstance(json, bool):
            raise Unfit("Send true, false or null.")
        return json
