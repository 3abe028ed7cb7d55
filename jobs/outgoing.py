from domain.base import mail, notices, outgoing  # noqa: F401  the first three bring their senders
from domain.money.providers import sandbox  # noqa: F401  so does the sandbox


def work():
    return outgoing.send_due()
