import pytest

from database import locks
from database.locks import MATTERS, OutOfOrder, lock
from database.transactions import writes
from tests.fixtures.threads import write


def in_turn(*held):
    def work():
        for one in held:
            lock(*one)

    write(work)


@pytest.mark.parametrize(
    "held",
    [
        [("owners", 1), ("seats", 1), ("changes", 1)],
        [("owners", 1), ("owners", 2)],
        [("account", "a@example.org"), ("account", "b@example.org")],
        [("owners", 1), ("changes", 1), ("owners", 1)],  # it is held already
    ],
)
def test_locks_are_taken_in_their_order(house, held):
    in_turn(*held)


@pytest.mark.parametrize(
    "held",
    [
        [("changes", 1), ("owners", 1)],
        [("owners", 2), ("owners", 1)],
        [("owners", 1), ("changes", 1), ("owners", 2)],
    ],
)
def test_a_lock_out_of_order_is_an_error_while_developing_on_either_database(house, held):
    with pytest.raises(OutOfOrder):
        in_turn(*held)


def test_in_production_nothing_is_refused(house):
    locks.be_strict(False)
    in_turn(("changes", 1), ("owners", 1))


def test_what_was_locked_in_a_part_that_failed_isnt_held(house):
    @writes
    def fails():
        lock("changes", 1)
        raise ValueError

    def work():
        with pytest.raises(ValueError):
            fails()
        lock("owners", 1)

    write(work)


def test_a_lock_needs_a_write_and_a_name_that_is_known(house):
    with pytest.raises(RuntimeError):
        lock("owners", 1)
    with pytest.raises(KeyError):
        in_turn(("owners", 1), ("oddities", 1))


def test_each_matter_stands_once_with_what_it_is_for():
    names = [matter for matter, _, _ in MATTERS]
    assert len(set(names)) == len(names)
    assert all(decided for _, _, decided in MATTERS)
