from domain.tasks import tasks

BATCH = 200


def work():
    return tasks.remind(BATCH)
