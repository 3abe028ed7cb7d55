import re
from dataclasses import dataclass
from datetime import date

from domain.fields.kinds import Kind, Unfit, compatible

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = {
    "daily": "every day",
    "weekly": "every week",
    "monthly": "every month",
    "every weekday": "every week on monday, tuesday, wednesday, thursday, friday",
}
_EVERY = re.compile(r"every (?:(\d{1,3}) )?(day|week|month)s?(?: on (.+))?")
_AFTER = re.compile(r"(\d{1,3}) days? after (?:completion|it is completed|it was completed)")
_ENDS = re.compile(r"(.*?),?\s+(?:until (\d{4}-\d\d-\d\d)|(\d{1,3}) times)")
EXAMPLES = (
    *("every day", "every weekday", "every week on Monday, Thursday", "every 2 weeks", "every month on day 31"),
    *("3 days after completion", "every week, 10 times", "every month, until 2027-06-30"),
)


@dataclass(frozen=True)
class Rhythm:
    """When something comes again: every so many units, or so many days after it was completed («after»)."""

    every: int
    unit: str
    weekdays: tuple[int, ...] = ()  # of weeks, Monday is 0
    day: int | None = None  # of months; in a shorter one its last
    until: date | None = None
    times: int | None = None

    def __str__(self):
        if self.unit == "after":
            said = f"{self.every} {'day' if self.every == 1 else 'days'} after completion"
        else:
            said = f"every {self.unit}" if self.every == 1 else f"every {self.every} {self.unit}s"
        if self.weekdays:
            said += f" on {', '.join(WEEKDAYS[n] for n in self.weekdays)}"
        if self.day:
            said += f" on day {self.day}"
        return said + (f", until {self.until}" if self.until else "") + (f", {self.times} times" if self.times else "")


def rhythm(text):
    """A Rhythm out of what was typed. Refuses with Unfit."""
    said = " ".join(compatible(text[:200]).casefold().split())
    until = times = None
    if ends := _ENDS.fullmatch(said):
        said, times = ends[1], int(ends[3]) if ends[3] else None
        try:
            until = date.fromisoformat(ends[2]) if ends[2] else None
        except ValueError:
            raise Unfit("Write the last day as 2026-12-31.") from None
    said = _SHORT.get(said, said)
    if times == 0:
        raise Unfit("Write how many times it comes: 1 or more.")
    if after := _AFTER.fullmatch(said):
        return Rhythm(_count(after[1]), "after", until=until, times=times)
    found = _EVERY.fullmatch(said)
    if found is None:
        raise Unfit(f"Write it like one of these: {'; '.join(EXAMPLES[:6])}.")
    weekdays, day = (), None
    if found[3] and found[2] == "week":
        weekdays = tuple(sorted({_weekday(word) for word in re.split(r",? and |[,\s]+", found[3]) if word}))
    elif found[3] and found[2] == "month":
        number = re.fullmatch(r"(?:day |the )?(\d\d?)(?:st|nd|rd|th|\.)?", found[3])
        day = int(number[1]) if number else 0
        if not 1 <= day <= 31:
            raise Unfit("Write the day of the month as a number, as in “every month on day 31”.")
    elif found[3]:
        raise Unfit("Days have no weekday: write “every week on Monday”.")
    return Rhythm(_count(found[1] or "1"), found[2], weekdays, day, until, times)


def _count(text):
    if not 1 <= int(text) <= 366:
        raise Unfit("Choose a number from 1 to 366.")
    return int(text)


def _weekday(word):
    found = [n for n, name in enumerate(WEEKDAYS) if len(word) > 1 and name.casefold().startswith(word)]
    if len(found) != 1:
        raise Unfit("Write weekdays in words, as in “every week on Monday, Thursday”.")
    return found[0]


@dataclass(frozen=True)
class Repeat(Kind):
    """How something comes again, in words: «every week on Monday, until 2026-12-31»."""

    name = "repeat"
    examples = EXAMPLES

    def read(self, text):
        return str(rhythm(text))
