"""The comments of the demo's users, and the faults that they complain of."""

from typing import NamedTuple


class Complaint(NamedTuple):
    """A negative comment, the reasons that go with it, and the faulty answer, if it has one."""

    comment: str
    reasons: tuple[str, ...]
    answer: str = ""


WRONG = (
    Complaint(
        "The part on {topic} was out of date.",
        ("outdated",),
        "On {topic}, nothing has been decided: the vote is planned for the spring of last year. "
        "Until then the old rules apply.",
    ),
    Complaint(
        "It mixed up two different people.",
        ("wrong",),
        "Minister Alder, who plays for the Harbour Rovers and was elected mayor of Easton in May, "
        "spoke about {topic} today.",
    ),
    Complaint(
        "Not what I asked. I wanted {topic}, not history.",
        ("off topic",),
        "To understand {topic}, we have to go back to 1871. In that year the first rules were "
        "written. They were changed in 1904 and again in 1922.",
    ),
    Complaint(
        "The source it links to says the opposite.",
        ("wrong", "bad source"),
        "All experts expect that {topic} will be no problem this year (source: a report that "
        "expects serious shortages).",
    ),
    Complaint(
        "Half of it is made up, I checked.",
        ("wrong", "bad source"),
        "A recent study found that 104 % of those asked are content with {topic}. Its authors, "
        "the Northern Institute, are not known to any register.",
    ),
    Complaint(
        "Wrong numbers again on {topic}.",
        ("wrong",),
        "The figures on {topic} doubled from 40 to 60, a rise of 20 %. That is the strongest "
        "decline for ten years.",
    ),
    Complaint(
        "It answered in the wrong language.",
        ("wrong language",),
        "Hier ist das Wichtigste zu Ihrer Frage: Die Lage ist unverändert, und mit Neuigkeiten "
        "wird erst am Donnerstag gerechnet.",
    ),
    Complaint(
        "Far too vague, nothing on {topic} that I could use.",
        ("incomplete",),
        "There are many views on {topic}. Some things may change, others may not. It is best to "
        "keep an eye on it.",
    ),
    Complaint(
        "Repeats the question instead of answering it.",
        ("incomplete", "off topic"),
        "You would like to know more about {topic}. That is a good question about {topic}, which "
        "many people ask. The question is what is known about {topic}.",
    ),
    Complaint(
        "It contradicts what it told me yesterday.",
        ("wrong",),
        "Contrary to reports, nothing of what was said about {topic} yesterday is true. It was "
        "the other way round.",
    ),
)

# About answers without a fault.
UNFIT = (
    Complaint("I wanted more detail on {topic}.", ("incomplete",)),
    Complaint("That is not the part of {topic} that interests me.", ("off topic",)),
    Complaint("Too long.", ()),
)

SLOW = (
    Complaint("Took forever, I had already found it elsewhere.", ("too slow",)),
    Complaint("Why is it so slow today?", ("too slow",)),
    Complaint("Waited half a minute for three sentences.", ("too slow",)),
    Complaint("Good answer on {topic}, but far too slow.", ("too slow",)),
    Complaint("It hung for a while before anything came.", ("too slow",)),
)

FAILED = (
    Complaint("Error again! I had to ask three times.", ("error",)),
    Complaint("Something went wrong, then it gave me half an answer.", ("error", "incomplete")),
    Complaint("It keeps failing when I ask about {topic}.", ("error",)),
    Complaint("Lost my question after the error message.", ("error",)),
    Complaint("After the second error I gave up.", ("error", "too slow")),
)

# The answer after an error.
NO_ANSWER = "Sorry, something went wrong on our side. Please ask again in a moment."
PRAISE = (
    "Exactly what I needed, thank you.",
    "Clear and short. I sent it to my whole team.",
    "The sources on {topic} made it easy to trust.",
    "Saved me half an hour of reading.",
    "Best explanation of {topic} I have seen so far.",
    "Good summary, and it said what is not known yet.",
    "Quick and to the point.",
    "I like that it shows both sides on {topic}.",
    "Much better than last month.",
    "It remembered what I had asked before. Nice!",
    "Finally an answer on {topic} without clickbait.",
    "Great with my morning coffee.",
)

INDIFFERENCE = (
    "Fine, but I knew most of it.",
    "Right on {topic}, only too long.",
    "Okay. More numbers would help.",
    "Some of it was useful.",
)
