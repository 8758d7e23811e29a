"""Answers that many of the demo's users read and most find bad."""

from typing import NamedTuple

from insights.demo.comments import Complaint


class BadAnswer(NamedTuple):
    """The text of a bad answer, and the complaints about it."""

    text: str
    complaints: tuple[Complaint, ...]


# Briefings that went wrong, by their age in days.
BAD_BRIEFINGS = {
    1: BadAnswer(
        "Markets: the euro rose to 1.31 dollars, its rates as of November last year. One euro buys "
        "9.4 yen or 162 won. The table below has the other currencies at the same rates, for those "
        "who order abroad today.",
        (
            Complaint("The exchange rates in this briefing are from last year.", ("outdated",)),
            Complaint("Says the euro rose. It fell, look at any chart.", ("wrong",)),
            Complaint("Wrong rates, I nearly ordered on them!", ("wrong", "unsafe")),
            Complaint("Please check the currency table, every row is off.", ("wrong",)),
            Complaint("Yen and won are swapped.", ("wrong",)),
            Complaint("I compared it with my bank: not one rate is right.", ("wrong",)),
        ),
    ),
    5: BadAnswer(
        "Weather: a storm warning holds for the whole coast until last Friday. Ferries do not run "
        "and schools stay closed today. Temperatures reach 31 degrees, with snow above 200 m.",
        (
            Complaint("The storm was last week. Ferries run, schools are open.", ("outdated",)),
            Complaint("31 degrees and snow, on the same day?", ("wrong",)),
            Complaint("I kept my children at home because of this.", ("wrong", "unsafe")),
            Complaint("A warning “until last Friday” is no warning.", ("outdated",)),
            Complaint("Not one word about today's weather.", ("outdated", "incomplete")),
        ),
    ),
    10: BadAnswer(
        "Sport: the Harbour Rovers, champions for the third time, meet the Mill Town Eleven in "
        "Sunday's final. Headline: Rovers win 4:0. Experts expect a close match, and tickets are "
        "still on sale. Kick-off is at 18 h.",
        (
            Complaint("It reports the final as if it were still to be played.", ("outdated",)),
            Complaint("Wrong score in the headline.", ("wrong",)),
            Complaint("The match was on Sunday. This is a preview, not news.", ("outdated",)),
            Complaint("Old news from before the weekend.", ("outdated",)),
            Complaint("It has the wrong team as champions.", ("wrong",)),
            Complaint("Who checks this?", ()),
        ),
    ),
    15: BadAnswer(
        "1. The council voted for the new tram. 1. The council voted for the new tram. 1. The "
        "council voted for the new tram. 4. Los precios de la vivienda subieron un dos por ciento "
        "y el gobierno anunció que 3. In the north, the",
        (
            Complaint("Half of this briefing is in Spanish for me.", ("wrong language",)),
            Complaint("Ends in the middle of a sentence.", ("incomplete",)),
            Complaint("The same paragraph three times.", ("incomplete",)),
            Complaint("Took ages to load and then it was cut off.", ("too slow", "incomplete")),
            Complaint("Two items are missing, the rest is in the wrong order.", ("incomplete",)),
            Complaint("I only got the first half.", ("incomplete",)),
        ),
    ),
    18: BadAnswer(
        "Politics: Minister Alder presented the Deposit Bill today, which passes next week. “It is "
        "done”, the minister said. The Teals, who proposed the bill, oppose it, and the Ochres, "
        "who oppose it, will vote for their proposal. Sources: 1, 1, 1, 1 and 1.",
        (
            Complaint("It names the wrong minister throughout.", ("wrong",)),
            Complaint("That law was withdrawn weeks ago.", ("outdated",)),
            Complaint("All five links lead to the same page.", ("bad source",)),
            Complaint("The quote in the second item is invented.", ("wrong", "bad source")),
            Complaint("Mixes up the two parties.", ("wrong",)),
            Complaint("I reported this yesterday and it is still there.", ("wrong",)),
        ),
    ),
    20: BadAnswer(
        "Yesterday's news. 1. Talks on wages: (could not be loaded). 2. Bridge closed: (could not "
        "be loaded). 3. Harvest figures: see headline. 4. Error 504 while writing this item.",
        (
            Complaint("Empty apart from the headlines.", ("incomplete",)),
            Complaint("Nothing in here is from today.", ("outdated",)),
            Complaint("Error on every second item.", ("error",)),
            Complaint(
                "It kept loading and then showed yesterday's briefing.", ("too slow", "outdated")
            ),
            Complaint("Half of the items end in an error.", ("error", "incomplete")),
            Complaint("Nothing on the topics that I follow.", ("off topic",)),
        ),
    ),
    26: BadAnswer(
        "Consumers: the recalled baby food is safe again, according to its maker. You can eat the "
        "lots with the numbers 4410 to 4425 without concern. The authority's warning, published "
        "this morning, is no longer in force since yesterday.",
        (
            Complaint("The recall is still on. This is dangerous!", ("wrong", "unsafe")),
            Complaint("It has turned the authority's warning into an all-clear.", ("wrong",)),
            Complaint("I gave this to my daughter. Take it down.", ("unsafe",)),
            Complaint("Repeats what the maker says, no other source.", ("bad source",)),
            Complaint("The lot numbers are those of the warning.", ("wrong", "unsafe")),
        ),
    ),
    37: BadAnswer(
        "Health: the Hillside Clinic has a new emergency ward, open from 6 h. Its other house, "
        "also called Hillside Clinic, has closed its ward. Doctor Finch leads the new one. Call "
        "0555 01 23 to order in advance, delivery takes 30 minutes.",
        (
            Complaint("It mixes up two hospitals with the same name.", ("wrong",)),
            Complaint(
                "The opening hours are wrong, I stood before a closed door.", ("wrong", "unsafe")
            ),
            Complaint("The phone number belongs to a pizza place.", ("wrong",)),
            Complaint("Names a doctor who retired years ago.", ("outdated",)),
        ),
    ),
}

