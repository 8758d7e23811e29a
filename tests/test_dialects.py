"""The dialects: replies of each server that differ from MongoDB's."""

from typing import Any

import bson
import pytest
from pymongo import (
    IndexModel,
    InsertOne,
    UpdateOne,
    WriteConcern,
)
from pymongo.collection import Collection
from pymongo.errors import (
    BulkWriteError,
    DuplicateKeyError,
)

from tests.support.commands import failure_of, ids
from tests.support.dialect_proxy import Open
from tests.support.dialects import Dialect
from tests.support.documents import Document

MONGODB = Dialect.MONGODB
AZURE = Dialect.AZURE_DOCUMENTDB
AMAZON = Dialect.AMAZON_DOCUMENTDB
RU = Dialect.COSMOS_RU
E11000 = "E11000 duplicate key error collection"
WORD = {"$toLower": {"$trim": {"input": "$rating"}}}
LET_OF_TWO = {"$let": {"vars": {"one": 1, "two": 2}, "in": "$$two"}}
GUARDED = {"$cond": [{"$eq": ["$rating", "5"]}, {"$toDouble": "$rating"}, None]}
JOIN = {"from": "other", "localField": "a", "foreignField": "a", "as": "others"}


# Duplicates


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (AZURE, "Duplicate key violation on the requested collection: Index '{index}'"),
        (AMAZON, f"{E11000}: {{namespace}} index: {{index}}"),
        (
            RU,
            f"{E11000}: {{namespace}}. Failed _id or unique key constraint",
        ),
    ],
)
def test_duplicates_do_not_name_the_key(through: Open, dialect: Dialect, text: str) -> None:
    _, collection = through(dialect, retryWrites=False)
    collection.create_index("user_id", unique=True, name="one per user")
    collection.insert_one({"_id": 1, "user_id": 1})

    with pytest.raises(DuplicateKeyError) as by_id:
        collection.insert_one({"_id": 1})
    with pytest.raises(BulkWriteError) as by_user:
        collection.bulk_write([InsertOne({"_id": 2}), InsertOne({"_id": 3, "user_id": 1})])
    with pytest.raises(DuplicateKeyError) as by_command:
        collection.find_one_and_update({"_id": 2}, {"$set": {"user_id": 1}})

    def expected(index: str) -> str:
        return text.format(index=index, namespace=collection.full_name)

    assert by_id.value.details is not None
    assert by_id.value.details == {"index": 0, "code": 11000, "errmsg": expected("_id_")}
    [error] = by_user.value.details["writeErrors"]
    assert (error["index"], error["errmsg"]) == (1, expected("one per user"))
    assert "keyPattern" not in error
    assert by_command.value.details is not None
    assert by_command.value.details["errmsg"] == expected("one per user")
    assert "keyValue" not in by_command.value.details


def test_mongodb_names_the_key(through: Open) -> None:
    _, collection = through(MONGODB)
    collection.insert_one({"_id": 1})
    with pytest.raises(DuplicateKeyError) as caught:
        collection.insert_one({"_id": 1})
    assert caught.value.details is not None
    assert caught.value.details["keyValue"] == {"_id": 1}


# Retryable writes and write concerns


def retry(collection: Collection[Document], **fields: Any) -> Document:
    """Send the same insert again, like a driver's retry."""
    command = {"insert": "events", "documents": [{"_id": 1}], **fields}
    lsid = {"id": bson.Binary(bytes(16), 4)}
    number = {"lsid": lsid, "txnNumber": bson.Int64(1)}
    collection.database.command(command | number)
    return collection.database.command(command | number)


def test_azure_treats_a_retried_write_as_new(through: Open) -> None:
    _, collection = through(AZURE)
    assert retry(collection)["writeErrors"][0]["code"] == 11000
    collection.drop()
    assert retry(through(MONGODB).collection)["n"] == 1


def test_amazon_refuses_retryable_writes(through: Open) -> None:
    proxy, collection = through(AMAZON)
    refused = (301, "Retryable writes are not supported")
    assert failure_of(lambda: collection.insert_one({})) == refused
    assert failure_of(lambda: collection.find_one_and_delete({})) == refused
    assert proxy.refusals == {"txnNumber": 2}
    assert proxy.codes == {301: 2}


def test_ru_refuses_retryable_unordered_writes(through: Open) -> None:
    _, collection = through(RU)
    collection.insert_many([{"_id": 1}, {"_id": 2}])
    code, text = failure_of(lambda: collection.insert_many([{"_id": 3}], ordered=False))
    assert code == 2
    assert text.startswith("Retryable writes are not supported.")
    assert ids(collection) == [1, 2]


