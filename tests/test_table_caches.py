"""A small table kept in the process."""

from database.waking import table_caches, wakes
from database.waking.table_caches import TableCache


def test_it_is_read_once_until_it_is_told_or_a_second_is_over(monkeypatch):
    reads = []
    monkeypatch.setattr(wakes, "_listeners", {})
    cache = TableCache("a topic of its own", lambda: reads.append(1) or len(reads))
    assert (cache.rows(), cache.rows()) == (1, 1)
    wakes.wake_everybody()
    assert (cache.rows(), cache.rows()) == (2, 2)
    cache.forget()
    assert cache.rows() == 3
    monkeypatch.setattr(table_caches, "FRESH", 0)
    assert cache.rows() == 4
