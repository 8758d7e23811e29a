"""The differences between MongoDB and other servers of its protocol, as data.

A dialect is a table of `Traits`; `refusals` checks a command against it. Codes and texts were
observed on the servers or copied from their sources. A comment marks the ones that were not found.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

from tests.support.documents import Document

# Keeps dates beyond Python's years through decoding and encoding.
LOSSLESS: CodecOptions[Document] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)

# The commands made of statements, and the field that holds them.
STATEMENTS = {"insert": "documents", "update": "updates", "delete": "deletes"}
WITH_EXPRESSIONS = {"aggregate", "find", "count", "distinct", "findAndModify", "update", "delete"}

DUPLICATE_KEY = 11000
INDEX_NAME = re.compile(r" index: (.+?) dup key: ")

# Conversions that fail on a non-numeric text.
TO_NUMBER = frozenset({"$toDouble", "$toInt", "$toDecimal"})
TRIMMING = frozenset({"$trim", "$ltrim", "$rtrim"})
CASE_MAPPING = frozenset({"$toLower", "$toUpper"})


def names(text: str) -> frozenset[str]:
    """Return the names in a text."""
    return frozenset(text.split())


class Dialect(StrEnum):
    """A server that speaks MongoDB's protocol."""

    MONGODB = "mongodb"
    AZURE_DOCUMENTDB = "azure-documentdb"
    AMAZON_DOCUMENTDB = "amazon-documentdb"
    COSMOS_RU = "cosmos-ru"


@dataclass(frozen=True)
class Failure:
    """A command's failure; `{name}` in its text stands for the unsupported feature."""

    code: int
    code_name: str
    text: str

    def about(self, name: str) -> "Failure":
        """Return the failure with the name in its text."""
        return replace(self, text=self.text.replace("{name}", name))

    def reply(self) -> Document:
        """Return the reply to the command."""
        name = {"codeName": self.code_name} if self.code_name else {}
        return {"ok": 0.0, "errmsg": self.text, "code": self.code, **name}


class Refusal(NamedTuple):
    """The name of a refused feature, and the failure that reports it."""

    name: str
    failure: Failure


@dataclass
class Command:
    """A command with its statements, still encoded."""

    body: Document
    statements: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the command's name: its first field."""
        return next(iter(self.body))

    @property
    def namespace(self) -> str:
        """Return the database and the collection, in the form of error texts."""
        return f"{self.body['$db']}.{self.body[self.name]}"

    @property
    def is_ordered(self) -> bool:
        """Say whether the server stops at the first statement that fails."""
        return bool(self.body.get("ordered", True))

    @property
    def is_in_transaction(self) -> bool:
        """Say whether the command belongs to a transaction."""
        return "autocommit" in self.body

    @property
    def is_retryable_write(self) -> bool:
        """Say whether the client may retry the write under the same number."""
        return "txnNumber" in self.body and not self.is_in_transaction

    @cached_property
    def decoded(self) -> list[Document]:
        """Return the statements, decoded."""
        return [bson.decode(statement, LOSSLESS) for statement in self.statements]

    def update_pipelines(self) -> list[list[Document]]:
        """Return the updates by pipelines."""
        updates = [statement.get("u") for statement in self.decoded] + [self.body.get("update")]
        return [update for update in updates if isinstance(update, list)]

    def pipelines(self) -> list[list[Document]]:
        """Return all pipelines of the command."""
        return [*self.update_pipelines(), self.body.get("pipeline", [])]


