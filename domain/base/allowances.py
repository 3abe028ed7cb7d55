"""How often: what a place, a person or an address may try and ask for, counted in memory or in Redis.

Only what was wrong uses it up: each try is counted before it is judged, and given back when it was right
(`forgive`), so that many colleagues behind one address don't stand in each other's way. A browser that was
signed in to the account before (`known`) is counted apart from strangers: their guesses lock nobody out.
"""

import contextvars
import functools
import logging
import time
from typing import Any

from limits import WindowStats, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import STRATEGIES, FixedWindowRateLimiter

from database.transactions import writes
from domain import Refused
from domain.base import audit, configuration
from domain.fields.email import normalized

log = logging.getLogger("guildhall.allowances")


class TooOften(Refused):
    code, status = "RATE_LIMITED", 429
    about_form = False

    def __init__(self, seconds, name="", otherwise=""):
        super().__init__(f"Too many tries. Wait {seconds} seconds, then try again{otherwise}.", retry_after=seconds)
        self.name = name


# What a storage is asked with: one that doesn't answer must not hold pages up.
PROMPT: dict[str, Any] = {"wrap_exceptions": True, "socket_timeout": 0.2, "socket_connect_timeout": 0.2}
ASKED_AGAIN = 5  # seconds in which a storage that was away isn't asked

_away_until = float("-inf")


def is_away():
    """Whether the storage (Redis) didn't answer this process when it was asked last."""
    return time.monotonic() < _away_until


def _asked(ask, otherwise):
    """What the storage says to `ask()`, or what `otherwise()` does while it is away."""
    global _away_until
    if not is_away():
        try:
            return ask()
        except StorageError as error:
            log.warning("The counts of tries can't be reached: %s", error.storage_error)
            _away_until = time.monotonic() + ASKED_AGAIN
    return otherwise()


class Tries(FixedWindowRateLimiter):
    """Counts in the storage that all processes share; while that is away, here, by a share of each limit."""

    def __init__(self, storage):
        super().__init__(storage)
        self.here = FixedWindowRateLimiter(MemoryStorage())

    def hit(self, item, *key, cost=1):
        asked = super().hit
        return _asked(lambda: asked(item, *key, cost=cost), lambda: self.here.hit(_share(item), *key, cost=cost))

    def test(self, item, *key, cost=1):
        asked = super().test
        return _asked(lambda: asked(item, *key, cost=cost), lambda: self.here.test(_share(item), *key, cost=cost))

    def get_window_stats(self, item, *key):
        asked = super().get_window_stats
        return _asked(lambda: asked(item, *key), lambda: self.here.get_window_stats(_share(item), *key))

    def take_back(self, item, *key):
        """Undo one hit, unless there is none."""
        used = self.get_window_stats(item, *key).remaining < (_share(item) if is_away() else item).amount
        if used:
            self.hit(item, *key, cost=-1)


class Pages(FixedWindowRateLimiter):
    """The same for pages, of which anybody may ask as many as they like while the storage is away."""

    def hit(self, item, *key, cost=1):
        asked = super().hit
        return _asked(lambda: asked(item, *key, cost=cost), lambda: True)

    def test(self, item, *key, cost=1):
        asked = super().test
        return _asked(lambda: asked(item, *key, cost=cost), lambda: True)

    def get_window_stats(self, item, *key):
        asked = super().get_window_stats
        return _asked(lambda: asked(item, *key), lambda: WindowStats(time.time(), item.amount))


STRATEGIES["pages"] = Pages  # by this name Flask-Limiter finds it


