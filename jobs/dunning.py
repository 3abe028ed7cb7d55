from domain.money import dunning


def work():
    return dunning.remind()