@dataclass(frozen=True)
class Traits:
    """The traits in which a server differs from MongoDB.

    A failure of None means that the feature works as on MongoDB.
    """

    # Fields of the reply to `hello`. A replica set also names the proxy as its only member.
    replica_set: str | None = "rs0"
    hello: Document = field(default_factory=dict)

    # Replies without MongoDB, such as to commands that only this server has.
    replies: dict[str, Document] = field(default_factory=dict)

    # The text of a duplicate key error; keyPattern and keyValue are left out.
    duplicate_key: str | None = None

    stages: frozenset[str] = frozenset()
    stage: Failure | None = None
    operators: frozenset[str] = frozenset()
    operator: Failure | None = None
    variables: frozenset[str] = frozenset()
    variable: Failure | None = None
    commands: dict[str, Failure] = field(default_factory=dict)
    # Fields of commands.
    options: dict[tuple[str, str], Failure] = field(default_factory=dict)
    # `$lookup` with all of these fields; the first match wins.
    lookups: tuple[tuple[frozenset[str], Failure], ...] = ()

    # `$changeStream`, unless the proxy's `change_streams` enables it.
    change_stream: Failure | None = None
    causal_consistency: Failure | None = None
    retryable_write: Failure | None = None
    retryable_unordered_write: Failure | None = None
    # `collMod` that adds `expireAfterSeconds` to an index without it.
    new_expiry: Failure | None = None
    # A TTL index on another field than `_ts`.
    expiry_by_field: Failure | None = None
    # An index on several fields, of which one is in another.
    nested_compound: Failure | None = None
    # An update by a pipeline, and one whose pipeline sets `_id`.
    update_pipeline: Failure | None = None
    update_pipeline_with_id: Failure | None = None
    several_let_variables: Failure | None = None
    # `$count` in `$group`; as a stage its argument is a text.
    count_accumulator: Failure | None = None
    # A conversion to a number in a conditional branch. The server fails on the first non-numeric
    # text, even where the condition is false; the proxy fails immediately.
    guarded_conversion: Failure | None = None
    type_list: Failure | None = None

    # Two bulk writes that lock the same keys in different orders.
    deadlock: Failure | None = None
    # A bulk write that fails halfway; None closes the connection.
    partial: Failure | None = None

    # Fields of every command that are ignored.
    ignored: frozenset[str] = frozenset()
    ignores_retries: bool = False
    # `$convert` of a trimmed text returns null.
    converts_trimmed_to_null: bool = False

    @cached_property
    def conspicuous(self) -> re.Pattern[bytes]:
        """Return a pattern that matches every command whose expressions need a check.

        An update by a pipeline is an array named `u`, or `update` in `findAndModify`.
        """
        depending = names("$changeStream $cond $count $let $lookup $switch $type")
        wanted = self.stages | self.operators | self.variables | depending
        alternatives = "|".join(re.escape(name.removeprefix("$")) for name in sorted(wanted))
        pattern = rf"\x04u(?:pdate)?\x00|\$(?:{alternatives})[\x00.]"
        return re.compile(pattern.encode())


# Azure DocumentDB, engine 0.108 of the open source. The texts of the two expression failures are
# those of its `bson_expression.c` and `type_operators.c`.
AZURE_DOCUMENTDB = Traits(
    replica_set=None,
    hello={
        "msg": "isdbgrid",
        "maxWriteBatchSize": 25_000,
        "internal": {"documentdb_versions": ["0.108-0"], "kind": "azuredocumentdb"},
    },
    duplicate_key="Duplicate key violation on the requested collection: Index '{index}'",
    change_stream=Failure(
        115, "CommandNotSupported", "Stage $changeStream is not supported yet in native pipeline"
    ),
    new_expiry=Failure(72, "InvalidOptions", "no expireAfterSeconds field to update"),
    # The server accepts it, and damages the document.
    update_pipeline_with_id=Failure(
        115,
        "CommandNotSupported",
        "The dialect proxy refuses an update by a pipeline that sets _id: "
        "Azure DocumentDB would store a document with two _id fields",
    ),
    several_let_variables=Failure(
        17276, "Location17276", "Attempting to use an undefined variable: {name}"
    ),
    guarded_conversion=Failure(
        241,
        "ConversionFailure",
        "Unable to interpret number 'good' within $convert, "
        "as no onError value was specified: Did not consume whole string.",
    ),
    deadlock=Failure(112, "WriteConflict", "Could not acquire lock for operation due to deadlock"),
    partial=Failure(112, "WriteConflict", "Could not acquire lock for operation due to deadlock"),
    ignored=frozenset({"writeConcern"}),
    ignores_retries=True,
    converts_trimmed_to_null=True,
)

