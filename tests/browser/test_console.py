"""The console in a browser, as whoever looks at it sees it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from local.demo.senders import SENDERS
from tests.browser.conftest import ROOT, Served

Visit = Callable[..., Page]
ON, OFF = "Microphone on", "Microphone off"
MOST_BYTES = 200_000
# Where `make screenshot` wants it.
SCREENSHOT = os.environ.get("SCREENSHOT")
WAIT = {"x-acs-retry-after": "100"}

pytestmark = pytest.mark.slow


def microphone(page: Page, party: str = "agent") -> Locator:
    return page.locator(f"[data-party={party}] .microphone")


def rows(page: Page) -> Locator:
    return page.locator("#deliveries tr")


def steps(page: Page) -> Locator:
    return page.locator("#steps li")


def hide(page: Page) -> None:
    """Make the page take itself for hidden, and wait for what is under way."""
    page.evaluate("() => Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.wait_for_timeout(200)


def show(page: Page) -> None:
    page.evaluate("() => delete document.hidden")


def send(page: Page) -> None:
    page.get_by_role("button", name="Sign and send").click()


def test_a_webhook_sent_from_the_form_turns_the_agent_s_microphone_off(page: Page) -> None:
    expect(microphone(page)).to_have_text(ON)
    expect(page.locator("#no-deliveries")).to_be_visible()
    send(page)
    expect(microphone(page)).to_have_text(OFF)
    expect(microphone(page, "customer")).to_have_text(ON)
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("default")
    # What was sent is opened at once.
    expect(steps(page).last).to_contain_text("Call to CCC")
    expect(page.locator("#steps .failed")).to_have_count(0)
    expect(page.locator("#answer")).to_contain_text("HTTP 200")
    expect(page.locator("#log")).to_contain_text('"code": "muted"')


def test_every_caller_of_the_file_can_be_sent_as(page: Page) -> None:
    for number, sender in enumerate(SENDERS, 1):
        page.locator("#caller").select_option(sender.caller)
        send(page)
        expect(rows(page)).to_have_count(number)
        expect(rows(page).first).to_contain_text(sender.caller)
        expect(rows(page).first.locator(".chip")).to_have_text("muted")


def test_a_webhook_of_somebody_else_is_seen_and_told(page: Page, served: Served) -> None:
    # Or the page might ask between the mute and its answer, and tell one after the other.
    hide(page)
    served.post()
    show(page)
    expect(microphone(page)).to_have_text(OFF)
    expect(page.get_by_role("status")).to_have_text("The agent\u2019s microphone is off · default: muted")


def test_a_refusal_says_why(page: Page, served: Served) -> None:
    served.post(token="wrong")
    expect(rows(page).locator(".chip")).to_have_text("unauthorized")
    rows(page).click()
    expect(steps(page)).to_have_count(3)
    expect(page.locator("#steps .failed")).to_contain_text("bearer token does not match")
    expect(page.locator("#answer")).to_contain_text("HTTP 401")
    expect(microphone(page)).to_have_text(ON)


def test_what_was_sent_twice_by_the_function_is_marked(page: Page, served: Served) -> None:
    served.fault(kind="error", http_status=503, code="ServiceUnavailable", headers=WAIT)
    served.post()
    expect(rows(page)).to_contain_text("2 attempts")
    expect(rows(page).locator(".chip")).to_have_text("muted")
    rows(page).click()
    expect(steps(page).last).to_contain_text("OK · 2 attempts")


def test_a_replay_is_marked(page: Page, served: Served) -> None:
    for _ in range(2):
        served.post(Idempotency_Key="a key of this test")
    expect(rows(page).first).to_contain_text("replayed")
    expect(rows(page).last).not_to_contain_text("replayed")
    rows(page).first.click()
    expect(steps(page).last).to_contain_text("Replay")


def test_a_fault_of_a_button_waits_for_the_next_webhook(page: Page) -> None:
    page.get_by_role("button", name="Role denied").click()
    expect(page.locator("#pending")).to_have_text("1")
    send(page)
    expect(rows(page).locator(".chip")).to_have_text("upstream_denied")
    expect(page.locator("#pending")).to_have_text("0")
    expect(page.locator("#steps .failed")).to_contain_text("NoPermission")
    expect(microphone(page)).to_have_text(ON)


def test_starting_over_clears_the_page(page: Page) -> None:
    send(page)
    expect(page.locator("#detail")).to_be_visible()
    page.get_by_role("button", name="Start over").click()
    expect(page.locator("#no-deliveries")).to_be_visible()
    expect(page.locator("#detail")).to_be_hidden()
    expect(microphone(page)).to_have_text(ON)


def focused(page: Page) -> str:
    """Return what has the focus, after checking that one can see it."""
    name, outline = page.evaluate(
        "() => { const it = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(it);"
        " return [it.id || it.dataset.fault || it.className, `${outlineStyle} ${outlineWidth}`] }"
    )
    assert outline == "solid 3px", name
    return str(name)


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    for _ in range(30):
        page.keyboard.press(key)
        if focused(page) == name:
            return
    pytest.fail(f"the keyboard does not reach {name}")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.press("Tab")
    assert focused(page) == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "caller"
    page.keyboard.press("ArrowDown")
    expect(page.locator("#payload")).to_have_value(re.compile("data_create"))
    tab_to(page, "send-button")
    page.keyboard.press("Enter")
    expect(microphone(page)).to_have_text(OFF)
    expect(page.locator("#detail")).to_be_visible()
    # The focus has stayed where it was.
    assert focused(page) == "send-button"
    tab_to(page, "link", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    assert focused(page) == "link"
    tab_to(page, "throttled")
    page.keyboard.press("Space")
    expect(page.locator("#pending")).to_have_text("1")
    tab_to(page, "theme-toggle", "Shift+Tab")


def test_the_language_is_the_browser_s_until_one_is_chosen(visit: Visit) -> None:
    page = visit(locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("h1")).to_have_text("Webhook → 函数 → 云联络中心")
    page.get_by_role("button", name="签名并发送").click()
    expect(microphone(page)).to_have_text("已静音")
    expect(steps(page).last).to_contain_text("调用 CCC")
    # The function's own words are English on every page.
    expect(steps(page).first.locator("[lang=en]")).to_have_text(re.compile("^\\d+ bytes$"))
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(microphone(page)).to_have_text(OFF)
    expect(steps(page).last).to_contain_text("Call to CCC")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_have_text("Webhook → function → Cloud Call Center")


def lightness(page: Page) -> int:
    """Return how light the page is, from 0 to 255."""
    colour: str = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return max(int(part) for part in re.findall(r"\d+", colour))


@pytest.mark.parametrize("preferred", ["light", "dark"])
def test_the_theme_is_the_browser_s_until_one_is_chosen(visit: Visit, preferred: str) -> None:
    page = visit(color_scheme=preferred)
    assert (lightness(page) > 200) is (preferred == "light")
    page.get_by_role("button", name="Light or dark").click()
    assert (lightness(page) > 200) is (preferred == "dark")
    page.reload()
    expect(page.locator(".party")).to_have_count(2)
    assert (lightness(page) > 200) is (preferred == "dark")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_assistive_technology(visit: Visit, served: Served, scheme: str, locale: str) -> None:
    served.post(token="wrong")
    served.post()
    page = visit(color_scheme=scheme, locale=locale, reduced_motion="reduce")
    for row in (rows(page).first, rows(page).last):
        row.click()
        expect(row).to_have_class("selected")
        found = Axe().run(page).response
        assert len(found["passes"]) > 20
        grave = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
        assert {each["id"]: [node["html"] for node in each["nodes"]] for each in grave} == {}


@pytest.mark.parametrize(("locale", "width"), [("en-GB", 320), ("zh-CN", 360)])
def test_it_can_be_read_on_a_phone(visit: Visit, served: Served, locale: str, width: int) -> None:
    served.post(token="wrong")
    for _ in range(8):
        served.post(Idempotency_Key="a key of the phone")
    page = visit(locale=locale, viewport={"width": width, "height": 740})
    expect(rows(page)).to_have_count(9)
    rows(page).first.click()
    expect(page.locator("#detail")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    expect(rows(page).first.locator("td").last).to_be_visible(visible=width >= 360)
    assert hidden_part_of_rows(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    assert hidden_part_of_rows(page) == []


def hidden_part_of_rows(page: Page) -> list[float]:
    """Return, for each row that the list's lower edge cuts, how much of it is hidden."""
    found: list[float] = page.locator("#deliveries-region").evaluate(
        "it => { const edge = it.getBoundingClientRect().bottom; return [...it.querySelectorAll('tr')]"
        ".map(row => row.getBoundingClientRect()).filter(({ top, bottom }) => top < edge - 1 && bottom > edge + 1)"
        ".map(({ bottom }) => bottom - edge) }"
    )
    return found


