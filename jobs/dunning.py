from domain import dunning


def work():
    return dunning.remind()
