"""The collections of the functions on a sharded cluster."""

from pymongo import MongoClient

from tests.support.documents import Document


def shard(client: MongoClient[Document], database: str) -> None:
    """Spread the collections over the shards, as `docs/operations.md` says."""
    for collection in ("feedback", "analytics"):
        client.admin.command("shardCollection", f"{database}.{collection}", key={"_id": "hashed"})