@pytest.mark.parametrize("dialect", [AZURE, RU])
def test_write_concerns_are_ignored(through: Open, dialect: Dialect) -> None:
    _, collection = through(dialect)
    of_seven = collection.with_options(write_concern=WriteConcern(w=7, wtimeout=100))
    assert of_seven.insert_one({}).acknowledged


def test_amazon_refuses_causal_consistency(through: Open) -> None:
    _, collection = through(AMAZON, retryWrites=False)
    with collection.database.client.start_session(causal_consistency=True) as session:
        collection.insert_one({}, session=session)
        code, text = failure_of(lambda: collection.find_one(session=session))
    assert (code, text) == (303, "Feature not supported: 'causal consistency'")


# Expressions, stages and commands


@pytest.mark.parametrize(
    ("dialect", "stage", "code", "text"),
    [
        (AZURE, {"$project": {"a": LET_OF_TWO}}, 17276, "undefined variable: two"),
        (AZURE, {"$match": {"$expr": LET_OF_TWO}}, 17276, "undefined variable: two"),
        (AZURE, {"$facet": {"a": [{"$project": {"a": GUARDED}}]}}, 241, "interpret number"),
        (AZURE, {"$changeStream": {}}, 115, "Stage $changeStream is not supported yet"),
        (AMAZON, {"$facet": {"a": []}}, 304, "Aggregation stage not supported: '$facet'"),
        (AMAZON, {"$unionWith": "other"}, 304, "'$unionWith'"),
        (AMAZON, {"$set": {"a": 1}}, 304, "'$set'"),
        (AMAZON, {"$project": {"a": {"$isNumber": "$a"}}}, 305, "not supported: '$isNumber'"),
        (AMAZON, {"$project": {"a": "$$REMOVE"}}, 303, "Feature not supported: $$REMOVE"),
        (AMAZON, {"$group": {"_id": 1, "n": {"$count": {}}}}, 305, "'$count'"),
        (AMAZON, {"$match": {"a": {"$type": ["int", "long"]}}}, 303, "array for $type"),
        (AMAZON, {"$lookup": JOIN | {"let": {"b": "$b"}, "pipeline": []}}, 9, "concise"),
        (AMAZON, {"$lookup": {"from": "o", "pipeline": [], "as": "o"}}, 304, "'$lookup on"),
        (AMAZON, {"$changeStream": {}}, 136, "modifyChangeStreams has not been run"),
        (RU, {"$lookup": JOIN | {"let": {}, "pipeline": []}}, 115, "let not supported"),
        (RU, {"$setWindowFields": {"output": {}}}, 40324, "stage name: $setWindowFields"),
        (RU, {"$project": {"a": {"$dateTrunc": {}}}}, 168, "'$dateTrunc'"),
    ],
)
def test_unsupported_stages_are_refused(
    through: Open, dialect: Dialect, stage: Document, code: int, text: str
) -> None:
    proxy, collection = through(dialect)
    found, errmsg = failure_of(lambda: collection.aggregate([stage]))
    assert found == code
    assert text in errmsg
    assert proxy.codes == {code: 1}


@pytest.mark.parametrize(
    ("dialect", "stage"),
    [
        (AZURE, {"$project": {"a": {"$let": {"vars": {"one": 1}, "in": "$$one"}}}}),
        (AZURE, {"$project": {"a": {"$literal": LET_OF_TWO}}}),
        (AZURE, {"$project": {"a": {"$cond": [{"$toDouble": "$n"}, 1, 2]}}}),
        (AZURE, {"$lookup": JOIN | {"let": {"b": "$b"}, "pipeline": []}}),
        (AMAZON, {"$count": "n"}),
        (AMAZON, {"$match": {"$expr": {"$gt": ["$a", {"$let": {"vars": {}, "in": 1}}]}}}),
        (AMAZON, {"$lookup": JOIN}),
        (RU, {"$facet": {"a": [{"$count": "n"}]}}),
    ],
)
def test_supported_stages_pass(through: Open, dialect: Dialect, stage: Document) -> None:
    proxy, collection = through(dialect)
    collection.aggregate([stage]).to_list()
    assert not proxy.refusals


def test_expressions_are_found_in_every_command(through: Open) -> None:
    proxy, collection = through(AZURE)
    condition = {"$expr": LET_OF_TWO}
    for call in (
        lambda: collection.find_one(condition),
        lambda: collection.count_documents(condition),
        lambda: collection.distinct("a", condition),
        lambda: collection.delete_many(condition),
        lambda: collection.update_many(condition, {"$set": {"a": 1}}),
        lambda: collection.find_one_and_delete(condition),
    ):
        assert failure_of(call)[0] == 17276
    assert proxy.refusals == {"$let": 6}


