from domain import mail, notices, outgoing  # noqa: F401  mail and notices bring their senders
from domain.providers import sandbox  # noqa: F401  so does the sandbox


def work():
    return outgoing.send_due()
