from dataclasses import dataclass
from functools import lru_cache

from database.late import Late
from domain.fields.kinds import Unfit, figures
from domain.fields.records import operators
from domain.fields.text import Text

phonenumbers = Late("phonenumbers")


@dataclass(frozen=True)
class Phone(Text):
    """A phone number as it was written; `country` is where one without a prefix is called from, such as DE."""

    name = "phone"
    most: int = 50
    control = "tel"
    country: str = ""
    operators = operators.TEXT

    def read(self, text):
        text = super().read(text)
        if len(self.number(text)) < 4:
            raise Unfit("Write a phone number, such as +49 30 1234.")
        return text

    def number(self, text):
        """+49301234: what it calls; the digits alone where no country is known. Empty for what is no number."""
        return _number(figures(text), self.country)

    def key(self, value):
        return self.number(value)

    def unique_key(self, value):
        return self.number(value)

    def compared(self, value):
        """Its number is what it is; it is found by what is written and by the number."""
        number = self.number(value)
        return number, f"{value} {number} {''.join(filter(str.isdigit, value))}"

    def asked(self, text):
        return self.number(text) or text, figures(text)

    def asked_key(self, operand):
        return operand[0]

    def begins(self, operand):
        return None  # written in many ways

    def searched(self, value):
        return f"{value} {self.number(value)}"

    def to_json(self, value):
        return None if value is None else {"written": value, "number": self.number(value)}

    def schema(self, writes=False):
        if writes:
            return {"type": "string"}
        parts = {"written": {"type": "string"}, "number": {"type": ["string", "null"]}}
        return {"type": "object", "properties": parts, "required": ["written", "number"]}

    def from_json(self, json):
        return super().from_json(json.get("written") if isinstance(json, dict) else json)


@lru_cache(maxsize=500)  # a row's is asked for when it is read, for its key and for the search
def _number(said, country):
    try:
        parsed = phonenumbers.parse(said, country or None)
    except phonenumbers.NumberParseException:
        digits = "".join(sign for sign in said if sign.isdigit())
        return digits if 3 <= len(digits) <= 15 and not any(sign.isalpha() or sign == "+" for sign in said) else ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
