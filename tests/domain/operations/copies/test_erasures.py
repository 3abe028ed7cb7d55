"""Who was closed for good, beside the copies."""

from domain.base import configuration
from domain.operations.copies import copies, erasures
from domain.people import accounts
from models import Membership, User
from tests.fixtures.threads import write


def test_it_is_written_once_and_a_line_that_was_cut_off_is_none(cast):
    write(accounts.erase_again, cast.bob)
    assert copies.note_erasures() == copies.is_possible()
    folder = configuration.active.data / "backups"
    assert erasures.note(folder) == (not copies.is_possible())
    with open(folder / erasures.LEDGER, "a") as file:
        file.write('{"user": 1, "a')
    assert [told["user"] for told in erasures.read(folder)] == [cast.bob.id]


def test_nobody_is_closed_who_came_after(cast, tmp_path):
    (tmp_path / erasures.LEDGER).write_text(f'{{"user": {cast.vera.id}, "at": "2020-01-01T00:00:00Z"}}\n')
    assert erasures.replay(tmp_path) == ([], 0)
    assert User.get_by_id(cast.vera.id).status == "active"


def test_the_only_owner_of_something_stays_its_owner_without_a_name(cast):
    assert accounts.erase_again(cast.alice) == ["Acme"]
    user = User.get_by_id(cast.alice.id)
    assert (user.status, user.email_norm) == ("deleted", f"deleted-{user.id}@deleted.invalid")
    mine = Membership.select(Membership.role).where(Membership.user == user)
    assert [role for (role,) in mine.tuples()] == ["owner"]
