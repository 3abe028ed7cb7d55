from domain.backers import backer_imports


def work():
    return backer_imports.work()
