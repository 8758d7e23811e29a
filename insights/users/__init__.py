"""Single users: the types of their ids, erasure, and opt-outs."""
