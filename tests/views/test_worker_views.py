"""The worker on real sockets: slow clients hold nobody up, and everything else comes out as it does without it."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from gunicorn.arbiter import Arbiter

from database import housekeeping
from tests.browser.server import TOP, Server, free_port
from views.safety import worker

# Gunicorn with our worker, patient for shorter than the product is, and an application that shows what it was sent.
SMALL = """
import sys, time
from gunicorn.app.base import BaseApplication
from views.safety import worker

worker.SECONDS.update(head=1, body=1.5, sending=1)
worker.STOPPING = 1
worker.CONNECTIONS = 300
worker.UNSENT = 2_000_000

def app(environ, start):
    path = environ["PATH_INFO"]
    if path == "/stream":
        start("200 OK", [])
        return ((time.sleep(0.05), b"still here ")[1] for _ in iter(int, 1))
    if path == "/later":
        time.sleep(1)
    if path == "/large":
        start("200 OK", [("Content-Length", str(8 * 2**20))])
        return (b"x" * 2**20 for _ in range(8))
    body = b"" if path == "/unread" else environ["wsgi.input"].read()
    said = f"{environ['REQUEST_METHOD']} {path} {len(body)}".encode()
    start("200 OK", [("Content-Length", str(len(said)))])
    return [said]

class Small(BaseApplication):
    def load_config(self):
        for name, value in dict(bind=f"127.0.0.1:{sys.argv[1]}", threads=8, worker_class="views.safety.worker.Worker",
                                worker_connections=1100, keepalive=5, graceful_timeout=5, sendfile=False,
                                control_socket_disable=True).items():
            self.cfg.set(name, value)
    def load(self):
        return app

