import re
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from domain.fields.bounds import Bounded
from domain.fields.kinds import Kind, Unfit, clean
from domain.fields.money import CURRENCIES, SYMBOLS, digits
from domain.fields.records import operators
from domain.fields.records.exact import grouped, number, number_key, plain

_SIGNS = {sign: code for code, sign in SYMBOLS.items()} | {"US$": "USD", "A$": "AUD", "C$": "CAD", "R$": "BRL"}
_DOLLARS = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "TWD")
_YENS = ("JPY", "CNY")


class Amount(NamedTuple):
    """So much of a currency (ISO 4217), to the last digit."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Amounts(Bounded, Kind):
    """Money in tables made by people: of the field's `currency`, or where that is empty of each cell's own."""

    name = "amount"
    is_figure = at_end = True
    currency: str = ""
    least: Decimal | None = None  # of its currency
    most: Decimal | None = None
    operators = operators.NUMBER

    def read(self, text):
        value = self._read(text, "")
        places = digits(value.currency)
        if -value.amount.as_tuple().exponent > places:
            said = "no places" if not places else f"{places} places at most"
            raise Unfit(f"{value.currency} has {said} behind the point.")
        return self.bounded(value)

    def measured(self, value):
        return value.amount

    def bound_said(self, end):
        return self.plain(Amount(end, self.currency))

    def parse(self, text, form):
        return self.bounded(self._read(text, form.decimal, form.currency))

    def _read(self, text, decimal, otherwise=""):
        said, text = _parted(text)
        code = self._code(said) if said else self.currency or otherwise
        if not code:
            raise Unfit("Write the amount with its currency, such as 1250.50 EUR.")
        if self.currency and code != self.currency:
            raise Unfit(f"This is {code}; the field is in {self.currency}.")
        return Amount(number(text, decimal), code)

    def _code(self, said):
        if said == "$" and self.currency in _DOLLARS:
            return self.currency
        if said == "¥" and self.currency in _YENS:
            return self.currency
        code = _SIGNS.get(said, said.upper())
        if code not in CURRENCIES:
            raise Unfit("Write a currency by its three letters, such as EUR.")
        return code

    def plain(self, value):
        return "" if value is None else f"{self._written(value)} {value.currency}"

    def text(self, value):
        return "" if value is None else self._written(value) if self.currency else self.plain(value)

    def _written(self, value):
        """With all its digits, and as many places as its currency has."""
        text, places = plain(value.amount), digits(value.currency)
        return f"{value.amount:.{places}f}" if len(text.partition(".")[2]) <= places else text

    def shown(self, value):
        """As people read it: €1,250.50."""
        text = grouped(value.amount, max(digits(value.currency), -value.amount.as_tuple().exponent))
        sign, text = ("−", text[1:]) if text.startswith("−") else ("", text)
        return f"{sign}{SYMBOLS.get(value.currency, value.currency + ' ')}{text}"

    def stored(self, value):
        if value is None:
            return None
        amount = plain(value.amount)
        return amount if value.currency == self.currency else [amount, value.currency]

    def restored(self, value):
        if value is None:
            return None
        amount, currency = value if isinstance(value, list) else (value, self.currency)
        return Amount(Decimal(amount), currency)

    def key(self, value):
        return number_key(value.amount) if self.currency else f"{value.currency}{number_key(value.amount)}"

    def compared(self, value):
        return value.amount if self.currency else (value.currency, value.amount)

    def asked(self, text):
        return self.compared(self._read(text, ""))

    def asked_key(self, operand):
        return number_key(operand) if self.currency else f"{operand[0]}{number_key(operand[1])}"

    def to_json(self, value):
        return None if value is None else {"amount": plain(value.amount), "currency": value.currency}

    def schema(self, writes=False):
        parts = {"amount": {"type": "string"}, "currency": {"type": "string"}}
        return {"type": "object", "properties": parts, "required": ["amount", "currency"]}

    def from_json(self, json):
        if isinstance(json, dict) and isinstance(json.get("amount"), str) and isinstance(json.get("currency"), str):
            amount = number(json["amount"], strict=True)
            return self.bounded(self._read(f"{plain(amount)} {json['currency'][:10]}", "."))
        raise Unfit("Send {“amount”: “1250.50”, “currency”: “EUR”}.")


_EDGE = r"[^\d\s.,()+−-]"
_BEFORE = re.compile(rf"([-−(+]?)\s*({_EDGE}+)\s*(.*\d\)?)")
_BEHIND = re.compile(rf"(.*[\d)])\s*({_EDGE}+?)(\)?)")


def _parted(text):
    """(the currency as it is written or empty, the rest) of an amount."""
    text = clean(text[:200]).strip()
    if found := _BEFORE.fullmatch(text):
        return found[2], found[1] + found[3]
    if found := _BEHIND.fullmatch(text):
        return found[2], found[1] + found[3]
    return "", text
