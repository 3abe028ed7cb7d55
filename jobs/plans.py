from domain import grants


def work():
    return grants.follow_plans()
