"""Files that strangers sent: what becomes of those that never came. The rest: test_answers.py."""

import pytest

from domain import NotFound
from domain.files import stores
from domain.records.public import links, quarantine
from models import PublicAnswer, PublicFile
from tests.fixtures.public import form_of, opened, repairs
from tests.fixtures.threads import write


def test_a_file_that_never_came_is_forgotten_after_an_hour(at, inside_acme, clock):
    table, known = repairs(at("alice"))
    link = opened(table.slug, form_of(known, "Name"), by=at("alice"))
    answer = write(PublicAnswer.create, link=link, form_key="k", secret_hash=links.hashed("x"))
    facts = {"name": "a.txt", "size": 1, "type": "text/plain", "sha256": "0" * 64}
    write(quarantine.announce, answer, [("f1", facts, b"1")])
    file = PublicFile.get()
    with pytest.raises(NotFound):
        quarantine.get(answer, file.id)
    assert quarantine.purge(10) == 0
    clock.forward(hours=2)
    assert quarantine.purge(10) == 1
    assert PublicFile.select().count() == 0
    assert stores.active().changed_at(quarantine._place(file)) is None
