from domain.base import mail, notices, outgoing  # noqa: F401  the first three bring their senders


def work():
    return outgoing.send_due()