# Amazon DocumentDB, engine 5.0.0: the developer guide's "Supported MongoDB APIs", completed by
# awslabs/amazon-documentdb-tools.
AMAZON_STAGES = frozenset(
    [
        "$set",
        "$unset",
        "$replaceWith",
        "$bucket",
        "$bucketAuto",
        "$facet",
        "$graphLookup",
        "$merge",
        "$setWindowFields",
        "$sortByCount",
        "$unionWith",
        "$densify",
        "$fill",
        "$documents",
        "$listLocalSessions",
        "$listSessions",
        "$planCacheStats",
        "$shardedDataDistribution",
        "$changeStreamSplitLargeEvent",
    ]
)
AMAZON_OPERATORS = frozenset(
    [
        "$accumulator",
        "$acos",
        "$acosh",
        "$asin",
        "$asinh",
        "$atan",
        "$atan2",
        "$atanh",
        "$binarySize",
        "$bitAnd",
        "$bitNot",
        "$bitOr",
        "$bitXor",
        "$bottom",
        "$bottomN",
        "$bsonSize",
        "$cos",
        "$cosh",
        "$covariancePop",
        "$covarianceSamp",
        "$dateFromParts",
        "$dateToParts",
        "$dateTrunc",
        "$degreesToRadians",
        "$denseRank",
        "$derivative",
        "$documentNumber",
        "$expMovingAvg",
        "$firstN",
        "$function",
        "$getField",
        "$integral",
        "$isNumber",
        "$lastN",
        "$linearFill",
        "$locf",
        "$maxN",
        "$median",
        "$minMaxScalar",
        "$minN",
        "$percentile",
        "$pow",
        "$radiansToDegrees",
        "$rand",
        "$rank",
        "$round",
        "$sampleRate",
        "$setField",
        "$shift",
        "$sigmoid",
        "$sin",
        "$sinh",
        "$sortArray",
        "$stdDevPop",
        "$stdDevSamp",
        "$tan",
        "$tanh",
        "$toHashedIndexKey",
        "$toUUID",
        "$top",
        "$topN",
        "$trunc",
        "$tsIncrement",
        "$tsSecond",
        "$unsetField",
        "$where",
    ]
)
AMAZON_DOCUMENTDB = Traits(
    # Identified by a command that no other server has.
    replies={"getEngineVersion": {"engineVersion": "3.0.17983", "ok": 1.0}},
    # Not found: the text, except that it lacks keyPattern and keyValue.
    duplicate_key="E11000 duplicate key error collection: {namespace} index: {index}",
    stages=AMAZON_STAGES,
    stage=Failure(304, "", "Aggregation stage not supported: '{name}'"),
    operators=AMAZON_OPERATORS,
    operator=Failure(305, "", "Aggregation project operator not supported: '{name}'"),
    variables=frozenset({"$$CURRENT", "$$NOW", "$$REMOVE"}),
    variable=Failure(303, "", "Feature not supported: {name}"),
    # Not found: the text. The developer guide says that only `aggregate` knows the field.
    options={("find", "allowDiskUse"): Failure(9, "", "Unrecognized field: 'allowDiskUse'")},
    # Sources disagree on whether 5.0 accepts an uncorrelated pipeline: refuse it.
    lookups=(
        (
            frozenset({"localField", "pipeline"}),
            Failure(9, "", "$lookup concise correlated subquery is not supported"),
        ),
        (
            frozenset({"pipeline"}),
            Failure(
                304,
                "",
                "Aggregation stage not supported: "
                "'$lookup on multiple join conditions and uncorrelated subquery'",
            ),
        ),
    ),
    change_stream=Failure(
        136, "", "modifyChangeStreams has not been run for this collection/database/cluster"
    ),
    causal_consistency=Failure(303, "", "Feature not supported: 'causal consistency'"),
    retryable_write=Failure(301, "", "Retryable writes are not supported"),
    # Not found: the text of MongoDB 5.0, whose API this is.
    new_expiry=Failure(72, "", "no expireAfterSeconds field to update"),
    update_pipeline=Failure(9, "", "Failed to parse update: field must be of BSON type object"),
    count_accumulator=Failure(305, "", "Aggregation project operator not supported: '$count'"),
    type_list=Failure(303, "", "Feature not supported: array for $type filter"),
)