def test_nothing_is_asked_for_while_the_page_is_hidden(page: Page, served: Served) -> None:
    asked: list[str] = []
    hide(page)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(300)
    assert asked == []
    show(page)
    served.post()
    expect(microphone(page)).to_have_text(OFF)


def test_whoever_looks_is_told_when_nothing_answers(page: Page, complaints: list[str]) -> None:
    expect(page.locator("#offline")).to_be_hidden()
    page.route("**/_console/state", lambda route: route.abort())
    expect(page.locator("#offline")).to_be_visible()
    page.unroute("**/_console/state")
    expect(page.locator("#offline")).to_be_hidden()
    page.route("**/_console/faults", lambda route: route.abort())
    # While it is hidden it does not ask, and what the button tells stays.
    hide(page)
    page.get_by_role("button", name="Slow, 5 s").click()
    expect(page.locator("#offline")).to_be_visible()
    show(page)
    expect(page.locator("#offline")).to_be_hidden()
    page.route("**/_console/reset", lambda route: route.fulfill(status=400, json={"error": "not now"}))
    page.get_by_role("button", name="Start over").click()
    expect(page.locator("#fault-error")).to_have_text("not now")
    assert all("ERR_FAILED" in complaint or "status of 400" in complaint for complaint in complaints)
    complaints.clear()