# Popular questions whose answers stay bad, by the short names of their topics.
BAD_TOPICS = {
    "rents": BadAnswer(
        "Under section 99 of the Rent Act your rent may not rise at all (state: spring). Across "
        "the border the cap is 2.5 %. If your landlord asks for more, stop paying rent until the "
        "matter is settled.",
        (
            Complaint("The rent cap it cites was repealed.", ("outdated",)),
            Complaint("These rules are for another country.", ("wrong", "off topic")),
            Complaint("Told me to stop paying rent. Really?", ("unsafe",)),
            Complaint("Cites a law that does not exist.", ("wrong", "bad source")),
            Complaint("I asked about my city and got another one.", ("off topic",)),
            Complaint("Out of date since spring.", ("outdated",)),
        ),
    ),
    "trains": BadAnswer(
        "All trains run normally today, also on line 9 in Easton. Should the strike begin, go to "
        "the South Station (closed for works), from where a replacement leaves every ten minutes.",
        (
            Complaint("Says trains run normally. I am standing on the platform.", ("wrong",)),
            Complaint("The strike ended two days ago.", ("outdated",)),
            Complaint("Wrong line, wrong city.", ("off topic", "wrong")),
            Complaint("No word about the night trains.", ("incomplete",)),
            Complaint("It sent me to a closed station.", ("wrong",)),
            Complaint("Always a day behind.", ("outdated",)),
        ),
    ),
    "health": BadAnswer(
        "Your contribution falls by 0.3 points in January. You can change your insurance at any "
        "time by no longer paying. Until the new one begins you are insured with your parents.",
        (
            Complaint("Contributions rise, they do not fall.", ("wrong",)),
            Complaint("Who stops paying loses the insurance. Dangerous advice.", ("unsafe",)),
            Complaint("I am 43. My parents do not insure me.", ("wrong",)),
            Complaint("Says nothing about the notice period.", ("incomplete",)),
            Complaint("That was before the reform.", ("outdated",)),
        ),
    ),
}