# Azure Cosmos DB for MongoDB with request units. Stages and operators missing from Microsoft's page
# "supported features and syntax" are refused.
COSMOS_RU = Traits(
    replica_set="globaldb",
    hello={
        "maxWriteBatchSize": 1000,
        "maxMessageSizeBytes": 4_194_304,
        "_t": "IsMasterResponse",
    },
    duplicate_key=(
        "E11000 duplicate key error collection: {namespace}. Failed _id or unique key constraint"
    ),
    stages=frozenset(
        [
            "$bucket",
            "$bucketAuto",
            "$collStats",
            "$currentOp",
            "$densify",
            "$fill",
            "$graphLookup",
            "$indexStats",
            "$listLocalSessions",
            "$listSessions",
            "$setWindowFields",
            "$unionWith",
        ]
    ),
    stage=Failure(40324, "Location40324", "Unrecognized pipeline stage name: {name}"),
    operators=frozenset({"$dateDiff", "$dateTrunc", "$isNumber", "$sortArray", "$toUUID"}),
    # Not found: MongoDB's own text.
    operator=Failure(168, "InvalidPipelineOperator", "Unrecognized expression '{name}'"),
    commands={
        "collMod": Failure(115, "CommandNotSupported", "Command collMod not supported."),
    },
    lookups=((frozenset({"pipeline"}), Failure(115, "CommandNotSupported", "let not supported")),),
    change_stream=Failure(
        2, "BadValue", "Change stream must be followed by a match and then a project stage"
    ),
    retryable_unordered_write=Failure(
        2,
        "BadValue",
        "Retryable writes are not supported. Please disable retryable writes by specifying "
        '"retrywrites=false" in the connection string or an equivalent driver specific config.',
    ),
    expiry_by_field=Failure(
        2, "BadValue", "The 'expireAfterSeconds' option is supported on '_ts' field only."
    ),
    nested_compound=Failure(
        115, "CommandNotSupported", "Unique and compound indexes do not support nested paths."
    ),
    partial=Failure(
        16500,
        "RequestRateTooLarge",
        "Error=16500, RetryAfterMs=8, Details='Batch write error.'",
    ),
    ignored=frozenset({"writeConcern"}),
)

TRAITS = {
    Dialect.MONGODB: Traits(),
    Dialect.AZURE_DOCUMENTDB: AZURE_DOCUMENTDB,
    Dialect.AMAZON_DOCUMENTDB: AMAZON_DOCUMENTDB,
    Dialect.COSMOS_RU: COSMOS_RU,
}


def throttled(retry_after_ms: int | None) -> Failure:
    """Return the failure of a request when the request units are used up.

    Cosmos DB does not always include a retry time.
    """
    if retry_after_ms is None:
        return Failure(16500, "RequestRateTooLarge", "Error=16500, Details='Insert error.'")
    return Failure(
        16500,
        "RequestRateTooLarge",
        f"Error=16500, RetryAfterMs={retry_after_ms}, Details='Response status code does not "
        "indicate success: TooManyRequests (429); Substatus: 3200; Reason: (Request rate is large. "
        "More Request Units may be needed, so no changes were made. Please retry this request "
        "later.)'",
    )


