from domain.entitlements import grants


def work():
    return grants.follow_plans()
