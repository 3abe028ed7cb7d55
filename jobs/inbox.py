from domain.money import inbox


def work():
    return inbox.work_off()


def replays():
    return inbox.replay_some()