def refusals(traits: Traits, command: Command, *, expressions: bool) -> Iterator[Refusal]:
    """Yield each reason to refuse a command; `expressions` says whether to check those too.

    Indexes that `collMod` gives an expiry are checked elsewhere.
    """
    yield from refused_commands(traits, command)
    yield from refused_writes(traits, command)
    if expressions and command.name in WITH_EXPRESSIONS:
        yield from refused_updates(traits, command)
        yield from refused_stages(traits, command)
        yield from refused_operators(traits, command)


def refused_commands(traits: Traits, command: Command) -> Iterator[Refusal]:
    """Refuse commands, their options, and kinds of indexes."""
    if failure := traits.commands.get(command.name):
        yield Refusal(command.name, failure)
    for (name, option), failure in traits.options.items():
        if command.name == name and command.body.get(option):
            yield Refusal(option, failure)
    if traits.causal_consistency and "afterClusterTime" in command.body.get("readConcern", {}):
        yield Refusal("afterClusterTime", traits.causal_consistency)
    for index in command.body["indexes"] if command.name == "createIndexes" else ():
        yield from refused_index(traits, index)


def refused_index(traits: Traits, index: Document) -> Iterator[Refusal]:
    """Refuse kinds of indexes."""
    fields = list(index["key"])
    if traits.expiry_by_field and "expireAfterSeconds" in index and fields != ["_ts"]:
        yield Refusal("expireAfterSeconds", traits.expiry_by_field)
    if traits.nested_compound and len(fields) > 1 and any("." in each for each in fields):
        yield Refusal("compound index", traits.nested_compound)


def refused_writes(traits: Traits, command: Command) -> Iterator[Refusal]:
    """Refuse retryable writes."""
    if not command.is_retryable_write:
        return
    if traits.retryable_write:
        yield Refusal("txnNumber", traits.retryable_write)
    if traits.retryable_unordered_write and not command.is_ordered:
        yield Refusal("txnNumber", traits.retryable_unordered_write)


def refused_updates(traits: Traits, command: Command) -> Iterator[Refusal]:
    """Refuse updates by pipelines."""
    for pipeline in command.update_pipelines():
        if traits.update_pipeline:
            yield Refusal("update pipeline", traits.update_pipeline)
        if traits.update_pipeline_with_id and sets_id(pipeline):
            yield Refusal("update pipeline", traits.update_pipeline_with_id)


def sets_id(pipeline: list[Document]) -> bool:
    """Say whether an update's pipeline may set the document's `_id`."""
    return any(
        name in {"$replaceRoot", "$replaceWith"}
        or (name in {"$set", "$addFields"} and "_id" in argument)
        for stage in pipeline
        for name, argument in stage.items()
    )


def refused_stages(traits: Traits, command: Command) -> Iterator[Refusal]:
    """Refuse stages of pipelines."""
    for pipeline in command.pipelines():
        for name, argument in stages_of(pipeline):
            if traits.stage and name in traits.stages:
                yield Refusal(name, traits.stage.about(name))
            if traits.change_stream and name == "$changeStream":
                yield Refusal(name, traits.change_stream)
            if name == "$lookup":
                yield from refused_lookups(traits, argument)


def refused_lookups(traits: Traits, lookup: Document) -> Iterator[Refusal]:
    """Refuse joins on more than the equality of two fields."""
    for fields, failure in traits.lookups:
        if fields <= lookup.keys():
            yield Refusal("$lookup", failure)


