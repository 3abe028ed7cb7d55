"""How fast an issue of the newsletter is handed to a mail server of this machine: `python -m bench.news FOLDER COUNT`.

Rows, the marks before and after each letter, and what each letter says are as always; the pace of the settings isn't
held, and the server on the other end only reads.
"""

import dataclasses
import json
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.guildhall import file
from database.clock import now
from database.connections import open_database
from database.transactions import writer, writes
from domain.base import configuration, settings
from domain.operations.news import campaigns, sending
from models import Campaign, Subscriber

BODY = "# What is new\n\n" + "\n\n".join(
    f"On **{day} July** there is [music](https://example.org/{day})." for day in range(20)
)


class Sink(socketserver.StreamRequestHandler):
    """Says yes to everything (RFC 5321), and counts."""

    taken = 0

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                for text in self.rfile:
                    if text == b".\r\n":
                        break
                Sink.taken += 1
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


def take() -> None:
    """Be the server until the input ends; says its port first, and last how many letters came."""
    with _Server(("127.0.0.1", 0), Sink) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        print(Sink.taken, flush=True)
        server.shutdown()


def send(folder: Path, count: int) -> None:
    house = open_database(f"sqlite:///{file(folder)}")
    pace = dataclasses.replace(settings.REGISTRY["newsletter_pace"], default=100_000)
    settings.REGISTRY["newsletter_pace"] = pace
    about = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-m", "bench.news", "take"], **about) as server:
        port = server.stdout.readline().strip()
        chosen = {
            "data": folder,
            "secret_key": "b" * 40,
            "site_url": "http://localhost",
            "mail_from": "hall@example.org",
        }
        configuration.use(configuration.Configuration(env="test", smtp_url=f"smtp://127.0.0.1:{port}", **chosen))
        addresses = [f"r{n}@example.org" for n in range(count)]
        rows = [{"email": one, "email_norm": one, "status": "confirmed"} for one in addresses]
        writes(lambda: Subscriber.insert_many(rows).execute())()
        issue = writes(Campaign.create)(subject="News", body=BODY, status="scheduled", scheduled_at=now())
        began = time.perf_counter()
        while sending.work():
            pass
        took = time.perf_counter() - began
        taken = int(server.communicate()[0])
    sent = campaigns.figures(Campaign.get_by_id(issue.id))["sent"]
    if (sent, taken) != (count, count):
        raise SystemExit(f"{sent} of {count} were sent, {taken} came")
    writer.stop()
    house.close_all()
    print(json.dumps({"rate": count / took}))


if __name__ == "__main__":
    if sys.argv[1:] == ["take"]:
        take()
    else:
        send(Path(sys.argv[1]), int(sys.argv[2]))
