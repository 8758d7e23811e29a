"""The feedback widget in a real browser, under a strict Content Security Policy."""

import gzip
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.chromium import DESKTOP, PHONE, Visitor
from tests.support.page_checks import axe_violations, overflows
from tests.support.project import DIST
from tests.support.widget_page import (
    NOTHING,
    ORIGIN,
    POLICY,
    REAL,
    WIDGET,
    Site,
    accept,
    focused_part,
    refuse,
    sent,
)

Open = Callable[..., Page]

SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]

PENDING = "Saved. Will be sent when the connection is back."
UP = {"message_id": "m1", "rating": "up"}
DOWN = {"message_id": "m1", "rating": "down"}
WITHDRAWN = {"message_id": "m1", "rating": None}

WATCH_SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => shifts.push(...list.getEntries().map((each) => each.value)))
    .observe({ type: "layout-shift", buffered: true });
}"""

START_WORKER = """() => new Promise((resolve, reject) => {
  const worker = new Worker("/worker.js");
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = reject;
})"""


@pytest.fixture
def open_site(visitor: Visitor) -> Open:
    """Return a function that opens a page of a site."""

    def open_page(site: Site | None = None, width: int = DESKTOP) -> Page:
        visitor.answer = (site or Site()).answer
        return visitor.open(ORIGIN, width)

    return open_page


@pytest.fixture
def page(open_site: Open) -> Page:
    """Open a page with one widget."""
    return open_site()


def up(page: Page) -> Locator:
    """Return the button for a good answer."""
    return page.get_by_role("button", name="Good answer")


def down(page: Page) -> Locator:
    """Return the button for a bad answer."""
    return page.get_by_role("button", name="Bad answer")


def more(page: Page) -> Locator:
    """Return the button that opens the panel again."""
    return page.get_by_role("button", name="What was wrong?")


def panel(page: Page) -> Locator:
    """Return the panel for details."""
    return page.get_by_role("dialog", name="What was wrong?")


def expect_pressed(page: Page, *, good: bool = False, bad: bool = False) -> None:
    """Expect the buttons to be pressed or not."""
    expect(up(page)).to_have_attribute("aria-pressed", str(good).lower())
    expect(down(page)).to_have_attribute("aria-pressed", str(bad).lower())


def top_of_the_rest(page: Page) -> Any:
    """Return where the text after the widget is."""
    return page.evaluate("document.querySelector('#after').getBoundingClientRect().top")


def is_within(page: Page, part: Locator) -> bool:
    """Say whether an element is within the window."""
    box, window = part.bounding_box(), page.viewport_size
    assert box
    assert window
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= window["width"]
        and box["y"] + box["height"] <= window["height"]
    )


def stop_clock(page: Page) -> None:
    """Let time pass only when the test says so."""
    page.clock.install(time=0)
    page.clock.pause_at(1)


def violations(page: Page) -> list[str]:
    """Return what axe finds in light and dark."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += axe_violations(page)
    return found


# What a user sees and does.


def test_two_toggles_are_in_a_group(page: Page) -> None:
    group = page.get_by_role("group", name="Feedback")

    expect(group.get_by_role("button")).to_have_count(2)
    expect_pressed(page)


def test_a_vote_is_sent_and_shown_at_once(page: Page) -> None:
    up(page).click()

    expect_pressed(page, good=True)
    assert sent(page) == [UP]


def test_a_second_click_takes_the_vote_back(page: Page) -> None:
    up(page).click()
    up(page).click()

    expect_pressed(page)
    assert sent(page) == [UP, WITHDRAWN]


def test_a_vote_can_be_switched(page: Page) -> None:
    up(page).click()
    down(page).click()

    expect_pressed(page, bad=True)
    assert sent(page) == [UP, DOWN]


def test_details_are_sent_with_the_rating_once_send_is_pressed(page: Page) -> None:
    down(page).click()
    panel(page).get_by_role("button", name="Outdated").click()
    panel(page).get_by_role("textbox", name="Comment").fill(" It is Canberra. ")
    before = sent(page)
    panel(page).get_by_role("button", name="Send").click()

    assert before == [DOWN]
    assert sent(page)[1:] == [DOWN | {"reasons": ["outdated"], "comment": "It is Canberra."}]
    expect(panel(page)).to_be_hidden()
    assert focused_part(page) == "down"


