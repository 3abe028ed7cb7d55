from domain.money import pricing


def work():
    return pricing.sync()
