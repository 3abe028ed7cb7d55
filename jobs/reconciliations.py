from domain.money import reconciliations


def work():
    return reconciliations.work()


def nightly():
    return reconciliations.nightly()


def missed():
    return reconciliations.fetch_missed()


def overdue():
    return reconciliations.renew_overdue()


def silence():
    return reconciliations.watch_silence()
