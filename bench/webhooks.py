"""Servers that take Stripe's webhooks, side by side: each answers a load, and must then have kept what it answered."""

from collections.abc import Callable, Iterator

from bench.load import Load, LoadError, drive
from bench.servers import Server

KNOWN = 100  # subscriptions, of which every server has heard before it is measured
CLIENTS = 8
LONGEST = 60  # seconds, to hear of them


class Taker:
    """One such server. At `most` so many events a second are prepared for it; `kept()` counts those it has, and
    `settle()` waits until it is at none of them any more."""

    def __init__(
        self,
        name: str,
        server: Server,
        updates: Iterator[tuple[str, bytes]],
        most: int,
        kept: Callable[[], int],
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.name, self.server, self.updates, self.most = name, server, updates, most
        self.kept, self.settle = kept, settle
        self.answered = 0
        self._post(KNOWN, LONGEST)

    def rate(self, seconds: float) -> float:
        """Events a second, each answered 200. Signed before the clock starts: signing is the sender's work."""
        return self._post(int(self.most * seconds), seconds)

    def check(self) -> None:
        kept = self.kept()
        if kept != self.answered:
            raise LoadError(f"{self.name} answered {self.answered} webhooks and kept {kept}")

    def _post(self, count: int, seconds: float) -> float:
        load = [next(self.updates)[1] for _ in range(count)]
        result = drive(self.server.port, Load(load, clients=CLIENTS), seconds=seconds)[0]
        self.answered += len(result.answered)
        self.settle()
        if seconds < LONGEST and len(result.answered) == count:
            raise LoadError(f"too few webhooks were prepared for {self.name}")
        return result.rate