def test_an_endpoint_that_hangs_is_given_up_and_the_callers_come_with_the_next_that_answers(
    visit: Visit, complaints: list[str]
) -> None:
    page = visit(
        # Time passes ten times as fast.
        script="const wait = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (ms) => wait(ms / 10);",
        held=["state", "callers"],
    )
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#caller option")).to_have_count(0)
    page.unroute("**/_console/callers")
    page.unroute("**/_console/state")
    expect(page.locator("#caller option")).to_have_count(len(SENDERS))
    expect(page.locator("#offline")).to_be_hidden()
    assert complaints == []


def test_without_its_texts_the_page_is_in_english(visit: Visit, complaints: list[str]) -> None:
    page = visit(locale="zh-CN", refused=["texts.json"])
    expect(page.locator("#offline")).to_have_text("No answer from make run: is it still running?")
    expect(page.locator("h1")).to_have_text("Webhook → function → Cloud Call Center")
    page.unroute("**/_console/texts.json")
    expect(page.locator("h1")).to_have_text("Webhook → 函数 → 云联络中心")
    expect(page.locator(".party")).to_have_count(2)
    assert all("ERR_FAILED" in complaint for complaint in complaints)
    complaints.clear()


def test_what_is_being_sent_is_not_sent_twice(page: Page, served: Served) -> None:
    served.fault(kind="delay", ms=400)
    send(page)
    button = page.locator("#send-button")
    expect(button).to_have_text("Sending…")
    expect(button).to_be_disabled()
    page.locator("#payload").focus()
    button.click(force=True)
    page.get_by_role("button", name="中文").click()
    expect(button).to_have_text("正在发送…")
    expect(button).to_have_text("签名并发送")
    expect(button).to_be_enabled()
    expect(rows(page)).to_have_count(1)


def test_what_was_typed_for_a_caller_is_there_when_it_is_chosen_again(page: Page) -> None:
    page.locator("#payload").fill("a draft")
    page.locator("#caller").select_option("jiandaoyun")
    expect(page.locator("#payload")).to_have_value(re.compile("data_create"))
    page.locator("#caller").select_option("default")
    expect(page.locator("#payload")).to_have_value("a draft")


