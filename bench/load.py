"""A keep-alive HTTP load client on one thread: raw sockets, prebuilt requests, every answer checked."""

import contextlib
import heapq
import itertools
import re
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

HOST = "127.0.0.1"
STALL_SECONDS = 60


class LoadError(AssertionError):
    pass


def request(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Accept: text/html"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


@dataclass(frozen=True)
class Load:
    """What `clients` connections ask for: the requests in turn, until they or the time run out."""

    requests: Iterable[bytes]
    clients: int = 8
    status: int = 200
    contains: bytes = b""


@dataclass
class Result:
    latencies: list[float] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


class _Client:
    """One connection with at most one request on its way."""

    def __init__(self, port: int, load: Load, source: "_Source", result: Result) -> None:
        self.port, self.load, self.source, self.result = port, load, source, result
        self.status = str(load.status).encode()
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection((HOST, self.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.received = b""

    def send_next(self) -> bool:
        following = next(self.source, None)
        if following is None:
            return False
        self.index, message = following
        self.sent_at = time.perf_counter()
        if self.socket.send(message) != len(message):
            raise LoadError("the request did not fit the socket's buffer")
        return True

    def read(self) -> bool:
        """Take what has arrived; true when it completes the answer."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionResetError("the server closed the connection inside an answer")
        if self.received:
            data = self.received + data
        if not _complete(data):
            self.received = data
            return False
        self.result.latencies.append(time.perf_counter() - self.sent_at)
        self.result.answered.append(self.index)
        self.received = b""
        if data[9:12] != self.status:
            raise LoadError(f"expected {self.load.status}, got {data[:1500]!r}")
        if self.load.contains and self.load.contains not in data:
            raise LoadError(f"{self.load.contains!r} is not in the answer {data[:1500]!r}")
        if b"\r\nconnection: close" in data[:1000].lower():
            self.socket.close()
            self.connect()
        return True


class _Source:
    def __init__(self, requests: Iterable[bytes]) -> None:
        self.numbered = enumerate(requests)
        self.open = True

    def __iter__(self) -> "_Source":
        return self

    def __next__(self) -> tuple[int, bytes]:
        if not self.open:
            raise StopIteration
        return next(self.numbered)


def _complete(data: bytes) -> bool:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        line_end = head.find(b"\r\n", at + 2)
        length = int(head[at + 17 : line_end if line_end > 0 else end])
        if len(data) > end + 4 + length:
            raise LoadError(f"more bytes than the answer announced: {data[:300]!r}")
        return len(data) == end + 4 + length
    if b"\r\ntransfer-encoding: chunked" in head:
        return data.endswith(b"\r\n0\r\n\r\n")
    return data[9:12] in (b"204", b"304")


def drive(port: int, *loads: Load, seconds: float, until_broken: bool = False) -> list[Result]:
    """Run the loads side by side for `seconds`, then let the requests on their way finish.

    With `until_broken` a connection that dies ends the run instead of failing it: the server is being killed.
    """
    results = [Result() for _ in loads]
    sources = [_Source(load.requests) for load in loads]
    clients = {}
    poll = select.epoll()
    started = time.perf_counter()
    deadline = started + seconds
    busy = 0

    def watch(client: _Client) -> None:
        clients[client.socket.fileno()] = client
        poll.register(client.socket.fileno(), select.EPOLLIN)

    try:
        for load, source, result in zip(loads, sources, results, strict=True):
            for _ in range(load.clients):
                client = _Client(port, load, source, result)
                watch(client)
                busy += client.send_next()
        while busy:
            events = poll.poll(STALL_SECONDS)
            if not events:
                raise LoadError(f"no answer for {STALL_SECONDS} s")
            if time.perf_counter() >= deadline:
                for source in sources:
                    source.open = False
            for descriptor, _ in events:
                client = clients[descriptor]
                if not client.read():
                    continue
                if client.socket.fileno() != descriptor:
                    del clients[descriptor]
                    watch(client)
                client.result.seconds = time.perf_counter() - started
                busy -= not client.send_next()
    except (ConnectionError, TimeoutError):
        if not until_broken:
            raise
    finally:
        for client in clients.values():
            client.socket.close()
        poll.close()
    return results


def strolled(port: int, messages: Iterable[bytes], people: int, seconds: float) -> Result:
    """So many connections, each asking one of the messages a second, whatever the answer to the one before took: one
    that is late counts from when it was due."""
    result = Result()
    load = Load(itertools.cycle(messages))
    source = _Source(load.requests)
    clients = [_Client(port, load, source, result) for _ in range(people)]
    started = time.perf_counter()
    due = [(started + at / people, at) for at in range(people)]
    poll = select.epoll()
    asked: dict[int, int] = {}
    try:
        while due or asked:
            while due and due[0][0] <= time.perf_counter():
                at, number = heapq.heappop(due)
                if at < started + seconds:
                    clients[number].send_next()
                    clients[number].sent_at = at
                    asked[clients[number].socket.fileno()] = number
                    poll.register(clients[number].socket.fileno(), select.EPOLLIN)
            wait = max(0.0, due[0][0] - time.perf_counter()) if due else STALL_SECONDS if asked else 0
            for descriptor, _ in poll.poll(wait):
                client = clients[asked[descriptor]]
                if client.read():
                    poll.unregister(descriptor)
                    heapq.heappush(due, (client.sent_at + 1, asked.pop(descriptor)))
    finally:
        for client in clients:
            client.socket.close()
        poll.close()
    result.seconds = time.perf_counter() - started
    return result


SLOW_CLIENTS = 200
SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
SLOW_BODY = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"


def dripped(port: int, message: bytes, seconds: float) -> Result:
    """Ask `message` every 50 ms, each time on a connection of its own, while others drip a byte a second.

    A dripping connection that the server closes is opened anew.
    """
    slow: list[socket.socket] = []
    result = Result()
    started = time.perf_counter()
    turns = int(seconds * 20)
    try:
        for turn in range(turns):
            _drip(port, slow, turn % 20)
            began = time.perf_counter()
            fetch(port, message)
            result.latencies.append(time.perf_counter() - began)
            time.sleep(max(0.0, started + (turn + 1) / 20 - time.perf_counter()))
    finally:
        for connection in slow:
            connection.close()
    result.seconds = time.perf_counter() - started
    return result


def _drip(port: int, slow: list[socket.socket], turn: int) -> None:
    """One byte more from each twentieth of them."""
    while len(slow) < SLOW_CLIENTS:
        slow.append(_slow(port, len(slow)))
    for at in range(turn, SLOW_CLIENTS, 20):
        try:
            if select.select([slow[at]], [], [], 0)[0]:
                raise ConnectionResetError
            slow[at].send(b"x")
        except ConnectionError:
            slow[at].close()
            slow[at] = _slow(port, at)


def _slow(port: int, number: int) -> socket.socket:
    made = socket.create_connection((HOST, port), timeout=10)
    made.send(SLOW_BODY if number % 2 else SLOW_HEAD)
    return made


@contextlib.contextmanager
def connected(port: int) -> Iterator[Callable[..., bytes]]:
    """`ask(message, status=200)` on one connection that is kept, as a browser keeps it: one answer, head and body. Its
    status may be any if that is None."""
    with socket.create_connection((HOST, port), timeout=STALL_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ask(message: bytes, status: int | None = 200) -> bytes:
            received = b""
            connection.sendall(message)
            while not _complete(received):
                data = connection.recv(1 << 18)
                if not data:
                    raise ConnectionResetError("the server closed the connection inside an answer")
                received += data
            if status is not None and received[9:12] != str(status).encode():
                raise LoadError(f"expected {status}, got {received[:1500]!r}")
            return received

        yield ask


def fetch(port: int, message: bytes, status: int | None = 200) -> bytes:
    """The same on a connection of its own."""
    with connected(port) as ask:
        return ask(message, status)


def cookies(answer: bytes) -> dict[str, str]:
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    return dict(re.findall(r"(?im)^set-cookie: ([^=]+)=([^;\r\n]*)", head))
