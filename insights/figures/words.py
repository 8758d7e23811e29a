"""Words that negative comments use more than others.

Compares how many users used a word, or a pair of adjacent words, by the weighted log-odds ratio
with an informative Dirichlet prior of Monroe, Colaresi and Quinn ("Fightin' Words", Political
Analysis 16, 2008). The prior is the use in all comments, so words that are frequent everywhere,
such as "the", need no list to be left out.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log, sqrt

from insights.figures.ratings import Ratings
from insights.figures.sequences import key_of
from insights.kinds import Document
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Sentiment

# Limits of traffic and memory: the newest comments, the beginning of each, and the different
# phrases of all.
NEWEST = 10_000
LONGEST = 400
MOST_PHRASES = 200_000

ENOUGH_COMMENTS = 20
ENOUGH_USES = 3
ENOUGH_USERS = 2
SHOWN = 12

# With the prior of all comments, chance puts a phrase above these in less than one list in twenty,
# with few phrases compared and with more (see the tests).
FEW_PHRASES = 150
LEAST_Z_OF_FEW, LEAST_Z = 1.96, 2.33

# Chinese and Japanese have no spaces: each two adjacent characters count as a word.
UNSPACED = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
# Vowel signs, for one, which `\w` leaves out; the combining marks of all scripts.
MARKS = "".join(
    re.escape(chr(point))
    for point in range(0x300, 0x11A00)
    if unicodedata.category(chr(point)).startswith("M")
)
LETTER = rf"[^\W_{UNSPACED}]"
TOKEN = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)|{LETTER}(?:{LETTER}|[{MARKS}]|['{APOSTROPHE}](?={LETTER}))*"
)


@dataclass(frozen=True)
class Phrase:
    """A word or a pair of words, and the numbers of negative and of other comments that use it.

    `z` is the log-odds ratio divided by its standard deviation.
    """

    phrase: str
    negative: int
    others: int
    z: float


@dataclass(frozen=True)
class Words:
    """The phrases that negative comments use more than others; the most telling ones first.

    `phrases` is None with fewer than 20 negative comments.
    """

    negative_comments: int
    other_comments: int
    phrases: list[Phrase] | None


@dataclass(slots=True)
class Use:
    """The numbers of comments that use a phrase, and of users who do in such comments."""

    negative: int = 0
    others: int = 0
    users_negative: int = 0
    users_others: int = 0

    def add(self, comments: int, *, is_negative: bool) -> None:
        """Add the numbers of one user's comments."""
        if is_negative:
            self.negative += comments
            self.users_negative += 1
        else:
            self.others += comments
            self.users_others += 1


def compare_words(found: Scope, ratings: Ratings) -> Words:
    """Return the words of the newest comments in a scope."""
    by_user: dict[object, list[Document]] = defaultdict(list)
    for each in newest_comments(found, ratings):
        by_user[key_of(each.get("user_id"))].append(each)
    comments, uses = Counter[bool](), dict[str, Use]()
    for own in by_user.values():
        add_uses(uses, own, comments)
    if comments[True] < ENOUGH_COMMENTS:
        return Words(comments[True], comments[False], None)
    return Words(comments[True], comments[False], without_parts(telling(uses))[:SHOWN])


def newest_comments(found: Scope, ratings: Ratings) -> Iterator[Document]:
    """Yield the newest comments of a scope."""
    beginning = {"$substrCP": ["$comment", 0, LONGEST]}
    is_negative = ratings.test(Sentiment.NEGATIVE)
    pipeline: list[Stage] = [
        # An array may hold a text.
        {"$match": {"$expr": {"$eq": [{"$type": "$comment"}, "string"]}}},
        {"$sort": {"timestamp": -1}},
        {"$limit": NEWEST},
        {"$project": {"_id": 0, "user_id": 1, "comment": beginning, "is_negative": is_negative}},
    ]
    yield from found.stream(pipeline, {"comment": {"$gt": ""}})


def add_uses(uses: dict[str, Use], own: Iterable[Document], comments: Counter[bool]) -> None:
    """Add the phrases and the numbers of one user's comments."""
    used: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for each in own:
        is_negative = each["is_negative"]
        comments[is_negative] += 1
        used[is_negative].update(phrases_in(each["comment"]))
    for is_negative, counts in used.items():
        for phrase, count in counts.items():
            if phrase in uses or len(uses) < MOST_PHRASES:
                uses.setdefault(phrase, Use()).add(count, is_negative=is_negative)


# Short comments recur.
@lru_cache(NEWEST)
def phrases_in(comment: str) -> frozenset[str]:
    """Return the words and the pairs of adjacent words in a comment.

    Numbers and single letters are no words.
    """
    text = unicodedata.normalize("NFKC", comment).casefold()
    found: set[str] = set()
    end, before = 0, ""
    for token in TOKEN.finditer(text):
        word = token[0].replace(APOSTROPHE, "'")
        if token["unspaced"]:
            found.update(map("".join, pairwise(word)))
            before = ""
        elif len(word) == 1 or word.isnumeric():
            before = ""
        else:
            found.add(word)
            if before and text[end : token.start()].isspace():
                found.add(f"{before} {word}")
            before = word
        end = token.end()
    return frozenset(found)


def score(uses: Mapping[str, Use]) -> list[Phrase]:
    """Return the phrases with their scores, the highest first."""
    negative = sum(use.users_negative for use in uses.values())
    others = sum(use.users_others for use in uses.values())
    prior = negative + others
    found = []
    for phrase, use in uses.items():
        of_all = use.users_negative + use.users_others
        in_negative, in_others = use.users_negative + of_all, use.users_others + of_all
        if of_all == prior:
            continue
        odds_negative = in_negative / (negative + prior - in_negative)
        odds_others = in_others / (others + prior - in_others)
        z = log(odds_negative / odds_others) / sqrt(1 / in_negative + 1 / in_others)
        found.append(Phrase(phrase, use.negative, use.others, z))
    return sorted(found, key=lambda each: (-each.z, each.phrase))


def telling(uses: Mapping[str, Use]) -> list[Phrase]:
    """Return the phrases that are used enough and that chance hardly explains, in order."""
    compared = [each for each in score(uses) if is_used(uses[each.phrase])]
    least = LEAST_Z if len(compared) > FEW_PHRASES else LEAST_Z_OF_FEW
    return [each for each in compared if each.z > least]


def is_used(use: Use) -> bool:
    """Say whether enough negative comments use a phrase, and enough users."""
    return use.negative >= ENOUGH_USES and use.users_negative >= ENOUGH_USERS


def without_parts(phrases: list[Phrase]) -> list[Phrase]:
    """Return the phrases without those that another one says.

    A pair of two listed words stands for each that is mostly used in it. A pair that stands for no
    listed word of its own is left out.
    """
    uses = {each.phrase: each.negative for each in phrases}
    said: set[str] = set()
    for each in phrases:
        pair = each.phrase.split()
        listed = [word for word in pair if word in uses]
        most = [word for word in listed if 2 * each.negative >= uses[word]]
        if len(pair) == len(listed) > 1 and most:
            said.update(most)
        elif len(pair) > 1 and listed:
            said.add(each.phrase)
    return [each for each in phrases if each.phrase not in said]
