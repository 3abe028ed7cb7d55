def leave(trigger, api_key=None):
    """The cheapest queue there is: dj-stripe has stored the event, and a worker would find it as not processed."""
