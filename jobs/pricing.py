from domain import pricing


def work():
    return pricing.sync()
