from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, integer, integer_sent

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
# ISO 4217, the currencies that are paid with today.
CURRENCIES = frozenset(
    " ".join(
        (
            "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD",
            "CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP",
            "GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD",
            "KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN",
            "NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP",
            "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES",
            "VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG",
        )
    ).split()
)
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
    is_figure = at_end = True
    currency: str = "currency"

    def read(self, text):
        try:
            return integer(text)
        except ValueError:
            raise Unfit("Write a whole number of minor units, such as 1200 for 12.00.") from None

    def from_json(self, json):
        return self.read(integer_sent(json))

    def schema(self, writes=False):
        return {"type": "integer"}

    def exported(self, value, row):
        return "" if value is None else written(value, getattr(row, self.currency))
