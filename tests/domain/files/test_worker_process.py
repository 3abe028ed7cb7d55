import pytest

from domain.files.worker_process import Overloaded, WorkerProcess


@pytest.fixture
def process():
    made = WorkerProcess("tests.fixtures.odd_tasks", memory=1 << 29)
    yield made
    made.end()


def test_it_answers_bytes_and_lives_on(process):
    assert process.ask("echo", text="ä") == "ä".encode()
    first = process._process
    assert process.ask("echo", text="again") == b"again"
    assert process._process is first


def test_a_task_that_refuses_says_why(process):
    with pytest.raises(ValueError, match="not today"):
        process.ask("refuse")
    assert process.ask("echo", text="x") == b"x"


def test_one_that_was_killed_is_started_anew(process):
    process.ask("echo", text="x")
    process._process.kill()
    assert process.ask("echo", text="again") == b"again"


def test_one_that_takes_more_memory_than_it_has_is_said_and_replaced(process):
    with pytest.raises(Overloaded, match="memory"):
        process.ask("swallow")
    assert process.ask("echo", text="again") == b"again"


def test_one_that_takes_too_long_is_ended_and_said(process):
    with pytest.raises(Overloaded, match="too long"):
        process.ask("dream", within=0.01)
    assert process._process is None
    assert process.ask("echo", text="again") == b"again"


def test_one_that_nobody_asks_ends(process):
    process.idle = 0.05
    process.ask("echo", text="x")
    process._process.wait(10)
