"""Guildhall: `python app.py` to serve it. What serves is views/factory.py, in workers of this process."""

import gc
import logging
import os
import sys
from pathlib import Path

from gunicorn.app.base import BaseApplication

from database import housekeeping, logs
from domain.base import configuration

STOPPED = 20  # seconds after SIGTERM in which the server must have ended by itself
DRAINED = 14  # of these, those in which requests may go on and slow readers read; the rest is for jobs and the writer


def serve():
    """Gunicorn with threads; the calendar runs in the worker, so that it dies and starts with it."""
    os.umask(0o077)  # what is written is for the user who runs this
    chosen = configuration.use(configuration.load())
    logs.set_up(logging.INFO if chosen.production else logging.WARNING)
    hold = housekeeping.Hold(chosen.database_url, chosen.data)
    if chosen.workers > 1:
        _factory().share()
    try:
        Server(chosen, hold.was_killed).run()
    finally:
        hold.let_go()


class Server(BaseApplication):
    def __init__(self, chosen, was_killed):
        self.chosen, self.was_killed, self.age = chosen, was_killed, 0
        super().__init__()

    def load_config(self):
        chosen = self.chosen
        for name, value in {
            "bind": f"{chosen.host}:{chosen.port}",
            "workers": chosen.workers,
            "threads": chosen.threads,
            "worker_class": "views.safety.worker.Worker",
            "worker_connections": 1100,  # where the worker would stop to accept; it closes the idlest before
            "sendfile": False,  # an answer goes by way of the worker's outlet
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "timeout": 60,
            "graceful_timeout": STOPPED,
            "keepalive": 30,
            "control_socket_disable": True,
            "loglevel": "warning",
            "logger_class": "views.safety.worker.Log",
            "forwarded_allow_ips": "",
            "post_fork": self._be_born,
            "post_worker_init": _begin_work,
            "worker_exit": lambda server, worker: _factory().end_work(),
        }.items():
            self.cfg.set(name, value)

    def _be_born(self, server, worker):
        self.age = worker.age

    def load(self):
        return _factory().opened(self.chosen, self.was_killed, self.age)


def _begin_work(worker):
    worker.cfg.set("graceful_timeout", DRAINED)
    _factory().begin_work()


def _factory():
    """What a worker loads. This process, which only looks after it, holds a fifth as much (`memory_mb`)."""
    gc.disable()  # a sixth of the time went into looking through what has just been loaded
    from views import factory

    gc.enable()
    return factory


if __name__ == "__main__":
    sys.exit(_factory().check()) if "--check" in sys.argv[1:] else serve()
