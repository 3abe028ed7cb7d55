"""What the bench does with flyers, as strangers do it over HTTP: have copies kept, which the lane draws, and look at
pages meanwhile.

`python -m bench.flyers seed FOLDER`, as a process of its own.
"""

import contextlib
import io
import json
import re
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench.guildhall import EMAIL, SLUG, file
from bench.load import LoadError, fetch, request, strolled
from bench.servers import Server

CAMPAIGN = "bench"
PEOPLE = 200  # who look at pages while the lane is busy
AHEAD = 16  # flyers that wait meanwhile
BOUNDARY = "bench-of-flyers"


def photo() -> bytes:
    """Three million pixels, as detailed as a phone's."""
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((1000, 750), 40).convert("RGB").resize((2000, 1500)).save(out, "JPEG", quality=88)
    return out.getvalue()


@dataclass(frozen=True)
class Busy:
    """Of pages that were looked at while the lane had work: the 99th of a hundred, and the most memory."""

    p99_ms: float
    memory_mb: float


class Makers:
    """Strangers on the page of the campaign of `seed`, each from an address of their own."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.photo, self.numbers = server, photo(), count()
        # One for all: whoever opens it reads what a hundred tables are, and a look at it costs more than a photo sent.
        self.rows = sqlite3.connect(file(folder), timeout=30, check_same_thread=False)
        shown = fetch(server.port, self._page())
        found = [re.search(rf'name="{name}" value="([^"]+)'.encode(), shown) for name in ("token", "version")]
        if not all(found):
            raise LoadError(f"nothing can be made there: {shown[:1500]!r}")
        self.token, self.version = (one[1].decode() for one in found)  # type: ignore[index]

    def _page(self) -> bytes:
        return request("GET", f"/flyers/{CAMPAIGN}")

    def keeping(self, number: int) -> bytes:
        """The request that has one of them kept: a photo of three million pixels as it is, and a name."""
        words = {"token": self.token, "version": self.version, "form_key": f"tab{number}"}
        words |= {"f_name": f"Ada Lovelace {number}", "zoom": "1.2", "turn": "7"}
        part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
        body = "".join(f'{part}"{name}"\r\n\r\n{text}\r\n' for name, text in words.items())
        body += f'{part}"photo"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Sec-Fetch-Site": "same-origin"}
        headers |= {"X-Requested-With": "fetch", "X-Forwarded-For": f"93.{number // 250 % 250}.{number % 250}.7"}
        first, last = body.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
        headers["Content-Length"] = str(len(first) + len(self.photo) + len(last))
        head = request("POST", f"/flyers/{CAMPAIGN}", headers).replace(b"text/html", b"application/json", 1)
        return b"".join((head, first, self.photo, last))

    def _in_state(self, state: str) -> int:
        return self.rows.execute("SELECT count(*) FROM flyer WHERE state = ?", (state,)).fetchone()[0]

    def drawn_per_second(self, count: int) -> float:
        """So many sent by eight at once, until the last of them is drawn."""
        before, left = self._in_state("ready"), [next(self.numbers) for _ in range(count)]

        def send() -> None:
            with contextlib.suppress(IndexError):
                while True:
                    fetch(self.server.port, self.keeping(left.pop()), status=202)

        began = time.perf_counter()
        with _threads(send, 8):
            pass
        while self._in_state("pending"):
            time.sleep(0.02)
        taken = time.perf_counter() - began
        if self._in_state("ready") != before + count:
            raise LoadError("not all were drawn")
        return count / taken

    def cached_ms(self, count: int) -> float:
        """How long the picture takes of what was made already: sent again it is the same, and nothing is drawn."""
        made, taken = self._in_state("ready"), []
        answers = (fetch(self.server.port, self.keeping(number), status=202) for number in range(count))
        for there in [json.loads(answer.partition(b"\r\n\r\n")[2])["image"] for answer in answers]:
            began = time.perf_counter()
            fetch(self.server.port, request("GET", there))
            taken.append(time.perf_counter() - began)
        if self._in_state("ready") != made or self._in_state("pending"):
            raise LoadError("the same was drawn again")
        return 1000 * statistics.median(taken)

    def looked_at(self, seconds: float) -> Busy:
        """People who each ask for a page a second, while flyers wait to be drawn all the time."""
        is_over, most = threading.Event(), [0.0]

        def send() -> None:
            while not is_over.wait(0.02):
                if self._in_state("pending") < AHEAD:
                    fetch(self.server.port, self.keeping(next(self.numbers)), status=202)

        def weigh() -> None:
            while not is_over.wait(0.25):
                most[0] = max(most[0], self.server.memory_mb())

        pages = [self._page(), request("GET", "/flyers"), request("GET", f"/f/{self._newest()}")]
        with _threads(send, 2, is_over), _threads(weigh, 1, is_over):
            result = strolled(self.server.port, pages, PEOPLE, seconds)
        return Busy(result.percentile_ms(0.99), most[0])

    def _newest(self) -> str:
        return self.rows.execute("SELECT public_id FROM flyer WHERE state = 'ready'").fetchone()[0]


@contextlib.contextmanager
def _threads(work: Callable[[], None], count: int, is_over: threading.Event | None = None) -> Iterator[None]:
    workers = [threading.Thread(target=work) for _ in range(count)]
    for worker in workers:
        worker.start()
    yield
    if is_over:
        is_over.set()
    for worker in workers:
        worker.join()


def seed(folder: Path) -> None:
    """A template that is published, and a campaign that runs."""
    import models
    from bench.within import opened, people
    from database.clock import now
    from database.scope import inside
    from database.transactions import writes
    from domain.base import configuration
    from domain.flyers.organizing import campaigns, templates
    from domain.lists import rows
    from domain.organizations import organizations

    configuration.use(configuration.load())
    with opened(folder, fills=True):
        writes(people)()
        owner = organizations.reach(models.User.get(models.User.email_norm == EMAIL), SLUG)
        with inside(owner.organization):
            template = rows.create(templates.rules, {"name": "I'm going"}, by=owner)
            templates.publish(template.id, by=owner)
            times = {"starts_at": f"{now().year - 1}-01-01T10:00Z", "ends_at": "2199-01-01T10:00Z"}
            campaign = rows.create(campaigns.rules, {"name": CAMPAIGN.title()} | times, by=owner)
            campaigns.choose_template(campaign.id, str(template.id), by=owner)
            campaigns.schedule(campaign.id, by=owner)


if __name__ == "__main__":
    seed(Path(sys.argv[2]))