def stages_of(pipeline: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the argument of each stage, including nested pipelines."""
    for stage in pipeline:
        for name, argument in stage.items():
            yield name, argument
            for inner in inner_pipelines(name, argument):
                yield from stages_of(inner)


def inner_pipelines(name: str, argument: Any) -> Iterable[Any]:
    """Return the pipelines in a stage's argument."""
    if name == "$facet":
        return list(argument.values())
    if name in {"$lookup", "$unionWith"} and isinstance(argument, dict):
        return [argument.get("pipeline", [])]
    return []


def refused_operators(traits: Traits, command: Command) -> Iterator[Refusal]:
    """Refuse operators and variables in expressions."""
    for name, argument in operators_of([command.body, command.decoded]):
        if traits.variable and name in traits.variables:
            yield Refusal(name, traits.variable.about(name))
        if traits.operator and name in traits.operators:
            yield Refusal(name, traits.operator.about(name))
        if traits.count_accumulator and name == "$count" and isinstance(argument, dict):
            yield Refusal(name, traits.count_accumulator)
        if traits.type_list and name == "$type" and isinstance(argument, list):
            yield Refusal(name, traits.type_list)
        if traits.several_let_variables and name == "$let" and len(argument["vars"]) > 1:
            yield Refusal(name, traits.several_let_variables.about(list(argument["vars"])[-1]))
        if traits.guarded_conversion:
            for inner, _ in operators_of(guarded(name, argument)):
                if inner in TO_NUMBER:
                    yield Refusal(inner, traits.guarded_conversion)


def operators_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each operator with its argument, and each variable, outermost first."""
    if isinstance(value, dict):
        for name, argument in value.items():
            if name.startswith("$"):
                yield name, argument
            if name != "$literal":
                yield from operators_of(argument)
    elif isinstance(value, list):
        for each in value:
            yield from operators_of(each)
    elif isinstance(value, str) and value.startswith("$$"):
        yield value.split(".")[0], None


def guarded(name: str, argument: Any) -> list[Any]:
    """Return the expressions that MongoDB evaluates conditionally."""
    if name == "$cond":
        if isinstance(argument, list):
            return argument[1:]
        return [argument.get("then"), argument.get("else")]
    if name == "$switch":
        first, *others = argument["branches"]
        return [first.get("then"), others, argument.get("default")]
    return []


def with_trimmed_as_null(value: Any, trimmed: frozenset[str] = frozenset()) -> Any:
    """Return an expression with null for each `$convert` of a trimmed text.

    `trimmed` are the variables that hold such texts.
    """
    if isinstance(value, list):
        return [with_trimmed_as_null(each, trimmed) for each in value]
    if not isinstance(value, dict) or "$literal" in value:
        return value
    if "$convert" in value and is_trimmed(value["$convert"]["input"], trimmed):
        return None
    if "$let" in value:
        return {"$let": let_with_trimmed_as_null(value["$let"], trimmed)}
    return {name: with_trimmed_as_null(each, trimmed) for name, each in value.items()}


def let_with_trimmed_as_null(let: Document, trimmed: frozenset[str]) -> Document:
    """Return the argument of a `$let`, tracking the variables that it binds."""
    bound = {f"$${name}": is_trimmed(value, trimmed) for name, value in let["vars"].items()}
    inside = trimmed - bound.keys() | {name for name, is_so in bound.items() if is_so}
    return {
        "vars": with_trimmed_as_null(let["vars"], trimmed),
        "in": with_trimmed_as_null(let["in"], inside),
    }


def is_trimmed(value: Any, trimmed: frozenset[str]) -> bool:
    """Say whether an expression's outermost operator trims, ignoring changes of case."""
    if not isinstance(value, dict):
        return isinstance(value, str) and value in trimmed
    inner = [value[name] for name in value.keys() & CASE_MAPPING]
    return bool(value.keys() & TRIMMING) or any(is_trimmed(each, trimmed) for each in inner)


def without_keys(traits: Traits, error: Document, namespace: str) -> Document:
    """Return an error in the server's words: a duplicate key loses its pattern and value."""
    if error.get("code") != DUPLICATE_KEY or traits.duplicate_key is None:
        return error
    found = INDEX_NAME.search(error["errmsg"])
    text = traits.duplicate_key.replace("{namespace}", namespace)
    kept = {name: error[name] for name in error if name not in {"keyPattern", "keyValue"}}
    return kept | {"errmsg": text.replace("{index}", found[1] if found else "<unknown>")}
