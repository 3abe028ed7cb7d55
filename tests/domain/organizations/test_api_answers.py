import pytest

from database.scope import inside
from domain import Refused
from domain.organizations import api_answers
from models import ApiAnswer
from tests.fixtures.keys import a_key, refused
from tests.fixtures.threads import together


@pytest.fixture(autouse=True)
def _inside(inside_acme):
    """As the door leaves a program standing."""


def test_what_is_asked_twice_under_one_word_is_done_once(at, clock):
    key, _ = a_key(at("alice"))
    done = []

    def act():
        done.append(1)
        return 201, {"ETag": '"1"'}, "{}"

    assert api_answers.once(key, "w", b"asked", act) == (201, {"ETag": '"1"'}, "{}", False)
    assert api_answers.once(key, "w", b"asked", act) == (201, {"ETag": '"1"'}, "{}", True)
    assert isinstance(refused(lambda: api_answers.once(key, "w", b"other", act)), api_answers.AnotherRequest)
    assert len(done) == 1
    other, _ = a_key(at("bob"))
    api_answers.once(other, "w", b"other", act)
    clock.forward(hours=25)
    assert not api_answers.once(key, "w", b"asked", act)[3], "a day later it is another request"
    assert (len(done), ApiAnswer.select().count()) == (3, 2)
    assert (api_answers.prune(10), ApiAnswer.select().count()) == (1, 1)


def test_two_at_one_moment_are_done_once(at, cast):
    key, _ = a_key(at("alice"))
    done = []

    def act():
        done.append(1)
        return 200, {}, "x"

    def ask():
        with inside(cast.acme):
            return api_answers.once(key, "w", b"asked", act)[3]

    assert sorted(together(ask, ask)) == [False, True]
    assert len(done) == 1


def test_what_was_refused_may_be_tried_again(at):
    key, _ = a_key(at("alice"))

    def refuse():
        raise Refused("No.")

    with pytest.raises(Refused):
        api_answers.once(key, "w", b"asked", refuse)
    assert api_answers.once(key, "w", b"asked", lambda: (200, {}, "x"))[3] is False
