"""kill -9 while an issue goes out, anywhere: nobody gets it twice, and nobody is lost.

A mail server of this machine takes what a process of its own hands over. What was being handed over at the kill is in
doubt, which is at most one letter a kill; with Resend, which knows a repeat by its key, none is.
"""

import dataclasses
import os
import signal
from collections import Counter

import pytest

import jobs
from domain.base import settings
from domain.base.letters import smtp
from domain.operations.news import campaigns
from models import Campaign, CampaignRecipient, Letter
from tests.fixtures import deaths, news
from tests.peers import resend as resend_peer

READERS = 12
CHILD = """
import dataclasses, os, sys
from database import transactions
from domain.base import configuration, outgoing
from domain.base.letters import resend, smtp
from domain.operations.news import sending
from tests.fixtures.deaths import awake, dies_at

about = awake()
resend.BASE = about.get("resend", "")
more = {"smtp_url": about.get("smtp", ""), "resend_api_key": about.get("key", "")}
configuration.use(dataclasses.replace(configuration.active, **more))
sending.PREPARED, sending.HANDED = 5, 5
settings = sending.settings
settings.REGISTRY["newsletter_pace"] = dataclasses.replace(settings.REGISTRY["newsletter_pace"], default=500)
if about.get("point") == "a write":
    dies_at(transactions.Piece, "run", before=False)
elif about.get("point"):
    when, module, name = about["point"].split()
    owner = {"smtp": smtp, "resend": resend, "outgoing": outgoing, "sending": sending}[module]
    dies_at(owner, name, when == "before", when == "after")
sys.stdout.write(f"{os.getpid()}\\n" if about.get("says") else "")
sys.stdout.flush()
while sending.work():
    pass
print("lived")
"""
FEW = [
    ("after sending _prepare_some", 2),  # half of the readers are entered
    ("after smtp _hand", 3),  # the server has it, and we don't know
    ("a write", 9),
]
MORE = [
    ("after sending _hand_over", 1),
    ("before smtp _hand", 3),
    ("after outgoing _mark_sent", 7),
    *(("a write", n) for n in (1, 2, 3, 4, 10, 11, 30)),
]
POINTS = FEW + (MORE if os.environ.get("CRASHES") else [])


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    pace = dataclasses.replace(settings.REGISTRY["newsletter_pace"], default=500)
    monkeypatch.setitem(settings.REGISTRY, "newsletter_pace", pace)


@pytest.fixture
def server(house):
    controller, taker, url = news.mail_server()
    taker.url = url
    news.readers(READERS)
    news.issue()
    yield taker
    smtp.hang_up()
    controller.stop()


def go_on(taker):
    """As the next start does it."""
    news.use_mail(taker.url)
    jobs.work_off()


def judge(taker, kills):
    assert Campaign.get().status == "done"
    assert max(Counter(taker.got()).values()) == 1
    states = CampaignRecipient.select(CampaignRecipient.email_norm, Letter.status).join(Letter).tuples()
    doubt = {email for email, status in states if status == "uncertain"}
    assert len(doubt) <= kills
    assert set(taker.got()) | doubt == {f"r{n}@example.org" for n in range(READERS)}
    found = campaigns.figures(Campaign.get())
    assert (found["sent"] + found["uncertain"], found["recipients"]) == (READERS, READERS)


@pytest.mark.parametrize(("point", "nth"), POINTS, ids=[f"{point} {nth}" for point, nth in POINTS])
def test_mail_case_11_killed_anywhere_it_goes_on_exactly(server, point, nth):
    deaths.die(CHILD, point=point, nth=nth, smtp=server.url)
    assert Campaign.get().status != "done"
    go_on(server)
    judge(server, 1)


def test_mail_case_12_killed_from_outside_in_the_middle_of_a_letter(server):
    """The server itself kills who sends, while it takes the third and the eighth letter."""

    def kill():
        os.kill(next(iter(server.pids)), signal.SIGKILL)

    server.at = {3: kill, 8: kill}
    for _ in range(2):
        server.pids = set()
        with deaths.begun(CHILD, nth=0, smtp=server.url, says=True) as (child, said):
            server.pids.add(int(said))
            assert child.wait(120) == -signal.SIGKILL
    assert len(server.letters) == 8
    go_on(server)
    judge(server, 2)


@pytest.mark.parametrize("when", ["before", "after"])
def test_mail_case_16_with_resend_nobody_is_in_doubt(mailer, house, when):
    news.readers(READERS)
    news.issue()
    about = {"resend": mailer.address, "key": resend_peer.KEY}
    deaths.die(CHILD, point=f"{when} resend send_together", nth=2, **about)
    jobs.work_off()
    got = [body["to"][0] for _, body in mailer.letters]
    assert sorted(got) == sorted(f"r{n}@example.org" for n in range(READERS))
    assert campaigns.figures(Campaign.get())["uncertain"] == 0