Small().run()
"""


@contextlib.contextmanager
def small(before=""):
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", before + SMALL, str(port)], cwd=TOP, stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.05)
        yield port, process
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


def loading(load, notify=lambda: None):
    """A worker that is about to load its application by `load()`."""
    made = object.__new__(worker.Worker)
    made.timeout, made.app, made.notify = 0.04, SimpleNamespace(wsgi=load), notify
    return made


def test_a_worker_that_loads_for_long_says_that_it_lives():
    is_heard = threading.Event()
    made = loading(lambda: is_heard.wait(30), is_heard.set)
    made.load_wsgi()
    assert made.wsgi is True


def test_a_start_that_is_refused_ends_the_server_with_the_sentence(capsys):
    def refused():
        raise housekeeping.CannotStart("Guildhall can't start: the database is away.")

    with pytest.raises(SystemExit) as ended:
        loading(refused).load_wsgi()
    assert ended.value.code == Arbiter.APP_LOAD_ERROR
    assert capsys.readouterr().err == "Guildhall can't start: the database is away.\n"


@pytest.fixture(scope="module")
def port():
    with small() as (port, _):
        yield port


@contextlib.contextmanager
def connections(port, count, first=b"", buffer=None):
    made = []
    try:
        for _ in range(count):
            connection = socket.socket()
            if buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            connection.settimeout(30)
            connection.connect(("127.0.0.1", port))
            connection.sendall(first)
            made.append(connection)
        yield made
    finally:
        for connection in made:
            connection.close()


@contextlib.contextmanager
def dripping(made, byte):
    over = threading.Event()

    def drip():
        while not over.wait(0.2):
            for connection in made:
                with contextlib.suppress(OSError):
                    connection.send(byte)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def ask(port, *pieces, pause=0.02):
    """All that the server answers, until it closes."""
    with connections(port, 1) as (connection,):
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause if len(pieces) > 1 else 0)
        return read_all(connection)


def read_all(connection):
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(1 << 20):
            answer += data
    return answer


def get(path, close=True, **more):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(["Connection: close"] if close else [])]
    return "\r\n".join([*lines, *(f"{k}: {v}" for k, v in more.items()), "", ""]).encode()


def post(length, path="/", *more):
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", *more]
    return "\r\n".join([*lines, *([f"Content-Length: {length}"] if length is not None else []), "", ""]).encode()


CHUNKS = ("Transfer-Encoding: chunked",)
DRIPS = {
    "a head": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"x"),
    "a body": (post(5000), b"x"),
    "chunks": (post(None, "/", *CHUNKS), b"1\r\nx\r\n"),
    "a body that waits to be asked for": (post(5000, "/", "Expect: 100-continue"), b"x"),
    "half of the next request": (get("/", close=False) + b"GET /next", b"x"),
}


@pytest.mark.parametrize("kind", DRIPS)
def test_report_08_clients_that_drip_stop_nobody(port, kind):
    first, byte = DRIPS[kind]
    with connections(port, 100, first) as made, dripping(made, byte):
        for _ in range(3):
            began = time.monotonic()
            assert ask(port, get("/")).endswith(b"GET / 0")
            assert time.monotonic() - began < 8


def test_attack_a6_clients_that_do_not_read_stop_nobody(port):
    with connections(port, 30, get("/large"), buffer=4096):
        time.sleep(0.3)
        assert ask(port, get("/")).endswith(b"GET / 0")


def test_attack_a6_the_site_itself_answers_beside_a_hundred_slow_clients(tmp_path):
    with Server(tmp_path, "development") as server:
        port = int(server.url.rpartition(":")[2])
        heads, bodies = DRIPS["a head"], (post(5000, "/sign-in"), b"x")
        with connections(port, 100, heads[0]) as slow, connections(port, 100, bodies[0]) as slower:
            for connection in slow + slower:
                connection.sendall(b"x")
            for path in ("/health", "/sign-in", "/health"):
                assert b" 200 OK" in ask(port, get(path))[:15]
            assert b" 413 " in ask(port, post(5_000_000, "/sign-in") + b"x" * 100_000)[:15]


def test_attack_a6_a_request_has_a_time_to_arrive_in_however_it_comes(port):
    for first in (b"GET / HTTP/1.1\r\nX: ", post(5000)):
        with connections(port, 1, first) as made, dripping(made, b"x"):
            began = time.monotonic()
            assert read_all(made[0]).startswith(b"HTTP/1.1 408 ")
            assert time.monotonic() - began < 9


def test_attack_a6_who_does_not_read_is_let_go_and_hears_no_half_answer_as_a_whole_one(port):
    with connections(port, 1, get("/large"), buffer=4096) as (connection,):
        time.sleep(2.5)
        assert len(read_all(connection)) < 8 * 2**20


def test_attack_a6_beyond_the_most_connections_the_idlest_goes(port):
    with connections(port, 300) as idle, connections(port, 50, b"GET /"):
        assert ask(port, get("/")).endswith(b"GET / 0")
        assert idle[0].recv(1) == b"", "closed"


def test_a_slow_reader_gets_all_of_it(port):
    with connections(port, 1, get("/large"), buffer=65536) as (connection,):
        time.sleep(0.5)
        assert len(read_all(connection).partition(b"\r\n\r\n")[2]) == 8 * 2**20


def test_whatever_pieces_a_request_comes_in_it_is_the_same(port):
    large = b"y" * 900_000
    assert ask(port, *(bytes([b]) for b in get("/pieces")[:40]), get("/pieces")[40:], pause=0).endswith(b"/pieces 0")
    pieces = [large[at : at + 100_000] for at in range(0, len(large), 100_000)]
    assert ask(port, post(len(large)), *pieces).endswith(b"POST / 900000")
    chunked = (b"5\r\nhello\r\n", b"6;a=b\r\n", b" world\r", b"\n0\r\nX-Done: x\r\n", b"\r\n")
    assert ask(port, post(None, "/", *CHUNKS), *chunked).endswith(b"POST / 11")
    assert ask(port, post(None, "/", *CHUNKS) + b"".join(chunked)).endswith(b"POST / 11")


def test_of_a_large_body_gunicorn_moves_little_at_once():
    head, body = post(1_000_000, "/flyers/sea"), b"y" * 1_000_000
    gathering, rest = worker.Gathering(), worker.Rest()
    gathering.take(head)
    assert not gathering.is_whole()
    gathering.take(body)
    assert gathering.is_whole()
    rest.file = gathering.rest()
    with rest.file:
        pieces = list(iter(lambda: rest.recv(2**20), b""))
    assert (gathering.buffer, b"".join(pieces), max(map(len, pieces))) == (head, body, worker.READ)


def test_requests_behind_each_other_are_answered_in_turn(port):
    answer = ask(port, get("/1", False) + post(3, "/2").replace(b"Connection: close\r\n", b"") + b"abc" + get("/3"))
    assert answer.index(b"GET /1 0") < answer.index(b"POST /2 3") < answer.index(b"GET /3 0")


def test_a_kept_connection_is_used_again(port):
    with connections(port, 1) as (connection,):
        for n in range(3):
            connection.sendall(get(f"/{n}", close=False))
            answer = b""
            while not answer.endswith(f"GET /{n} 0".encode()):
                answer += connection.recv(1000) or b"closed"
                assert b"closed" not in answer


def test_an_answer_to_a_body_that_nobody_read_says_whether_the_connection_goes_on(port):
    with connections(port, 1) as (connection,):
        for _ in range(2):
            connection.sendall(post(500_000, "/unread").replace(b"Connection: close\r\n", b"") + b"x" * 500_000)
            answer = b""
            while not answer.endswith(b"POST /unread 0"):
                answer += connection.recv(1000) or b"closed"
                assert b"closed" not in answer
            assert b"Connection: keep-alive" in answer
    assert b"Connection: close" in ask(port, post(50_000_000, "/unread").replace(b"Connection: close\r\n", b""))


def test_who_waits_to_be_asked_for_the_body_is_asked(port):
    with connections(port, 1, post(4, "/", "Expect: 100-continue")) as (connection,):
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"body")
        answer = read_all(connection)
        assert answer.endswith(b"POST / 4")
        assert b"100 Continue" not in answer


@pytest.mark.parametrize(
    ("path", "cookie", "status"),
    [
        ("/acme/tasks/7/files", "Cookie: a=b\r\n", b"200 OK"),
        ("/acme/flyers/templates/7/pictures", "Cookie: a=b\r\n", b"200 OK"),
        ("/acme/tasks/7/files", "", b"0"),
        ("/acme", "Cookie: a=b\r\n", b"0"),
    ],
)
def test_a_file_waits_on_the_disk_and_only_at_its_door(port, path, cookie, status):
    size = 5 * 2**20
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{cookie}Content-Length: {size}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            for _ in range(5):
                client.sendall(b"x" * 2**20)
        answer = b""
        while cookie and path != "/acme" and not answer.endswith(f"{size}".encode()):
            if not (part := client.recv(4096)):
                break
            answer += part
    assert (f"POST {path} {size}".encode() in answer) == (status == b"200 OK")


@pytest.mark.parametrize("file", ["open('/nowhere/at all', 'w+b')", "open('/dev/full', 'w+b')"])
def test_a_file_for_which_there_is_no_room_is_refused_and_the_others_are_served(file):
    """Where none can be made at all, and where it is cut off."""
    full = f"import tempfile\ntempfile.TemporaryFile = lambda: {file}\n"
    with small(full) as (port, _), connections(port, 1, get("/later")) as (begun,):
        asked = ask(port, post(5 * 2**20, "/acme/tasks/7/files", "Cookie: a=b"), b"x" * 200_000)
        assert asked.startswith(b"HTTP/1.1 503 ")
        assert read_all(begun).endswith(b"GET /later 0")


def test_what_is_too_large_or_no_request_is_answered_and_the_connection_ends(port):
    assert ask(port, post(50_000_000, "/unread").replace(b"Connection: close\r\n", b"")).endswith(b"POST /unread 0")
    assert b" 400 " in ask(port, b"GARBAGE\r\n\r\n")[:20]
    assert b" 400 " in ask(port, post(None, "/", *CHUNKS) + b"zz\r\nno size\r\n")[:20]
    assert b" 431 " in ask(port, b"GET / HTTP/1.1\r\n" + b"X-Many: x\r\n" * 7000)[:20]
    assert ask(port, get("/")).endswith(b"GET / 0")


def test_told_to_stop_it_answers_what_it_has_begun_and_drippers_do_not_hold_it():
    with small() as (port, process), connections(port, 30, b"GET / HTTP/1.1\r\nX: ") as slow, dripping(slow, b"x"):
        with connections(port, 1, get("/later")) as (begun,):
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert read_all(begun).endswith(b"GET /later 0")
        process.wait(30)


def test_a_stream_that_nobody_reads_any_more_ends(port):
    with connections(port, 8, get("/stream")) as made:
        for connection in made:
            assert connection.recv(1000)
    time.sleep(0.5)  # all eight threads had one
    assert ask(port, get("/")).endswith(b"GET / 0")
