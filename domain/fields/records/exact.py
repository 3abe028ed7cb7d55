import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from domain.fields.bounds import Bounded
from domain.fields.kinds import Kind, Unfit, clean, figures
from domain.fields.records import operators

DIGITS = 28  # before and behind the point together


@dataclass(frozen=True)
class Exact(Bounded, Kind):
    """A number to the last digit, as tables made by people keep it. `places` are those shown and taken by forms."""

    name = "exact"
    is_figure = at_end = True
    tells_doubles = True
    places: int | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    unit: str = ""
    operators = operators.NUMBER

    def read(self, text):
        value = self.bounded(self._number(text))
        if self.places is not None and -value.as_tuple().exponent > self.places:
            raise Unfit(f"{_PLACES.get(self.places, self.places)} at most behind the point.")
        return value

    def parse(self, text, form):
        """As the column writes numbers; more places than forms take are kept."""
        return self.bounded(number(without_unit(text, self.unit), form.decimal))

    def _number(self, text):
        return number(without_unit(text, self.unit))

    def asked(self, text):
        return self._number(text)

    def plain(self, value):
        return "" if value is None else plain(value)

    def shown(self, value):
        """As people read it, to the field's places; what is kept isn't rounded."""
        return grouped(value, self.places) + (f" {self.unit}" if self.unit else "")

    def stored(self, value):
        return None if value is None else plain(value)

    def restored(self, value):
        return None if value is None else Decimal(value)

    def key(self, value):
        return number_key(value)

    def unique_key(self, value):
        return number_key(value)

    def from_json(self, json):
        if isinstance(json, bool) or not isinstance(json, str | int | Decimal):
            raise Unfit("Send a number as a string, such as “1250.50”.")
        return self.bounded(number(str(json) if isinstance(json, str) else _unfolded(json), strict=True))


_PLACES = {0: "No places", 1: "One place", 2: "Two places", 3: "Three places", 4: "Four places"}
_GROUPS = r"[ \u00a0\u2009\u202f'’]"


def number(text, decimal="", strict=False):
    """Text → Decimal. With a `decimal` sign, strictly so; without one, as people write English, and whatever can
    be meant in one way only: 1,250.50, 1.250,50, 1 250,5, (12), −12. Refuses with Unfit.
    """
    if len(text) > 100:
        raise Unfit(f"A number has {DIGITS} digits at most.")
    if len(text) < DIGITS and decimal != "," and _STRICT.fullmatch(text):  # as most are written: `import_1m`
        return Decimal(plain(Decimal(text)))
    text = figures(text).replace("−", "-")
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1].strip()
    found = _NUMBER.fullmatch(text)
    if found is None or (strict and not _STRICT.fullmatch(text)):
        raise Unfit("Write a number, such as 1250.50.")
    sign, digits = found["sign"] or "", re.sub(_GROUPS, "", found["digits"])
    value = Decimal(sign + _point(digits, decimal or _decimal_of(digits)))
    whole, _, places = plain(value).lstrip("-").partition(".")
    if len(whole.lstrip("0")) + len(places) > DIGITS:
        raise Unfit(f"A number has {DIGITS} digits at most.")
    return Decimal(plain(value))


_NUMBER = re.compile(
    rf"(?P<sign>[+-])?\s*(?P<digits>\d{{1,3}}(?:{_GROUPS}\d{{3}})+(?:[.,]\d+)?|\d[\d.,]*|[.,]\d+)", re.ASCII
)
_STRICT = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


def _decimal_of(digits):
    """The sign before the places, where nothing but the digits tells."""
    if "." in digits and "," in digits:
        return max(".,", key=digits.rfind)
    if digits.count(".") > 1:
        return ","
    return "," if digits.count(",") == 1 and not re.fullmatch(r"\d{1,3},\d{3}", digits) else "."


def _point(digits, decimal):
    """Digits with a point, their groups taken out. Refuses with Unfit groups that are none."""
    other = "," if decimal == "." else "."
    before, _, behind = digits.partition(decimal)
    grouped = other not in before or re.fullmatch(
        rf"\d{{1,3}}(?:\{other}\d{{3}})+|\d{{1,2}}(?:\{other}\d{{2}})*\{other}\d{{3}}", before
    )
    if not grouped or not re.fullmatch(r"\d*", behind):
        raise Unfit("Write a number, such as 1250.50.")
    return f"{before.replace(other, '') or '0'}.{behind or '0'}"


def _unfolded(number):
    """A number of JSON as text; one with a huge exponent would be a text of that length."""
    if isinstance(number, int):
        return str(number) if abs(number) < 10 ** (DIGITS + 1) else "x"
    return format(number, "f") if number.is_finite() and abs(number.adjusted()) <= DIGITS else "x"


def without_unit(text, unit):
    """Text without the field's own unit behind or before it."""
    text = clean(text[:200] if len(text) > 200 else text).strip()
    for side in (str.removesuffix, str.removeprefix) if unit else ():
        text = side(text, unit).strip()
    return text


def plain(value):
    """A number as programs read it: without exponent, groups, and zeros behind."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def grouped(value, places=None):
    """A number as people read it, rounded half away from zero where fewer places are shown than it has."""
    if places is not None:
        value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, context=_WIDE)
        text = format(value, ",f")
    else:
        whole, mark, rest = plain(value).partition(".")
        text = format(Decimal(whole), ",f") + mark + rest
        text = text if not (whole == "-0" and text[0] != "-") else "-" + text
    return text.replace("-", "−") if value else text.lstrip("-")


_WIDE = Context(prec=80)


def number_key(value):
    """Text whose order is that of numbers: the sign, the exponent, the digits; of negative ones complemented."""
    if not value:
        return "5"
    text = format(value, "f").replace(".", "").strip("-0")  # its digits alone
    size = value.adjusted() + 501
    if value > 0:
        return f"6{size:03}{text}"
    return f"4{999 - size:03}{text.translate(_COMPLEMENT)}~"


_COMPLEMENT = str.maketrans("0123456789", "9876543210")
