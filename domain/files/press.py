"""The one process that sets what is printed: tickets, badges, labels, rows."""

from domain.files.worker_process import WorkerProcess

press = WorkerProcess("domain.files.typesetting")
