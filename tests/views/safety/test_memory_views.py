import threading

from PIL import Image

from database import connections
from database.connections import database
from views.safety import memory


def at_once(count):
    """So many threads that each have a connection while the others have theirs."""
    together = threading.Barrier(count)

    def ask():
        database.connection()
        together.wait(30)
        database.close()

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_connections_that_nobody_used_for_a_minute_are_closed(house, sqlite):
    database.close()
    at_once(6)
    memory.give_back()
    assert len(database._connections) >= 6, "they were used just now"
    one = database.connection()
    database.rest(unused=0)
    assert database._connections == []
    assert one.execute("SELECT 1").fetchone() == (1,), "what is used stays"
    database.close()
    at_once(2)
    assert database.execute_sql("SELECT 1").fetchone() == (1,)


def test_a_connection_that_comes_back_is_better_than_one_more(house, sqlite, monkeypatch):
    """Thirty lanes that begin at once, and visitors who come at once, share what few need (`memory_mb`)."""
    database.close()
    database.rest(unused=0)
    monkeypatch.setattr(connections, "FEW", 2)
    monkeypatch.setattr(connections, "PATIENCE", 30)
    go = threading.Event()

    def ask():
        go.wait(30)
        database.execute_sql("SELECT 1")
        database.close()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert len(database._connections) <= 2
    monkeypatch.setattr(connections, "PATIENCE", 0.001)
    at_once(5)  # who all hold theirs: there are as many as are needed
    assert len(database._connections) == 5


def test_what_pictures_lay_in_goes_back_too(house, sqlite):
    before = Image.core.get_blocks_max()
    Image.core.set_blocks_max(48)
    Image.new("RGB", (1080, 1350))
    assert Image.core.get_stats()["blocks_cached"]
    memory.give_back()
    assert not Image.core.get_stats()["blocks_cached"]
    Image.core.set_blocks_max(before)
