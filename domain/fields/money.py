from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, integer

# ISO 4217: currencies without minor units, and those with a thousand of them.
WHOLE = [
    "JPY",
    "KRW",
    "VND",
    "CLP",
    "UGX",
    "RWF",
    "XAF",
    "XOF",
    "XPF",
    "ISK",
    "PYG",
    "GNF",
    "KMF",
    "DJF",
    "BIF",
    "VUV",
    "MGA",
]
THOUSANDTHS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "NGN": "₦", "JPY": "¥", "INR": "₹", "KRW": "₩", "GHS": "GH₵"}


def digits(currency):
    """How many digits a currency has behind the point."""
    return 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2


def written(amount, currency):
    """An amount of minor units as people read it: $12.00, ¥500, −€3.20."""
    currency = (currency or "USD").upper()
    small = digits(currency)
    units, rest = divmod(abs(amount), 10**small)
    figure = f"{units:,}.{rest:0{small}}" if small else f"{units:,}"
    return f"{'−' if amount < 0 else ''}{SYMBOLS.get(currency, currency + ' ')}{figure}"


@dataclass(frozen=True)
class Money(Kind):
    """An amount of minor units; `currency` names the column that says of which."""

    name = "money"
    is_figure = True
    currency: str = "currency"

    def read(self, text):
        try:
            return integer(text)
        except ValueError:
            raise Unfit("Write a whole number of minor units, such as 1200 for 12.00.") from None

    def exported(self, value, row):
        return "" if value is None else written(value, getattr(row, self.currency))
