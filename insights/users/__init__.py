"""Single users: the ids they are stored under, erasing their data, and opt-outs."""
