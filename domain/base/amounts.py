"""How an amount is written."""

# ISO 4217: currencies without minor units, and those with a thousand of them.
WHOLE = (
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
)
THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "NGN": "₦", "JPY": "¥", "INR": "₹", "KRW": "₩", "GHS": "GH₵"}


def written(amount, currency):
    """An amount of minor units as people read it: $12.00, ¥500, −€3.20."""
    currency = (currency or "USD").upper()
    sign, amount = "−" if amount < 0 else "", abs(amount)
    if currency in WHOLE:
        figure = f"{amount:,}"
    elif currency in THOUSANDTHS:
        figure = f"{amount // 1000:,}.{amount % 1000:03d}"
    else:
        figure = f"{amount // 100:,}.{amount % 100:02d}"
    return f"{sign}{SYMBOLS.get(currency, currency + ' ')}{figure}"
