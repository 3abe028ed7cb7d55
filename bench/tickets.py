"""What the bench does with events: an event with many good tickets, its page, orders and check-ins over HTTP.

`python -m bench.tickets seed FOLDER COUNT|wait FOLDER|holds FOLDER SECONDS|pdf`, as processes of their own.
"""

import json
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.guildhall import EMAIL, ENVIRONMENT, FORM, SLUG, Owner
from bench.load import Load, LoadError, connected, cookies, fetch, request
from bench.servers import Server

SEEN = 303
TICKETS = 100  # of one PDF


def _network(token: str) -> str:
    """An address of a network of its own, as strangers have."""
    number = zlib.crc32(token.encode())
    return f"93.{number >> 8 & 255}.{number & 255}.7"


class Sale:
    """The event of `seeded` on a server: what strangers and the phone at its door ask."""

    MOST = 600  # orders a second

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.told = server, json.loads((folder / "event.json").read_text())

    def page(self) -> bytes:
        return request("GET", f"/e/{self.told['slug']}")

    def poll(self) -> Load:
        """What somebody in line asks every few seconds; the first who asks has the line read."""
        load = Load(repeat(request("GET", self.told["poll"])), clients=8, contains=b'{"place": 1}')
        ends = time.monotonic() + 20
        while load.contains not in fetch(self.server.port, request("GET", self.told["poll"])):
            if time.monotonic() > ends:
                raise LoadError("the line isn't read")
            time.sleep(0.1)
        return load

    def tokens(self, count: int) -> Iterator[str]:
        """What so many strangers' forms bear, old enough that a person can have pressed."""
        pages = [fetch(self.server.port, self.page()) for _ in range(count)]
        time.sleep(2)
        return (re.search(rb'name="form_key" value="([^"]+)', page)[1].decode() for page in pages)  # type: ignore[index]

    def order(self, ask: Callable[..., bytes], token: str) -> None:
        """A stranger's whole way: hold a ticket, say who, and have it."""
        wish = urlencode({f"t{self.told['tier']}": "1", "form_key": token}).encode()
        came = FORM | {"X-Forwarded-For": _network(token)}
        held = ask(request("POST", f"/e/{self.told['slug']}/orders", came, wish), status=SEEN)
        there = _location(held)
        if not there.startswith("/orders/"):
            raise LoadError(f"no ticket was held: {there}")
        who = urlencode({"name": "Ada Lovelace", "email": f"{token}@example.org"}).encode()
        headers = came | {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies(held).items())}
        ask(request("POST", there, headers, who), status=SEEN)

    def check_ins(self, owner: Owner) -> Iterator[bytes]:
        """Each good ticket once, as the door's page sends it."""
        door = f"/door/{self.told['event']}"
        opened = fetch(
            self.server.port, request("POST", f"{door}/phone", FORM | owner.headers, b"name=Phone"), status=SEEN
        )
        held = dict(pair.split("=", 1) for pair in owner.headers["Cookie"].split("; ")) | cookies(opened)
        kept = "; ".join(f"{name}={value}" for name, value in held.items())
        page = fetch(self.server.port, request("GET", door, {"Cookie": kept}))
        token = re.search(rb'data-token="([^"]+)"', page)
        if token is None:
            raise LoadError("the door didn't open")
        headers = {"Cookie": kept, "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        for number, code in enumerate(self.told["codes"]):
            scan = {"nonce": f"bench{number}", "code": code, "kind": "entry", "at": int(time.time() * 1000)}
            said = {"token": token[1].decode(), "drift": 0, "scans": [scan], "waiting": 0}
            yield request("POST", f"{door}/scans", headers, json.dumps(said).encode())


def _location(answer: bytes) -> str:
    found = re.search(rb"(?i)\r\nlocation: ([^\r]+)", answer)
    if found is None:
        raise LoadError(f"no way on: {answer[:400]!r}")
    return found[1].decode()


def _seed(folder: Path, count: int) -> None:
    import models
    from bench.within import opened, people
    from database.scope import inside
    from database.transactions import writes
    from domain.base import configuration
    from domain.events import codes, events, holds, passes, payments, tiers
    from domain.lists import rows
    from domain.organizations import organizations

    configuration.use(configuration.load())
    with opened(folder, fills=True):
        writes(people)()
        owner = organizations.reach(models.User.get(models.User.email_norm == EMAIL), SLUG)
        with inside(owner.organization):
            times = {"starts_at": "2020-01-01T10:00Z", "ends_at": "2199-01-01T10:00Z"}
            event = rows.create(events.rules, {"title": "Bench", "venue": "Old Mill"} | times, by=owner)
            form = {"name": "Day ticket", "size": "900000", "most": "100"}
            tier = rows.create(tiers.rules_in("EUR"), form, by=owner, parent=event.id)
            events.publish(event.id, by=owner)
            signed = []
            for number in range(0, count, 100):
                order = holds.hold(event.id, {tier.id: min(100, count - number)})
                holds.say_who(order.id, {"name": "Ada Lovelace", "email": f"guest{number}@example.org"})
                payments.take_free(order.id)
                signed += [codes.code(event.id, tier.id, one.serial) for one in passes.of(order)]
            told = {"event": event.public_id, "slug": event.slug, "tier": tier.id, "codes": signed}
            told |= {"organization": owner.organization.id, "id": event.id}
            event = rows.create(events.rules, {"title": "Sold out", "venue": "Old Mill"} | times, by=owner)
            tier = rows.create(tiers.rules_in("EUR"), {"name": "Ticket", "size": "1"}, by=owner, parent=event.id)
            events.publish(event.id, by=owner)
            told["waited"] = event.id, tier.id
        (folder / "event.json").write_text(json.dumps(told))


def _wait(folder: Path) -> None:
    """Somebody waits for the one ticket of the other event, and polls from now on, or the place would lapse."""
    from bench.within import opened
    from database.scope import inside
    from domain.base import configuration
    from domain.events.line import places, polls

    configuration.use(replace(configuration.load(), secret_key=ENVIRONMENT["SECRET_KEY"]))  # addresses end with a hash
    told = json.loads((folder / "event.json").read_text())
    event, tier = told["waited"]
    with opened(folder), inside(told["organization"]):
        told["poll"] = [polls.poll_address(places.join(event, {tier: 1})) for _ in range(2)][1]
    (folder / "event.json").write_text(json.dumps(told))


def _holds(folder: Path, seconds: float) -> None:
    """Buyers who get in line and hold a ticket each, as soon as the last of theirs is durable: how many a second, and
    the 99th of a hundred in milliseconds."""
    from bench.within import at_once, opened
    from database.scope import inside
    from domain.base import configuration
    from domain.events import stock
    from domain.events.line import forms, places

    configuration.use(configuration.load())
    told, taken = json.loads((folder / "event.json").read_text()), []
    keys = [forms.fresh_token() for _ in range(int(seconds * 20_000))]

    def work(number: int) -> None:
        with inside(told["organization"]):
            while time.perf_counter() < deadline:
                began, turn = time.perf_counter(), len(taken)
                address = f"93.{number}.{turn % 250}.7"
                place = places.join(told["id"], {told["tier"]: 1}, key=keys.pop(), address=address)
                if not place.order_id:
                    raise LoadError("nothing was held")
                taken.append(time.perf_counter() - began)
        house.close()

    with opened(folder) as house:
        deadline = time.perf_counter() + seconds
        elapsed = at_once(work)
        with inside(told["organization"]):
            if wrong := stock.check(told["id"]):
                raise LoadError(str(wrong))
    print(json.dumps({"rate": len(taken) / elapsed, "p99_ms": 1000 * sorted(taken)[int(len(taken) * 0.99)]}))


def _pdf() -> None:
    """The median of some hundred-page PDFs, in milliseconds, with the typesetter running."""
    from domain.events.carriers import prints

    code = "GH1:" + "A7Q2" * 31 + "A7Q"
    wanted = [
        prints.Ticket(code, f"3f9a11c022de9b{n:02x}", "Day ticket", f"Ada Lovelace {n}", (), n, TICKETS)
        for n in range(1, TICKETS + 1)
    ]
    about = {"title": "Bench", "organization": "Acme", "when": "Sat 3 May, 19:00", "place": "Hall", "notes": ()}
    taken = []
    for _ in range(6):
        began = time.perf_counter()
        prints.tickets(passes=wanted, **about)
        taken.append(time.perf_counter() - began)
    prints.press.end()
    print(json.dumps({"ms": 1000 * sorted(taken[1:])[2]}))


def orders_per_second(shop: Any, seconds: float, clients: int) -> float:
    """Whole orders a second at a shop, ours or the peer's, by so many strangers at once with a connection each; 0 where
    there is none."""
    if shop is None:
        return 0
    left = list(shop.tokens(int(shop.MOST * seconds) + 20))
    began = time.perf_counter()

    def buy(_: int) -> int:
        done = 0
        with connected(shop.server.port) as ask:
            while left and time.perf_counter() < began + seconds:
                shop.order(ask, left.pop())
                done += 1
        return done

    with ThreadPoolExecutor(clients) as strangers:  # who is refused ends the measure
        done = sum(strangers.map(buy, range(clients)))
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["seed", folder, count]:
            _seed(Path(folder), int(count))
        case ["wait", folder]:
            _wait(Path(folder))
        case ["holds", folder, seconds]:
            _holds(Path(folder), float(seconds))
        case ["pdf"]:
            _pdf()
        case _:
            sys.exit(__doc__)
