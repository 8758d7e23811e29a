"""Single users: the types of their ids, timelines, erasure, and opt-outs."""
