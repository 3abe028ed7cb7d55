from domain import tasks

BATCH = 200


def work():
    return tasks.remind(BATCH)
