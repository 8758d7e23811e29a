"""The topics of the demo's news: questions about them, and sentences that answer them."""

from typing import NamedTuple


class Topic(NamedTuple):
    """A topic. The sentences answer the questions in order, and there is one more of them.

    `short` is part of ids.
    """

    name: str
    short: str
    questions: tuple[str, ...]
    sentences: tuple[str, ...]


TOPICS = (
    Topic(
        "energy prices",
        "energy",
        (
            "Why did my power bill go up again?",
            "Will energy prices fall this winter?",
            "Is it worth changing to a fixed tariff now?",
        ),
        (
            "Grid fees went up this year and took back what cheaper power would have saved.",
            "Wholesale power is 4 % cheaper than a month ago, so tariffs may follow in winter.",
            "Fixed tariffs for a year now cost about as much as variable ones.",
            "Gas stores are 88 % full, a little above the usual level.",
        ),
    ),
    Topic(
        "the elections",
        "elections",
        (
            "Who is ahead in the polls?",
            "When do the polling stations close?",
            "What do the parties say about housing?",
        ),
        (
            "The two largest parties are within two points of each other in all five polls.",
            "Polling stations close at 18 h, and postal votes must arrive by then.",
            "Three parties promise a cap on rents, two want to build more instead.",
            "One in five voters has not decided yet, more than four years ago.",
        ),
    ),
    Topic(
        "football",
        "football",
        (
            "How did the cup match end?",
            "Who plays on Saturday?",
            "Is the captain fit again?",
        ),
        (
            "The home side won 2:1 with a goal in the last minute.",
            "The leaders play on Saturday at 15:30 h; the match is sold out.",
            "The captain trained with the team again and may be on the bench.",
            "The leaders are four points ahead with a match in hand.",
        ),
    ),
    Topic(
        "chip makers",
        "chips",
        (
            "Why are chips so hard to get?",
            "Which chip makers build new plants?",
            "Are memory prices going down?",
        ),
        (
            "Orders are a third higher than a year ago, and plants work at full capacity.",
            "Two makers open new plants next spring; both are fully booked for two years.",
            "Memory prices fell by 5 % last month, for the first time this year.",
            "Delivery takes 14 weeks on average, three fewer than in summer.",
        ),
    ),
    Topic(
        "the climate talks",
        "climate",
        (
            "What was agreed at the climate talks?",
            "Who pays into the climate fund?",
            "Why were the talks extended?",
        ),
        (
            "The delegates agreed on a fund for adaptation, but not on its size.",
            "Twelve countries have promised to pay into the fund so far.",
            "The talks were extended by a day because of the text on methane.",
            "Forty countries presented new targets; a third of them are binding.",
        ),
    ),
    Topic(
        "rents",
        "rents",
        (
            "How much may my landlord raise the rent?",
            "Are rents still going up?",
            "Does the rent cap apply to new contracts?",
        ),
        (
            "The local rent index decides how much is allowed.",
            "Rents for new contracts rose by 3.1 % in a year, for existing ones by 1.8 %.",
            "The cap applies to new contracts, but not to homes built in the last ten years.",
            "A landlord must announce an increase in writing, three months ahead.",
        ),
    ),
    Topic(
        "train strikes",
        "trains",
        (
            "Do trains run tomorrow?",
            "How long will the strike last?",
            "Can I get my money back for a cancelled train?",
        ),
        (
            "About a third of long-distance trains run tomorrow, to an emergency timetable.",
            "Both sides meet on Thursday with a mediator; until then the strike goes on.",
            "The fare for a cancelled train is paid back in full, on the operator's website.",
            "Regional trains run every hour instead of every half hour.",
        ),
    ),
    Topic(
        "health insurance",
        "health",
        (
            "Will my contribution rise next year?",
            "Can I change my health insurance?",
            "What does the reform change for families?",
        ),
        (
            "The average contribution rises by 0.3 points in January.",
            "After a year with one insurer, you can change with two months' notice.",
            "Children stay insured with their parents at no cost.",
            "The reform pays hospitals for being there, and less for each treatment.",
        ),
    ),
    Topic(
        "the stock market",
        "stocks",
        (
            "Why did shares fall today?",
            "What did the central bank decide?",
            "How was the market this week?",
        ),
        (
            "The index closed 0.6 % lower, mostly because of weak figures from carmakers.",
            "The central bank left its rate as it was, and hinted at a cut in spring.",
            "Over the week the index gained 0.9 %, with utilities in front.",
            "Trading was thin; many investors wait for Friday's figures on jobs.",
        ),
    ),
    Topic(
        "tomorrow's weather",
        "weather",
        (
            "Do I need an umbrella tomorrow?",
            "Will there be frost tonight?",
            "What will the weekend be like?",
        ),
        (
            "The morning is dry; you need an umbrella from about 15 h on.",
            "There may be ground frost in the valleys before sunrise.",
            "The weekend will be sunny and a little warmer.",
            "Expect 4 to 9 degrees, and wind of up to 50 km/h on the coast.",
        ),
    ),
)

OPENINGS = (
    "In short:",
    "This is the state of things this morning.",
    "Three sources agree on the main points.",
    "The answer depends on where you live, but in general:",
)

CLOSINGS = (
    "I can go into detail if you like.",
    "The sources are linked below.",
    "Figures for this month are not out yet.",
    "",
)
