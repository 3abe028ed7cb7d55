"""The percent that a code takes off is kept with as many places as its event's currency has, as an amount is."""

from database.migrations import run

# As when it was written: those with another number of places than two.
WHOLE = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"),
    "XPF",
)
THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def up(migrator, db):
    _scale(db, "value / 100", "value * 10")


def down(migrator, db):
    _scale(db, "value * 100", "value / 10")


def _scale(db, whole, thousandths):
    for currencies, value in ((WHOLE, whole), (THOUSANDTHS, thousandths)):
        named = ", ".join(f"'{currency}'" for currency in currencies)
        run(
            db,
            f"""UPDATE "voucher" SET value = {value} WHERE discount = 'percent'
            AND event_id IN (SELECT id FROM "event" WHERE currency IN ({named}))""",
        )
