"""A server that is replaced while somebody else holds its socket: nobody's request is lost, however it was stopped."""

import http.client
import os
import signal
import socket
import threading

import pytest

from tests.browser.server import Server
from tests.views.test_worker_views import connections, dripping


@pytest.fixture
def held():
    """A listening socket, as systemd holds it: requests wait in it while no server takes them."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as made:
        yield made


class Askers:
    """Threads that ask without a pause, some each time on a new connection, some on one that they keep."""

    def __init__(self, port):
        self.port, self.over, self.answers = port, threading.Event(), []
        self.threads = [threading.Thread(target=self._ask, args=(kept,)) for kept in (False, False, True)]
        for thread in self.threads:
            thread.start()

    def _ask(self, is_kept):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        while not self.over.is_set():
            try:
                connection.request("GET", "/sign-in", headers={} if is_kept else {"Connection": "close"})
                answer = connection.getresponse()
                answer.read()
                self.answers.append(answer.status)
                self.over.wait(0.02)
            except (OSError, http.client.HTTPException) as error:
                self.answers.append(repr(error))
                connection.close()
        connection.close()

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def asking(held):
    asking = Askers(held.getsockname()[1])
    yield asking
    asking.end()


def test_no_request_is_lost_while_the_server_is_replaced(tmp_path, held, asking):
    port = held.getsockname()[1]
    with Server(tmp_path, "development", held) as server:
        before = len(asking.answers)
        with connections(port, 20, b"GET / HTTP/1.1\r\nX: ") as slow, dripping(slow, b"x"):
            while len(asking.answers) < before + 20:
                threading.Event().wait(0.01)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(60) == 0, "it ended by itself"
    with Server(tmp_path, "development", held):  # what waited is answered
        asking.end()
    assert set(asking.answers) == {200}
    assert len(asking.answers) > 20


def test_a_server_whose_parent_was_killed_stands_in_nobodys_way(tmp_path):
    with Server(tmp_path, "development") as server:
        os.kill(server.process.pid, signal.SIGKILL)  # its worker lives on until it looks, and has the lock
        server.process.wait(30)
        with Server(tmp_path, "development") as again:
            assert again.process.poll() is None
        assert again.process.returncode == 0