def test_change_streams_can_be_enabled(through: Open) -> None:
    proxy, collection = through(AMAZON)
    proxy.change_streams = True
    collection.database.create_collection("events")
    with collection.watch(max_await_time_ms=1) as changes:
        assert changes.try_next() is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (WORD, None),
        ({"$trim": {"input": "$rating"}}, None),
        ({"$concat": [WORD, ""]}, 2.0),
        ("$rating", 2.0),
    ],
)
def test_azure_converts_a_trimmed_text_to_null(
    through: Open, source: object, expected: float | None
) -> None:
    _, collection = through(AZURE)
    collection.insert_one({"rating": "2"})
    direct = {"$convert": {"input": source, "to": "double"}}
    bound = {"$let": {"vars": {"w": source}, "in": {"$convert": {"input": "$$w", "to": "double"}}}}

    [found] = collection.aggregate([{"$project": {"direct": direct, "bound": bound}}])

    assert (found["direct"], found["bound"]) == (expected, expected)


def test_azure_converts_a_concatenated_trimmed_variable(through: Open) -> None:
    _, collection = through(AZURE)
    collection.insert_one({"rating": " 2 "})
    number = {"$convert": {"input": {"$concat": ["$$word", ""]}, "to": "double"}}
    [found] = collection.aggregate(
        [{"$project": {"number": {"$let": {"vars": {"word": WORD}, "in": number}}}}]
    )
    assert found["number"] == 2


@pytest.mark.parametrize(
    ("dialect", "update", "expected"),
    [
        (AZURE, [{"$replaceWith": {"a": 1}}], "two _id fields"),
        (AZURE, [{"$set": {"_id": 1}}], "two _id fields"),
        (AMAZON, [{"$set": {"a": 1}}], "field must be of BSON type object"),
    ],
)
def test_updates_by_pipelines_are_refused(
    through: Open, dialect: Dialect, update: list[Document], expected: str
) -> None:
    proxy, collection = through(dialect, retryWrites=False)
    for call in (
        lambda: collection.update_one({}, update, upsert=True),
        lambda: collection.bulk_write([UpdateOne({}, update)]),
        lambda: collection.find_one_and_update({}, update),
    ):
        assert expected in failure_of(call)[1]
    assert proxy.refusals == {"update pipeline": 3}


def test_azure_accepts_an_update_by_a_pipeline_without_the_id(through: Open) -> None:
    _, collection = through(AZURE)
    collection.insert_one({"_id": 1})
    collection.update_one({}, [{"$set": {"a": 1}}])
    assert collection.find_one() == {"_id": 1, "a": 1}


def expire(collection: Collection[Document], index: Document) -> Document:
    """Change an index to a TTL index."""
    change = index | {"expireAfterSeconds": 60}
    return collection.database.command("collMod", collection.name, index=change)


@pytest.mark.parametrize("dialect", [AZURE, AMAZON])
def test_collmod_changes_an_expiry_but_adds_none(through: Open, dialect: Dialect) -> None:
    proxy, collection = through(dialect, retryWrites=False)
    collection.create_index("plain", name="plain")
    collection.create_index("expiring", expireAfterSeconds=30)

    refused = (72, "no expireAfterSeconds field to update")
    assert failure_of(lambda: expire(collection, {"name": "plain"})) == refused
    assert failure_of(lambda: expire(collection, {"keyPattern": {"plain": 1}})) == refused
    assert expire(collection, {"keyPattern": {"expiring": 1}})["expireAfterSeconds_new"] == 60
    assert proxy.refusals == {"expireAfterSeconds": 2}


def test_ru_expires_only_by_ts_and_has_no_collmod(through: Open) -> None:
    _, collection = through(RU)
    by_timestamp = IndexModel("timestamp", expireAfterSeconds=60)

    code, text = failure_of(lambda: collection.create_indexes([by_timestamp]))
    assert (code, text) == (
        2,
        "The 'expireAfterSeconds' option is supported on '_ts' field only.",
    )
    collection.create_index("_ts", expireAfterSeconds=60)
    code, text = failure_of(lambda: expire(collection, {"keyPattern": {"_ts": 1}}))
    assert (code, text) == (115, "Command collMod not supported.")


def test_ru_has_no_compound_index_on_nested_fields(through: Open) -> None:
    _, collection = through(RU)

    code, text = failure_of(lambda: collection.create_index(["a.b", "c"]))
    assert (code, text) == (115, "Unique and compound indexes do not support nested paths.")
    collection.create_index(["a", "c"])
    collection.create_index("a.b")


def test_amazon_reports_its_version_and_finds_without_disk(through: Open) -> None:
    _, collection = through(AMAZON)
    assert collection.database.command("getEngineVersion")["engineVersion"].startswith("3.0.")
    code, _ = failure_of(lambda: list(collection.find(allow_disk_use=True)))
    assert code == 9
    collection.aggregate([], allowDiskUse=True)
