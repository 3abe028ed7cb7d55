import dataclasses
import email
import socket
from email import policy

import pytest
from aiosmtpd.controller import Controller

import jobs
from domain.base import configuration, mail, outgoing, settings
from domain.operations.mail import catalogue
from domain.people import accounts, admins
from models import Notification, Outgoing
from tests.fixtures.threads import write

VALUES = {name: template.sample for name, template in catalogue.TEMPLATES.items()}


def parts(message):
    return (
        message.get_body(("plain",)).get_content(),
        message.get_body(("html",)).get_content(),
    )


def test_every_letter_is_tried_here(house):
    names = {path.stem for path in mail.Path(mail.__file__).parents[2].glob("templates/mail/*.txt")}
    assert {name for name in names if not name.startswith("_")} == VALUES.keys()


def test_letters_about_accounts_may_come_from_an_address_of_their_own(cast):
    configuration.use(
        dataclasses.replace(configuration.active, mail_from="news@example.org", mail_auth_from="codes@example.org")
    )
    about = {"name": "Ada", "code": "735186"}
    assert "codes@example.org" in mail.compose("otp_sign_in", "a@example.org", about)["From"]
    assert "news@example.org" in mail.compose("test_letter", "a@example.org", about)["From"]
    configuration.use(dataclasses.replace(configuration.active, mail_auth_from=""))
    assert "news@example.org" in mail.compose("otp_sign_in", "a@example.org", about)["From"]


@pytest.mark.parametrize("template", VALUES)
def test_a_letter_has_a_subject_and_says_the_same_in_text_and_html(house, template):
    message = mail.compose(template, "ada@example.org", VALUES[template])
    text, html = parts(message)
    assert message["Subject"].strip()
    assert "\n" not in message["Subject"]
    assert message["To"] == "ada@example.org"
    assert message["From"] == "Guildhall <hall@example.org>"
    for name, value in VALUES[template].items():
        if not isinstance(value, str) or name == "subject" or (template == "newsletter" and name != "leave"):
            continue  # it stands in the head; of the newsletter: test_writing
        assert value in text
        assert value in html
    assert "{{" not in text + html
    assert "<mj-" not in html
    assert "</html>" in html


def test_lines_stay_lines_and_the_foot_stands_apart(house):
    text, html = parts(mail.compose("event_moved", "ada@example.org", VALUES["event_moved"]))
    assert "It was: Friday<br>It is now: Saturday</div>" in html.replace("<br />", "<br>")
    assert "It is now: Saturday\n\nRain.\n" in text
    text, _ = parts(mail.compose("digest", "ada@example.org", VALUES["digest"], stop=("p", "daily")))
    assert "digest.\nStop letters like this: " in text


@pytest.mark.parametrize(
    ("words", "how"),
    [
        ("Grüße: 1 = 1, --=_letter\n.\n\n From here \t\n" + "w" * 1200, "quoted-printable"),
        ("مرحبا بكم في القاعة، هذه تذكرتك 🎟️\n" * 20 + "!", "base64"),
    ],
)
def test_any_words_arrive_as_they_are_in_short_lines_of_ascii(house, words, how):
    sent = bytes(mail.addressed("ada@example.org", ("Your tickets", words, f"<p>{words}</p>")))
    assert max(map(len, sent.decode("ascii").splitlines())) <= 78
    read = email.message_from_bytes(sent, policy=policy.default)
    assert parts(read) == (f"{words}\n", f"<p>{words}</p>\n")
    assert read.get_body(("plain",))["Content-Transfer-Encoding"] == how
    assert not read.defects


def test_values_are_escaped_in_the_html_and_plain_in_the_text(house):
    name = "<script>alert('x')</script> & \"Söhne\""
    text, html = parts(mail.compose("verify_email", "ada@example.org", {"name": name, "code": "1"}))
    assert name in text
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html
    assert "<mj-" not in html


@pytest.mark.parametrize(
    "name", ["</td></mj-table></mj-text><mj-raw><b>x</b></mj-raw>", "{{ 7 * 7 }}", "]]>", "&amp;", "<!--", "\r"]
)
def test_hostile_values_are_words_in_a_letter(house, name):
    emblem = {"src": "https://hall.test/logo.png", "name": name}
    text, html = parts(mail.compose("password_changed", "ada@example.org", {"name": name, "emblem": emblem}))
    assert "<b>x</b>" not in html
    assert " ".join(name.split()) in " ".join(text.split())
    assert "</html>" in html


