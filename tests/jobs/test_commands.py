import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from database import transactions
from database.connections import database
from domain.base import configuration
from domain.operations.copies import copies
from domain.operations.runs import leases
from jobs import __main__ as commands
from models import Backup

pytestmark = pytest.mark.usefixtures("sqlite")
TOP = Path(__file__).parents[2]


def test_a_copy_by_hand_beside_a_server_is_made_once(cast, monkeypatch):
    held = leases.take("backup", "a server")  # which saw at its tick that a copy waits

    def meanwhile(_):
        copies.work()
        leases.end(held, 1)

    monkeypatch.setattr(commands, "time", types.SimpleNamespace(sleep=meanwhile))
    sentence, is_proven = commands.back_up()
    assert is_proven, sentence
    assert [row.attempts for row in Backup.select()] == [1]


def test_a_copy_by_hand_is_made_here_where_no_server_runs_and_refused_while_one_is_made(cast):
    assert commands.back_up()[1]
    copies.begin()
    assert commands.back_up() == ("A copy is being made already.", False)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("move postgresql://hall@127.0.0.1:1/hall", "PostgreSQL: connection failed"),
        ("restore latest --identity junk", "junk can't be read"),
        ("restore junk --check", "can't be read"),
        ("bring junk --check", "no whole file"),
    ],
)
def test_what_a_command_cannot_do_it_says_in_a_sentence(house, tmp_path, words, sentence):
    (tmp_path / "junk").write_bytes(b"\xff\xfe of nothing" * 9)
    data = configuration.active.data
    transactions.writer.stop()
    database.close_all()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    done = subprocess.run(
        [sys.executable, "-m", *f"jobs.{words}".split()],
        cwd=tmp_path,
        env=kept | {"GUILDHALL_DATA": str(data), "SECRET_KEY": "k" * 40, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (1, 2)
    assert sentence in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