def _share(item):
    most = max(1, item.amount // configuration.active.workers)
    return type(item)(most, item.multiples, item.namespace)


class Counter:
    """The counts, where RATE_LIMIT_STORAGE has them; a test turns them on."""

    enabled, _tries = True, None

    @property
    def limiter(self):
        return self._tries or _limiter(configuration.active.rate_limit_storage)

    def counts_in(self, storage):
        """Count where the application counts its pages."""
        self._tries = Tries(storage)

    def reset(self):
        global _away_until
        _away_until = float("-inf")
        self.limiter.storage.reset()


@functools.cache
def _limiter(url):
    return Tries(storage_from_string(url, **PROMPT))


limiter = Counter()

# What one person, address or organization may use up, from wherever it is asked.
SPENT = {
    "sessions": parse("10/minute"),  # sign-ins of a user
    "second_factors": parse("20/hour"),  # tries of a user: whoever has the password can begin anew at will
    "letters": parse("3/hour"),  # that strangers cause to an address, whoever asks and whether or not it has an account
    "invitations": parse("20/hour"),  # letters of an organization, whoever sends them
    "automation_letters": parse("200/hour"),  # that automations of an organization write
    "automation_letters_to": parse("5/hour"),  # and of them to one address
    "automation_webhooks": parse("1000/hour"),  # messages that they leave for addresses outside
    "comments": parse("30/minute"),  # of a person: each is told to others by letter
    "file_links": parse("300/hour"),  # how often one file is got by links to it
    "feeds": parse("60/hour"),  # how often one calendar link is read
    "public_pages": parse("120/minute"),  # what one link shows to one network
    "public_searches": parse("30/minute"),  # of these, what looks at rows one by one
    "link_passwords": parse("10/15 minutes"),  # wrong ones of one link from one network
    "all_link_passwords": parse("100/15 minutes"),  # and from everywhere
    "answers": parse("5/minute"),  # answers from one network: beyond these two they wait to be looked at
    "answers_of_a_day": parse("50/day"),
    "answers_of_a_link": parse("120/hour"),  # the same of one link from everywhere
    "waiting_answers": parse("60/hour"),  # that wait, from one network: beyond these two they are refused
    "waiting_answers_of_a_link": parse("1000/day"),
    "answers_again": parse("60/hour"),  # how often one's own answer is seen or changed
    "calls": parse("30000/minute"),  # what a program asks with one key: CALL for each time, and one for each row
    "wrong_keys": parse("20/15 minutes"),  # wrong keys of one beginning from one network
    "all_wrong_keys": parse("200/15 minutes"),  # and of any beginning
    "beacons": parse("600/minute"),  # what browsers of one network tell of flyers; a hall full of people tells fewer
    "checkouts": parse("10/hour"),  # orders of tickets or plans that a person begins; what was sold out isn't counted
    "network_checkouts": parse("120/hour"),  # and strangers of one network: a hall full of people is one
    "event_codes": parse("60/15 minutes"),  # wrong codes of an event from one network
    "imports": parse("60/hour"),  # files that a person brings
    "pictures": parse("20/hour"),  # of themselves that a person tries
    "backers": parse("5/minute"),  # tries at the code of a backer (a name in lower case)
    "states": parse("10/minute"),  # changes of the site's state by an admin
    "guesses": parse("100/15 minutes"),  # wrong passwords for an address, from everywhere
}

CALL = 10  # what one call of a program costs besides its rows

_NOTED = parse("1/minute")

# Whether the asking browser was signed in to the account before that it names: views fill it in.
known: contextvars.ContextVar = contextvars.ContextVar("known", default=False)


def spend(name, whose, cost=1):
    """Count one (or what it costs) against the named limit of somebody or something, or refuse with TooOften."""
    hit(limit_of(name, whose), name, *_counted_by(name, whose), cost=cost)


def spend_all(*charges):
    """Count several, (name, whose, cost) each, or none of them: refuses with TooOften where one is refused."""
    for name, whose, cost in charges:
        if is_spent(name, whose, cost):
            raise too_often(name, whose)
    for place, (name, whose, cost) in enumerate(charges):
        try:
            spend(name, whose, cost)
        except TooOften:  # somebody else was faster
            for counted, of, times in charges[: place + 1]:
                for _ in range(times):
                    give_back(counted, of)
            raise


def charge(name, whose, cost):
    """Count what was had already; only what comes next is refused."""
    if limiter.enabled and cost:
        limiter.limiter.hit(limit_of(name, whose), name, *_counted_by(name, whose), cost=cost)


def is_spent(name, whose, cost=1):
    """Whether one more (or what it costs) would be refused."""
    limit = limit_of(name, whose)
    return limiter.enabled and not limiter.limiter.test(limit, name, *_counted_by(name, whose), cost=cost)


def too_often(name, whose):
    """The refusal by a limit that is spent, to be raised."""
    return _too_often(limit_of(name, whose), name, *_counted_by(name, whose))


def standing(name, whose):
    """(when it begins anew, in seconds of the clock; how many are left)"""
    found = limiter.limiter.get_window_stats(limit_of(name, whose), name, *_counted_by(name, whose))
    return found.reset_time, max(0, found.remaining)


def give_back(name, whose):
    """What `spend` counted wasn't wrong."""
    forgive(limit_of(name, whose), name, *_counted_by(name, whose))


def limit_of(name, whose):
    """The named limit as it is for somebody: a key may have less of its own."""
    most = getattr(whose, "rate", None) if name == "calls" else None
    return type(SPENT[name])(most, SPENT[name].multiples) if most else SPENT[name]


def _counted_by(name, whose):
    apart = ("known",) if known.get() and name in ("letters", "second_factors") else ()
    return (str(getattr(whose, "id", whose)), *apart)


def spend_letter(email):
    """Count a letter that anybody can cause to an address, however it is written, or refuse with TooOften."""
    spend("letters", normalized(email)[:254])


def give_back_letter(email):
    """What `spend_letter` counted wasn't caused."""
    give_back("letters", normalized(email)[:254])


def hit(limit, name, *key, otherwise="", cost=1):
    """Count one, or refuse with TooOften, which says `otherwise` too."""
    if limiter.enabled and not limiter.limiter.hit(limit, name, *key, cost=cost):
        raise _too_often(limit, name, *key, otherwise=otherwise)


def _too_often(limit, name, *key, otherwise=""):
    ends = limiter.limiter.get_window_stats(limit, name, *key).reset_time
    return TooOften(max(1, int(ends - time.time()) + 1), name, otherwise)


@writes
def note(name, summary, *, by=None):
    """Log that somebody came to a limit, or sent what no page of ours sends: once a minute for each kind and place."""
    came = audit.origin.get() or {}
    if not limiter.enabled or limiter.limiter.hit(_NOTED, "noted", name, came.get("ip") or ""):
        audit.record("security.limited", summary, by=by, target=("limit", name[:80]), result="denied")


def forgive(limit, name, *key):
    """Take one back that `hit` has counted."""
    if limiter.enabled:
        limiter.limiter.take_back(limit, name, *key)