def test_the_focus_is_not_lost_with_what_had_it(page: Page, served: Served) -> None:
    title = page.locator("#deliveries-title")
    for inside in (page.locator("#detail-title"), rows(page).locator("button")):
        served.post()
        rows(page).click()
        inside.focus()
        served.start_over()
        expect(page.locator("#detail")).to_be_hidden()
        expect(title).to_be_focused()
        expect(rows(page)).to_have_count(0)


def test_the_steps_of_another_configuration_are_not_shown(page: Page, served: Served) -> None:
    served.post(token="wrong")
    detail = re.compile(r"/_console/deliveries/\d+$")
    page.route(detail, lambda route: route.fulfill(json={**route.fetch().json(), "changed": True, "steps": []}))
    rows(page).click()
    expect(page.get_by_text("The configuration has changed since")).to_be_visible()
    expect(steps(page)).to_have_text(re.compile("Outcome.*failed.*bearer token does not match.*unauthorized"))
    page.unroute(detail)
    rows(page).click()
    expect(page.locator("#changed")).to_be_hidden()


def test_only_who_was_refused_is_not_verified_and_only_what_was_called_is_reached(page: Page, served: Served) -> None:
    to_function, to_ccc = page.locator(".way").first, page.locator(".way").last
    served.ask("GET", "/healthz")
    expect(rows(page).first.locator("td").nth(1)).to_have_text("\u2013")
    served.post(token="wrong")
    expect(rows(page).first.locator("td").nth(1)).to_have_text("not authenticated")
    expect(to_function).to_have_class("way pulse")
    expect(to_ccc).to_have_class("way")
    served.post()
    expect(to_ccc).to_have_class("way pulse")


def test_the_microphone_is_turned_on_by_hand(page: Page, served: Served) -> None:
    served.post()
    expect(microphone(page)).to_have_text(OFF)
    page.get_by_role("button", name="Unmute").click()
    expect(microphone(page)).to_have_text(ON)
    expect(page.get_by_role("status")).to_contain_text("The agent\u2019s microphone is on")
    expect(rows(page)).to_have_count(1)


def test_where_colours_are_forced_outcomes_have_marks(visit: Visit, served: Served) -> None:
    served.post(token="wrong")
    served.post()
    page = visit(forced_colors="active")
    expect(rows(page)).to_have_count(2)
    marks = rows(page).locator(".chip").evaluate_all("all => all.map(it => getComputedStyle(it, '::before').content)")
    assert [mark[1] for mark in marks] == ["✓", "✗"]
    # A background would not be painted.
    assert page.locator(".way").first.evaluate("it => getComputedStyle(it).borderTopStyle") == "solid"


def test_a_screenshot_tells_what_this_is(visit: Visit, served: Served, tmp_path: Path) -> None:
    page = visit(reduced_motion="reduce", timezone_id="Asia/Shanghai", viewport={"width": 1280, "height": 1145})
    page.get_by_role("button", name="Throttled, with a wait").click()
    send(page)
    expect(rows(page)).to_have_count(1)
    for _ in range(2):
        served.post(Idempotency_Key="a key of the screenshot")
    served.post(token="wrong")
    expect(rows(page)).to_have_count(4)
    page.locator("#caller").select_option("jiandaoyun")
    send(page)
    expect(rows(page)).to_have_count(5)
    rows(page).nth(1).click()
    expect(page.locator("#detail-title")).to_be_focused()
    expect(steps(page)).to_have_count(3)
    page.locator("#detail-title").blur()
    page.get_by_role("button", name="Slow, 5 s").click()
    expect(page.locator("#pending")).to_have_text("1")
    for whole in ("#reset", "[data-fault=denied]"):
        expect(page.locator(whole)).to_be_in_viewport(ratio=1)
    # A machine may have no glyphs for it.
    page.locator("#language").evaluate("it => { it.hidden = true }")
    page.evaluate("() => scrollTo(0, 0)")
    page.mouse.move(0, 0)
    path = ROOT / SCREENSHOT if SCREENSHOT else tmp_path / "console.png"
    page.screenshot(path=path, animations="disabled")
    assert 20_000 < path.stat().st_size < MOST_BYTES
