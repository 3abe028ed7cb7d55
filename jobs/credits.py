"""What the clock does to credits. A spend does the same for its organization by itself."""

from domain.entitlements import credits

BATCH = 100


def resets():
    return credits.reset_stale(BATCH)


def lapses():
    return credits.lapse(BATCH)
