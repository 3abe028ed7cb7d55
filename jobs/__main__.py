"""The calendar alone, for installs whose web processes run with JOBS=0: `python -m jobs [--once]`."""

import signal
import sys
import threading

import app
import jobs
from domain import configuration, transactions


def main():
    app.set_up_logs()
    chosen = configuration.use(configuration.load())
    app.open_house(chosen)
    if "--once" in sys.argv[1:]:
        jobs.work_off()
        transactions.writer.stop()
        return
    over = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: over.set())
    jobs.begin()
    over.wait()
    app.close_house()


if __name__ == "__main__":
    main()
