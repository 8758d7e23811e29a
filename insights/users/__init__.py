"""Single users: the types of their ids, time lines, erasure, and opt-outs."""
