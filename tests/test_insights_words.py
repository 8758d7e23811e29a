"""The words that negative comments use more than others."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from insights.figures import words
from insights.figures.words import Phrase, Use, add_uses, phrases_in, score, telling
from insights.kinds import Document
from tests.support.dialects import Dialect
from tests.support.documents import NOON, a_feedback
from tests.support.insights_cli import Insights

DAY = ("--since", "2026-11-01", "--until", "2026-11-02")
DIALECTS = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("Out of date.", {"out", "of", "date", "out of", "of date"}),
        ("Wrong! WRONG, wrong", {"wrong"}),
        # Pairs are separated by blanks only.
        ("slow, again", {"slow", "again"}),
        ("It\N{RIGHT SINGLE QUOTATION MARK}s  not\nit's", {"it's", "not", "it's not", "not it's"}),
        # Numbers and single letters are no words, and separate others.
        ("I got 3 errors in 2026", {"got", "errors", "in", "errors in"}),
        ("gpt4 under_score", {"gpt4", "under", "score", "gpt4 under"}),
        ("Größe GRÖSSE", {"grösse", "grösse grösse"}),
        ("cafe\u0301 \N{FULLWIDTH LATIN SMALL LETTER W}rong", {"café", "wrong", "café wrong"}),
        ("नमस्ते दुनिया", {"नमस्ते", "दुनिया", "नमस्ते दुनिया"}),
        ("خطأ كبير", {"خطأ", "كبير", "خطأ كبير"}),
        ("回答错误", {"回答", "答错", "错误"}),
        ("答 wrong答え", {"wrong", "答え"}),
        ("틀린 답변", {"틀린", "답변", "틀린 답변"}),
        ("?! … 👎", set()),
    ],
)
def test_splits_comments_into_words_and_pairs(comment: str, expected: set[str]) -> None:
    assert phrases_in(comment) == expected


def comments_of(number: int, rating: str, *texts: str) -> Iterator[Document]:
    """Yield a comment of each of so many users, who take the texts in turn."""
    for each in range(number):
        user = f"{rating}{each}"
        text = texts[each % len(texts)]
        yield a_feedback(NOON, user_id=user, rating=rating, comment=text)


def found(insights: Insights, *options: str) -> Any:
    """Return the words of `summary --json`."""
    result = insights("summary", *DAY, *options, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.lines[0]["feedback"]["words"]


def store(database: Database[Document], *comments: Iterable[Document]) -> None:
    """Store comments."""
    database.feedback.insert_many([each for some in comments for each in some])


@DIALECTS
def test_finds_the_words_that_negative_comments_use_more(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(
        empty_database,
        comments_of(30, "down", "The answer is outdated", "The answer, as ever"),
        comments_of(40, "up", "The answer is good"),
        comments_of(20, "3", "The answer, as ever"),
        comments_of(20, "hm", "So what is outdated?"),
        [a_feedback(NOON, rating="down"), a_feedback(NOON, rating="down", comment="")],
    )
    # Of the period before.
    store(
        empty_database,
        [a_feedback(NOON - timedelta(days=3), rating="down", comment="Broken", user_id="u")],
    )

    result = found(insights)

    assert (result["negative_comments"], result["other_comments"]) == (30, 80)
    assert result["phrases"] == []

    store(empty_database, comments_of(9, "👎", "Broken link"))
    result = found(insights)

    # The pair says both.
    [phrase] = result["phrases"]
    assert (phrase["phrase"], phrase["negative"], phrase["others"]) == ("broken link", 9, 0)
    assert phrase["z"] > 2.33


@DIALECTS
@pytest.mark.parametrize(("comments", "expected"), [(20, ["broken"]), (19, None)])
def test_says_nothing_with_fewer_than_twenty_negative_comments(
    insights: Insights,
    empty_database: Database[Document],
    comments: int,
    expected: list[str] | None,
) -> None:
    store(
        empty_database,
        comments_of(comments, "down", "broken"),
        comments_of(60, "up", "fine"),
    )

    result = found(insights)

    assert result["negative_comments"] == comments
    phrases = result["phrases"]
    assert (phrases and [each["phrase"] for each in phrases]) == expected


@DIALECTS
def test_a_user_counts_once(insights: Insights, empty_database: Database[Document]) -> None:
    store(
        empty_database,
        comments_of(20, "down", "some text", "other text"),
        comments_of(60, "up", "some text", "other text"),
        [a_feedback(NOON, user_id="loud", rating="down", comment="rubbish") for _ in range(30)],
    )

    result = found(insights)

    assert (result["negative_comments"], result["phrases"]) == (50, [])


@DIALECTS
def test_comments_and_users_of_other_types_are_no_obstacle(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(
        empty_database,
        comments_of(20, "down", "broken"),
        comments_of(60, "up", "fine"),
    )
    comments: list[Any] = [7, ["broken"], {"a": "broken"}, ObjectId(), None, True]
    users: list[Any] = [7, 7.0, None, ["ann"], {"a": 1}, ObjectId()]
    rated = a_feedback(NOON, rating="down")
    del rated["user_id"]
    store(
        empty_database,
        [rated | {"_id": number, "comment": each} for number, each in enumerate(comments)],
        [
            rated | {"_id": f"{number}", "user_id": each, "comment": "broken"}
            for number, each in enumerate(users)
        ],
        [rated | {"_id": "none", "comment": "broken"}],
    )

    result = found(insights)

    assert result["negative_comments"] == 27
    assert [(each["phrase"], each["negative"]) for each in result["phrases"]] == [("broken", 27)]


@DIALECTS
def test_reads_only_the_newest_comments(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "NEWEST", 40)
    store(
        empty_database,
        comments_of(20, "down", "broken"),
        comments_of(20, "up", "fine"),
        [a_feedback(NOON - timedelta(hours=1), user_id="old", comment="old") for _ in range(5)],
    )

    result = found(insights)

    assert (result["negative_comments"], result["other_comments"]) == (20, 20)


@DIALECTS
def test_reads_the_beginning_of_a_long_comment(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(
        empty_database,
        comments_of(20, "down", "slow " * 80 + "late"),
        comments_of(20, "up", "fine"),
    )

    assert [each["phrase"] for each in found(insights)["phrases"]] == ["slow slow"]


def test_a_full_vocabulary_takes_no_new_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_PHRASES", 2)
    uses: dict[str, Use] = {}
    for comment in ("one", "two", "three", "one"):
        add_uses(uses, [{"is_negative": True, "comment": comment}], Counter())

    assert {phrase: use.negative for phrase, use in uses.items()} == {"one": 2, "two": 1}


def test_scores_are_those_of_monroe_colaresi_and_quinn() -> None:
    uses = {"bad": Use(4, 1, 4, 1), "the": Use(6, 9, 6, 9)}

    bad, the = score(uses)

    # With the prior: "bad" 4 + 5 of 10 + 20, and 1 + 5 of 10 + 20.
    assert (bad.phrase, the.phrase) == ("bad", "the")
    assert bad.z == pytest.approx(0.53900 / 0.52705, abs=1e-4)
    assert the.z == pytest.approx(-0.53900 / 0.29881, abs=1e-4)


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ({"out": 9, "of": 8, "out of": 8}, ["out of"]),
        # More of the word than of the pair.
        ({"wrong": 20, "team": 5, "wrong team": 5}, ["wrong", "wrong team"]),
        ({"wrong": 20, "team": 20, "wrong team": 5}, ["wrong", "team"]),
        # The other word says nothing.
        ({"error": 9, "the error": 8}, ["error"]),
        ({"not what": 8}, ["not what"]),
    ],
)
def test_a_pair_or_its_words_are_listed(uses: dict[str, int], expected: list[str]) -> None:
    phrases = [Phrase(phrase, number, 0, 2.0) for phrase, number in uses.items()]

    assert [each.phrase for each in words.without_parts(phrases)] == expected


VOCABULARY = [f"w{number}" for number in range(3000)]
FREQUENCIES = [1 / (number + 1) for number in range(3000)]


def lists(negative: int, others: int, used: float, rounds: int) -> Iterator[set[str]]:
    """Yield the telling words of random comments.

    `target` is in this share of negative ones, and in a fifth of it of others.
    """
    random = Random("words")  # noqa: S311 (nothing here is secret)
    for _ in range(rounds):
        uses: dict[str, Use] = {}
        for number in range(negative + others):
            is_negative = number < negative
            text = random.choices(VOCABULARY, FREQUENCIES, k=12)
            if random.random() < (used if is_negative else used / 5):
                text.append("target")
            comment = {
                "is_negative": is_negative,
                "comment": " ".join(text),
            }
            add_uses(uses, [comment], Counter())
        yield {each.phrase for each in telling(uses)}


def test_chance_hardly_ever_lists_a_word() -> None:
    found = [*lists(20, 60, 0, 20), *lists(100, 1000, 0, 10), *lists(600, 1200, 0, 20)]

    assert sum(map(bool, found)) <= 0.06 * len(found)


def test_a_frequent_word_is_found() -> None:
    found = list(lists(200, 800, 0.25, 10))

    assert sum("target" in each for each in found) >= 9
