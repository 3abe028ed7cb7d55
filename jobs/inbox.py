from domain import inbox


def work():
    return inbox.work_off()
