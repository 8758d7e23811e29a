"""The topics and comments of the demo's users."""

# Topics, and their short names.
TOPICS = {
    "energy prices": "energy",
    "the elections": "elections",
    "football": "football",
    "chip makers": "chips",
    "the climate talks": "climate",
    "rents": "rents",
    "train strikes": "trains",
    "health insurance": "health",
    "the stock market": "stocks",
    "tomorrow's weather": "weather",
}

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

WRONG = (
    "The part on {topic} was out of date.",
    "It mixed up two different people.",
    "Not what I asked. I wanted {topic}, not history.",
    "The source it links to says the opposite.",
    "Half of it is made up, I checked.",
    "Wrong numbers again on {topic}.",
    "It answered in the wrong language.",
    "Far too vague, nothing on {topic} that I could use.",
    "Repeats the question instead of answering it.",
    "It contradicts what it told me yesterday.",
)

SLOW = (
    "Took forever, I had already found it elsewhere.",
    "Why is it so slow today?",
    "Waited half a minute for three sentences.",
    "Good answer on {topic}, but far too slow.",
    "It hung for a while before anything came.",
)

FAILED = (
    "Error again! I had to ask three times.",
    "Something went wrong, then it gave me half an answer.",
    "It keeps failing when I ask about {topic}.",
    "Lost my question after the error message.",
    "After the second error I gave up.",
)

# Comments on briefings that went wrong, by their age in days.
BAD_BRIEFINGS = {
    1: (
        "The exchange rates in this briefing are from last year.",
        "Says the euro rose. It fell, look at any chart.",
        "Wrong rates, I nearly ordered on them!",
        "Please check the currency table, every row is off.",
        "Yen and won are swapped.",
        "I compared it with my bank: not one rate is right.",
    ),
    10: (
        "It reports the final as if it were still to be played.",
        "Wrong score in the headline.",
        "The match was on Sunday. This is a preview, not news.",
        "Old news from before the weekend.",
        "It has the wrong team as champions.",
        "Who checks this?",
    ),
    15: (
        "Half of this briefing is in Spanish for me.",
        "Ends in the middle of a sentence.",
        "The same paragraph three times.",
        "Took ages to load and then it was cut off.",
        "Two items are missing, and the rest is in the wrong order.",
        "I only got the first half.",
    ),
    18: (
        "It names the wrong minister throughout.",
        "That law was withdrawn weeks ago.",
        "All five links lead to the same page.",
        "The quote in the second item is invented.",
        "Mixes up the two parties.",
        "I reported this yesterday and it is still there.",
    ),
    20: (
        "Empty apart from the headlines.",
        "Nothing in here is from today.",
        "Error on every second item.",
        "It kept loading and then showed yesterday's briefing.",
        "Half of the items end in an error.",
        "Nothing on the topics that I follow.",
    ),
    37: (
        "It mixes up two hospitals with the same name.",
        "The opening hours are wrong, I stood before a closed door.",
        "The phone number belongs to a pizza place.",
        "Names a doctor who retired years ago.",
    ),
}

# Comments on popular questions whose answers stay bad.
BAD_TOPICS = {
    "rents": (
        "The rent cap it cites was repealed.",
        "These rules are for another country.",
        "Told me to stop paying rent. Really?",
        "Cites a law that does not exist.",
        "I asked about my city and got another one.",
        "Out of date since spring.",
    ),
    "train strikes": (
        "Says trains run normally. I am standing on the platform.",
        "The strike ended two days ago.",
        "Wrong line, wrong city.",
        "No word about the night trains.",
        "It sent me to a closed station.",
        "Always a day behind.",
    ),
}