def test_a_good_answer_opens_no_panel(page: Page) -> None:
    up(page).click()

    expect(panel(page)).to_be_hidden()
    expect(more(page)).to_be_hidden()


def test_what_was_typed_survives_closing_and_is_not_sent(page: Page) -> None:
    down(page).click()
    page.get_by_role("textbox").fill("It is Canberra.")
    page.get_by_role("button", name="Wrong", exact=True).click()
    page.mouse.click(5, 5)
    expect(panel(page)).to_be_hidden()
    more(page).click()

    expect(page.get_by_role("textbox")).to_have_value("It is Canberra.")
    expect(page.get_by_role("button", name="Wrong", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert sent(page) == [DOWN]


def test_a_comment_has_at_most_4000_characters(page: Page) -> None:
    down(page).click()
    page.get_by_role("textbox").fill("x" * 3_999)
    page.get_by_role("textbox").press("End")
    page.keyboard.type("yyy")
    page.get_by_role("button", name="Send").click()

    assert sent(page)[1]["comment"] == "x" * 3_999 + "y"


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    assert focused_part(page) == "panel"
    for key in ("Tab", "Space", "Tab", "Tab", "Tab", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type("Sydney?")
    page.keyboard.press("Control+Enter")

    assert sent(page) == [DOWN, DOWN | {"reasons": ["wrong"], "comment": "Sydney?"}]
    assert focused_part(page) == "down"


def test_meta_and_enter_send(page: Page) -> None:
    down(page).click()
    page.get_by_role("textbox").fill("x")
    page.keyboard.press("Meta+Enter")

    assert sent(page)[1] == DOWN | {"reasons": [], "comment": "x"}


@pytest.mark.parametrize("where", ["panel", "textbox"])
def test_escape_closes_the_panel_and_returns_the_focus(page: Page, where: str) -> None:
    down(page).click()
    if where == "textbox":
        page.get_by_role("textbox").focus()
    page.keyboard.press("Escape")

    expect(panel(page)).to_be_hidden()
    assert focused_part(page) == "down"


def test_escape_leaves_a_dialog_around_the_widget_open(open_site: Open) -> None:
    page = open_site(Site(f'<dialog aria-label="Chat">{WIDGET}</dialog>'))
    page.evaluate("document.querySelector('dialog').showModal()")
    down(page).click()
    page.keyboard.press("Escape")

    expect(panel(page)).to_be_hidden()
    expect(up(page)).to_be_visible()


def test_typing_is_no_shortcut_of_the_page(page: Page) -> None:
    page.evaluate("window.keys = []; addEventListener('keydown', ({ key }) => keys.push(key))")
    down(page).click()
    page.get_by_role("textbox").press("j")

    assert page.evaluate("keys") == []


# What becomes of a vote.


def test_the_status_says_what_happened(page: Page) -> None:
    status = page.get_by_role("status")
    up(page).click()
    expect(status).to_have_text("")
    accept(page)
    expect(status).to_have_text("Thank you.")
    up(page).click()
    accept(page)

    expect(status).to_have_text("Rating removed.")


def test_the_status_says_that_a_vote_is_not_delivered_yet(page: Page) -> None:
    stop_clock(page)
    up(page).click()
    page.clock.run_for(1_900)
    expect(page.get_by_role("status")).to_have_text("")
    page.clock.run_for(200)

    expect(page.get_by_role("status")).to_have_text(PENDING)
    expect(page.locator("message-feedback[pending]")).to_have_count(1)
    expect_pressed(page, good=True)

    accept(page)
    expect(page.get_by_role("status")).to_have_text("Thank you.")
    expect(page.locator("message-feedback[pending]")).to_have_count(0)


def test_the_status_disappears(page: Page) -> None:
    stop_clock(page)
    up(page).click()
    accept(page)
    expect(page.get_by_role("status")).to_have_text("Thank you.")
    page.clock.run_for(6_100)

    expect(page.get_by_role("status")).to_have_text("")


def test_a_refused_vote_is_reverted(page: Page) -> None:
    up(page).click()
    accept(page)
    expect(page.get_by_role("status")).to_have_text("Thank you.")
    down(page).click()
    refuse(page)

    expect(page.get_by_role("status")).to_have_text("Not accepted.")
    expect_pressed(page, good=True)


def test_the_outcome_of_an_older_vote_is_not_shown(page: Page) -> None:
    up(page).click()
    page.evaluate("window.older = reject")
    down(page).click()
    page.evaluate("older(new Error('rejected'))")
    accept(page)

    expect(page.get_by_role("status")).to_have_text("Thank you.")
    expect_pressed(page, bad=True)


def test_votes_are_events_of_the_page(page: Page) -> None:
    page.evaluate("addEventListener('feedback', ({ detail }) => { window.told = detail; })")
    up(page).click()

    assert page.evaluate("told") == UP


# How it looks.


def test_axe_finds_nothing_in_any_state(page: Page) -> None:
    found = {"idle": violations(page)}
    up(page).click()
    found["up"] = violations(page)
    down(page).click()
    page.get_by_role("button", name="Outdated").click()
    found["panel"] = violations(page)
    expect(page.get_by_role("status")).to_have_text(PENDING)
    found["pending"] = violations(page)
    page.get_by_role("button", name="Send").click()
    accept(page)
    expect(page.get_by_role("status")).to_have_text("Thank you.")
    found["down, sent"] = violations(page)
    up(page).click()
    refuse(page)
    expect(page.get_by_role("status")).to_have_text("Not accepted.")
    found["refused"] = violations(page)

    assert {state: each for state, each in found.items() if each} == {}


def test_nothing_on_the_page_moves(page: Page) -> None:
    page.evaluate(WATCH_SHIFTS)
    tops = [top_of_the_rest(page)]
    acts: list[Callable[[], object]] = [
        up(page).click,
        down(page).click,
        partial(accept, page),
        partial(page.keyboard.press, "Escape"),
        down(page).click,
        partial(refuse, page),
    ]
    for act in acts:
        act()
        # A shift right after an input is not counted.
        page.wait_for_timeout(550)
        tops.append(top_of_the_rest(page))

    assert len(set(tops)) == 1
    assert page.evaluate("shifts") == []


def test_buttons_are_large_enough_to_touch(page: Page) -> None:
    for button in (up(page), down(page)):
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 32


@pytest.mark.parametrize(("width", "direction"), [(DESKTOP, "ltr"), (PHONE, "ltr"), (PHONE, "rtl")])
def test_the_panel_fits_into_the_corner_without_covering_the_buttons(
    open_site: Open, width: int, direction: str
) -> None:
    page = open_site(Site(f'<div class="corner">{WIDGET}</div>', direction=direction), width)
    down(page).click()

    assert is_within(page, panel(page))
    down(page).click(trial=True)


def test_a_low_window_scrolls_the_panel(page: Page) -> None:
    down(page).click()
    page.set_viewport_size({"width": 320, "height": 256})

    assert is_within(page, panel(page))


def test_the_panel_begins_where_the_text_does(open_site: Open) -> None:
    edges = {}
    for direction in ("ltr", "rtl"):
        page = open_site(Site(direction=direction))
        down(page).click()
        box, buttons = panel(page).bounding_box(), page.get_by_role("group").bounding_box()
        assert box
        assert buttons
        edges[direction] = (box["x"] - buttons["x"], box["width"] - buttons["width"])
    left, right = edges["ltr"], edges["rtl"]

    assert left[0] == pytest.approx(4)
    assert right[0] == pytest.approx(-right[1] - 4)


def test_states_are_visible_with_forced_colours(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    idle = (up(page).screenshot(), page.screenshot())
    up(page).click()
    page.mouse.move(5, 5)
    assert up(page).screenshot() != idle[0]
    page.keyboard.press("Tab")
    assert down(page).screenshot() != idle[1]
    down(page).click()
    reason = page.get_by_role("button", name="Wrong", exact=True)
    unpressed = reason.screenshot()
    reason.click()

    assert reason.screenshot() != unpressed


# Texts and attributes.


def test_german_is_included(open_site: Open) -> None:
    page = open_site(Site(lang="de-AT"))
    page.get_by_role("button", name="Schlechte Antwort").click()

    expect(page.get_by_role("button", name="Unvollständig")).to_be_visible()


def test_the_closest_lang_decides(open_site: Open) -> None:
    page = open_site(Site(f'<div lang="en">{WIDGET}</div>', lang="de"))

    expect(up(page)).to_be_visible()


def test_other_languages_can_be_added(open_site: Open) -> None:
    script = """
    import { MessageFeedback } from "/dist/widget.js";
    MessageFeedback.texts.fr = { up: "Bonne réponse" };
    """
    page = open_site(Site(lang="fr", script=script))

    expect(page.get_by_role("button", name="Bonne réponse")).to_be_visible()
    expect(down(page)).to_be_visible()


def test_attributes_override_texts_at_any_time(page: Page) -> None:
    page.locator("message-feedback").evaluate("(each) => each.setAttribute('text-up', 'Helpful')")

    expect(page.get_by_role("button", name="Helpful")).to_be_visible()


def test_reasons_and_values_can_be_chosen(open_site: Open) -> None:
    body = '<message-feedback message-id="m1" up="5" down="1" reasons="slow, rude=Impolite">'
    page = open_site(Site(body + "</message-feedback>"))
    down(page).click()
    page.get_by_role("button", name="Slow").click()
    page.get_by_role("button", name="Impolite").click()
    page.get_by_role("button", name="Send").click()

    assert sent(page) == [
        {"message_id": "m1", "rating": "1"},
        {"message_id": "m1", "rating": "1", "reasons": ["slow", "rude"]},
    ]


def test_the_panel_can_do_without_reasons(open_site: Open) -> None:
    page = open_site(Site('<message-feedback message-id="m1" reasons=""></message-feedback>'))
    down(page).click()

    expect(panel(page).get_by_role("button")).to_have_text(["Send"])


def test_there_can_be_no_panel(open_site: Open) -> None:
    page = open_site(Site('<message-feedback message-id="m1" no-details></message-feedback>'))
    down(page).click()

    expect(panel(page)).to_be_hidden()
    expect(more(page)).to_be_hidden()


def test_a_known_rating_is_shown_and_can_be_taken_back(open_site: Open) -> None:
    page = open_site(Site('<message-feedback message-id="m1" rating="up"></message-feedback>'))
    expect_pressed(page, good=True)
    up(page).click()

    expect_pressed(page)
    assert sent(page) == [WITHDRAWN]


def test_the_rating_is_reflected(page: Page) -> None:
    down(page).click()
    expect(page.locator("message-feedback")).to_have_attribute("rating", "down")
    down(page).click()

    expect(page.locator("message-feedback")).to_have_attribute("rating", "")


# Life in an application.


@pytest.mark.parametrize("order", ["message first", "rating first"])
@pytest.mark.parametrize(("known", "shown"), [(None, False), ("up", True)])
def test_an_element_that_is_reused_forgets_the_vote_but_not_what_the_page_knows(
    page: Page, order: str, known: str | None, *, shown: bool
) -> None:
    up(page).click()
    down(page).click()
    page.get_by_role("textbox").fill("About the old message.")
    steps = [
        "widget.setAttribute('message-id', 'm2')",
        "known ? widget.setAttribute('rating', known) : widget.removeAttribute('rating')",
    ]
    if order == "rating first":
        steps.reverse()
    page.locator("message-feedback").evaluate(f"(widget, known) => {{ {';'.join(steps)} }}", known)
    accept(page)

    expect_pressed(page, good=shown)
    expect(page.get_by_role("status")).to_have_text("")
    page.get_by_role("button", name="Bad answer").click()
    expect(page.get_by_role("textbox")).to_have_value("")
    assert sent(page)[-1] == DOWN | {"message_id": "m2"}


def test_a_framework_that_sets_no_rating_gets_an_empty_one(page: Page) -> None:
    up(page).click()
    page.locator("message-feedback").evaluate("(widget) => { widget.messageId = 'm2'; }")

    expect_pressed(page)


def test_properties_that_were_set_before_the_upgrade_count(open_site: Open) -> None:
    page = open_site(Site("<message-feedback></message-feedback>", script=NOTHING))
    page.evaluate("""async () => {
      window.sent = [];
      const widget = document.querySelector("message-feedback");
      const client = { feedback: async (feedback) => sent.push(feedback) };
      Object.assign(widget, { messageId: "m9", rating: "up", client });
      await import("/dist/widget.js");
    }""")
    expect_pressed(page, good=True)
    down(page).click()

    assert sent(page) == [{"message_id": "m9", "rating": "down"}]


def test_an_element_that_is_moved_keeps_working(page: Page) -> None:
    down(page).click()
    page.get_by_role("textbox").fill("It is Canberra.")
    page.evaluate("""async () => {
      const widget = document.querySelector("message-feedback");
      widget.remove();
      resolve();
      await null;
      document.querySelector("main").prepend(widget);
    }""")
    expect(panel(page)).to_be_hidden()
    expect_pressed(page, bad=True)
    more(page).click()

    expect(page.get_by_role("textbox")).to_have_value("It is Canberra.")


def test_hundreds_of_elements_share_a_style_sheet_and_have_no_panel(open_site: Open) -> None:
    page = open_site(Site(WIDGET * 300))

    assert page.evaluate("""() => {
      const widgets = [...document.querySelectorAll("message-feedback")];
      const sheets = new Set(widgets.flatMap(({ shadowRoot }) => shadowRoot.adoptedStyleSheets));
      const panels = widgets.filter(({ shadowRoot }) => shadowRoot.querySelector("textarea"));
      return [widgets.length, sheets.size, panels.length];
    }""") == [300, 1, 0]


def test_importing_it_without_a_document_does_nothing(open_site: Open) -> None:
    page = open_site(Site(script=NOTHING, policy=POLICY))

    assert page.evaluate(START_WORKER) == ["MessageFeedback"]


# With the real client.


def test_attributes_are_enough_to_send_votes(open_site: Open) -> None:
    attributes = f'endpoint="{ORIGIN}" function-key="k+1" user-id="u1"'
    site = Site(WIDGET.replace("message-id", f"{attributes} message-id") * 2, script=REAL)
    page = open_site(site)
    up(page).first.click()
    expect(page.get_by_role("status")).to_have_text("Thank you.")
    up(page).last.click()
    expect(page.get_by_role("status").last).to_have_text("Thank you.")

    assert site.received == [UP | {"user_id": "u1"}] * 2
    assert site.addresses == ["/api/feedback?code=k%2B1"] * 2


def test_a_vote_of_an_outage_is_sent_when_the_page_is_opened_again(
    tolerant_visitor: Visitor,
) -> None:
    body = f'<message-feedback endpoint="{ORIGIN}" message-id="m1"></message-feedback>'
    site = Site(body, script=REAL, up=False)
    tolerant_visitor.answer = site.answer
    page = tolerant_visitor.open(ORIGIN)
    up(page).click()
    expect(page.get_by_role("status")).to_have_text(PENDING)
    site.up = True
    with page.expect_response("**/api/feedback"):
        page.reload()

    # Both pages may send it, which is harmless.
    assert {each["rating"] for each in site.received} == {"up"}


# The example.


def test_the_example_sends_votes_and_events(visitor: Visitor) -> None:
    site = Site()
    visitor.answer = site.answer
    page = visitor.open(f"{ORIGIN}/example/index.html", PHONE)
    page.get_by_role("textbox", name="Your message").fill("Is that so?")
    with page.expect_request(lambda request: "question_asked" in (request.post_data or "")):
        page.keyboard.press("Enter")
    with page.expect_response("**/api/feedback"):
        up(page).nth(3).click()

    assert site.received[-1]["rating"] == "up"
    assert violations(page) == []
    assert overflows(page) == []


# The package.


def test_the_build_is_small() -> None:
    assert len(gzip.compress((DIST / "widget.js").read_bytes(), 9, mtime=0)) <= 2_900


def test_the_types_name_the_element() -> None:
    types = (DIST / "widget.d.ts").read_text("utf-8")

    assert re.search(r'HTMLElementTagNameMap \{\s+"message-feedback": MessageFeedback;', types)
