import types

import pytest

from domain.operations.copies import copies
from domain.operations.runs import leases
from jobs import __main__ as commands
from models import Backup

pytestmark = pytest.mark.usefixtures("sqlite")


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
