"""Floor: single-row durable commits by the standard library's sqlite3. Prints commits per second."""

import sqlite3
import sys
import time
from pathlib import Path


def commits_per_second(file: Path, seconds: float) -> float:
    for old in file.parent.glob(file.name + "*"):
        old.unlink()
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE task (id INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL)")
    started = time.perf_counter()
    count = 0
    while time.perf_counter() < started + seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO task (title, status) VALUES (?, ?)", (f"Order the chairs {count}", "pending"))
        connection.execute("COMMIT")
        count += 1
    rate = count / (time.perf_counter() - started)
    connection.close()
    return rate


if __name__ == "__main__":
    print(commits_per_second(Path(sys.argv[1]), float(sys.argv[2])))