@pytest.mark.parametrize("name", ["Acme, Inc.", 'The "Hall"', "Town Hall <evil@example.org>", "Süd", "a@b", "x;y:z"])
def test_any_senders_name_leaves_one_sender(cast, name):
    settings.change("mail_sender_name", name, by=cast.stella)
    settings.forget()
    message = mail.compose("password_changed", "ada@example.org", {"name": "Ada"})
    read = email.message_from_bytes(bytes(message), policy=policy.default)
    ((address),) = read["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "hall@example.org")


def test_a_name_with_line_ends_adds_no_header(cast):
    write(outgoing.letter, "password_changed", "ada@example.org", "k", name="Ada\r\nBcc: eve@example.org\r\n\r\nBody")
    jobs.work_off()
    (path,) = mail.outbox().glob("*.eml")
    assert email.message_from_bytes(path.read_bytes())["Bcc"] is None


def test_without_a_server_a_letter_is_a_file(house):
    write(outgoing.letter, "verify_email", "ada@example.org", "k", **VALUES["verify_email"])
    jobs.work_off()
    (path,) = mail.outbox().glob("*.eml")
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    assert message["To"] == "ada@example.org"
    assert message["Message-ID"] == f"<outgoing-{Outgoing.get().id}@guildhall>"
    assert Outgoing.get().payload == {}


def test_a_letter_with_a_missing_value_is_not_sent_half(house):
    write(outgoing.letter, "verify_email", "ada@example.org", "k", name="Ada")
    jobs.work_off()
    assert not mail.outbox().exists()
    assert "UndefinedError" in Outgoing.get().error


# --- over the wire --------------------------------------------------------------------------------------------


class Kept:
    def __init__(self):
        self.letters, self.answer = [], "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answer.startswith("250"):
            self.letters.append(envelope)
        return self.answer


@pytest.fixture
def post(house):
    """A real SMTP server on this machine, and SMTP_URL pointing to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = Kept()
    server = Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    configuration.use(dataclasses.replace(configuration.active, smtp_url=f"smtp://127.0.0.1:{port}"))
    yield kept
    server.stop()


def test_a_letter_reaches_a_real_server(post):
    write(outgoing.letter, "verify_email", "ada@example.org", "k", name="Ada Süß", code="735186")
    jobs.work_off()
    (envelope,) = post.letters
    assert (envelope.mail_from, envelope.rcpt_tos) == ("hall@example.org", ["ada@example.org"])
    message = email.message_from_bytes(envelope.content, policy=policy.default)
    text, html = parts(message)
    assert "735186" in text
    assert "735186" in html
    assert "Ada Süß" in text
    assert Outgoing.get().status == "sent"
    assert not mail.outbox().exists()


def test_a_server_that_refuses_gets_the_same_letter_again(post, clock):
    post.answer = "451 Try again later"
    write(outgoing.letter, "verify_email", "ada@example.org", "k", **VALUES["verify_email"])
    jobs.work_off()
    assert (Outgoing.get().status, Outgoing.get().attempts, post.letters) == ("queued", 1, [])
    assert "735186" not in Outgoing.get().error
    post.answer = "250 OK"
    clock.forward(minutes=1)
    jobs.work_off()
    (envelope,) = post.letters
    assert f"<outgoing-{Outgoing.get().id}@guildhall>".encode() in envelope.content


def test_a_server_that_is_away_is_tried_again(house, clock):
    configuration.use(dataclasses.replace(configuration.active, smtp_url="smtp://127.0.0.1:1"))
    write(outgoing.letter, "verify_email", "ada@example.org", "k", **VALUES["verify_email"])
    jobs.work_off()
    assert (Outgoing.get().status, Outgoing.get().attempts) == ("queued", 1)
    assert Outgoing.get().payload["values"]["code"] == "735186"


def test_report_16_a_refusal_for_good_ends_at_once_and_admins_are_told_once(post, cast):
    post.answer = "550 No such mailbox"
    for key in "kl":
        write(outgoing.letter, "verify_email", "ada@example.org", key, **VALUES["verify_email"])
    jobs.work_off()
    assert [(row.status, row.attempts, row.payload) for row in Outgoing.select()] == [("buried", 1, {})] * 2
    assert "550 No such mailbox" in Outgoing.get().error
    assert outgoing.was_refused(["k"])
    assert (admins.tell_of_letters(), admins.tell_of_letters()) == (1, 1)
    jobs.work_off()
    (told,) = Notification.select().where(Notification.recipient == cast.stella)
    assert told.title == "2 letters couldn't be delivered"
    assert "550 No such mailbox" in told.body


def test_report_16_a_letter_whose_code_is_void_by_now_is_not_sent(post, clock, cast):
    post.answer = "451 Try again later"
    accounts.sign_up("ada@example.org", "Ada", None)
    jobs.work_off()
    post.answer = "250 OK"
    clock.forward(minutes=11)
    jobs.work_off()
    assert post.letters == []
    assert Outgoing.get().status == "buried"


def test_report_07_a_domain_in_letters_goes_out_as_dns_has_it(post):
    write(outgoing.letter, "verify_email", "ada@bücher.example", "k", name="Ada", code="735186")
    jobs.work_off()
    assert [envelope.rcpt_tos for envelope in post.letters] == [["ada@xn--bcher-kva.example"]]


def test_report_16_a_server_that_refuses_its_user_is_shown_to_admins(house, cast, clock):
    configuration.use(dataclasses.replace(configuration.active, smtp_url="smtp://127.0.0.1:1"))
    write(outgoing.letter, "verify_email", "ada@example.org", "k", **VALUES["verify_email"])
    jobs.work_off()
    assert admins.tell_of_letters() == 1
    assert "mail server takes no letters" in Outgoing.get(Outgoing.kind == "notification").payload["title"]
