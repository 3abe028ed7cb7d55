"""In which units each provider counts a currency. What a page shows (domain/fields/money.py) is another matter:
Stripe wants 500 for 5 króna, Paystack 500 for 5 francs, Flutterwave 5 for both.

A provider takes the currencies of its table and no others. Sources: docs.stripe.com/currencies; Paystack's and
Flutterwave's documentation of transactions. XOF and RWF at Paystack, and currencies without cents at Flutterwave, were
never tried against the provider.
"""

from decimal import Decimal

from domain.fields.money import THOUSANDTHS, WHOLE, digits

_STRIPE = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY "
    "COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK "
    "JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR "
    "MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS "
    "SRD SZL THB TJS TND TOP TRY TTD TWD TZS UAH USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW"
)  # not UGX: Stripe's own page contradicts itself there

_FLUTTERWAVE = "NGN GHS KES UGX TZS ZAR RWF ZMW MWK XAF XOF SLE ETB EGP MAD USD EUR GBP CAD INR"


def _places_at_stripe(currency):
    return 2 if currency == "ISK" else 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2


# provider → currency → places behind the point of what it counts as one
PLACES = {
    "stripe": {code: _places_at_stripe(code) for code in _STRIPE.split()},
    "paystack": dict.fromkeys(("NGN", "GHS", "ZAR", "KES", "USD", "XOF", "RWF", "EGP"), 2),
    "flutterwave": dict.fromkeys(_FLUTTERWAVE.split(), 0),
}
_TENS = frozenset(THOUSANDTHS)  # Stripe's last digit of these is always 0
# The least that Stripe charges, where the account is paid out in the same currency:
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_LEAST = {
    **dict.fromkeys(("USD", "AUD", "BRL", "CAD", "CHF", "EUR", "INR", "JPY", "NZD", "SGD"), 50),
    **{"GBP": 30, "BGN": 100, "AED": 200, "MYR": 200, "PLN": 200, "RON": 200, "DKK": 250, "NOK": 300, "SEK": 300},
    **{"HKD": 400, "MXN": 1000, "THB": 1000, "CZK": 1500, "HUF": 17500},
}
WHOLE_NUMBERS = {"stripe": True, "paystack": True, "flutterwave": False}


def takes(provider, currency, cents=0):
    """Whether a provider takes a currency, and this amount of it exactly."""
    if currency not in PLACES[provider]:
        return False
    return not (provider == "stripe" and currency in _TENS and cents % 10)


def charges(provider, currency, cents=0):
    """Whether a provider takes a currency, and lets people pay this amount of it."""
    is_enough = provider != "stripe" or not cents or cents >= _LEAST.get(currency, 0)
    return is_enough and takes(provider, currency, cents)


def rounded(cents, currency):
    """So much of a part that goes back as Stripe can count, a few fils more at most; a payment can't be left with less,
    since what came was counted so too: https://docs.stripe.com/currencies#three-decimal"""
    return -(-cents // 10) * 10 if currency in _TENS else cents


def to_provider(provider, cents, currency):
    """Minor units of ISO 4217 as the provider wants them: an int, or for Flutterwave a decimal text.
    Refuses with ValueError what it doesn't take."""
    if not takes(provider, currency, cents):
        raise ValueError(f"{provider} doesn't take {cents} of {currency}")
    amount = Decimal(cents).scaleb(PLACES[provider][currency] - digits(currency))
    return int(amount) if WHOLE_NUMBERS[provider] else format(amount, "f")


def from_provider(provider, amount, currency):
    """The way back, from a number or its text. Refuses with ValueError what can't be counted in minor units."""
    currency = str(currency).upper()
    if currency not in PLACES[provider]:
        raise ValueError(f"{provider} has no {currency}")
    cents = Decimal(str(amount)).scaleb(digits(currency) - PLACES[provider][currency])
    if not cents.is_finite() or cents != cents.to_integral_value() or cents < 0:
        raise ValueError(f"{amount!r} is no amount of {currency}")
    return int(cents)
