import threading

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
