import dataclasses
import socket

import pytest
from aiosmtpd.controller import Controller

import jobs
from domain.base import configuration, outgoing
from models import Letter, Suppression
from tests.fixtures.threads import write


class Server:
    answer = "250 OK"

    async def handle_DATA(self, server, session, envelope):
        return self.answer


@pytest.fixture
def server(house):
    held = Server()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(held, hostname="127.0.0.1", port=port)
    controller.start()
    configuration.use(dataclasses.replace(configuration.active, smtp_url=f"smtp://127.0.0.1:{port}"))
    yield held
    controller.stop()


def leave(key):
    write(outgoing.letter, "verify_email", "ada@example.org", key, name="Ada", code="1")
    jobs.work_off()
    return Letter.select().order_by(Letter.id.desc()).first()


def test_a_letter_that_a_server_took_is_in_the_log_by_its_message_id(server):
    letter = leave("k")
    assert (letter.status, letter.provider) == ("sent", "smtp")
    assert letter.provider_id == f"<outgoing-{letter.queued_as}@guildhall>"


@pytest.mark.parametrize(
    ("answer", "suppressed"),
    [("550 5.1.1 no such user", 1), ("550 5.7.1 bad reputation", 0), ("550 we don't want that", 0)],
)
def test_mail_case_17_only_a_mailbox_that_is_not_there_is_written_to_no_more(server, answer, suppressed):
    server.answer = answer
    letter = leave("k")
    assert letter.status == "failed"
    assert answer in letter.reason
    assert Suppression.select().count() == suppressed
    assert leave("l").status == ("withheld" if suppressed else "failed")
