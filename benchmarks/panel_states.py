"""Walks through every state of the panel, as a patient and an agent bring them about."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, Locator, Page, Route, expect

from benchmarks.pictures import WAIT_MS, sign_in
from benchmarks.product import Product

Shoot = Callable[[Page, str], None]

WORDS = {
    "en": {
        "launcher": "Ask us",
        "agree": "OK, start",
        "person": "Talk to a person",
        "answer": "Where do I park, and what does it cost?",
        "choices": "I lost my password",
        "two": "How much is parking, and can you send my lab results?",
        "none": "how many moons does jupiter have these days",
        "emergency": "my uncle fell over and does not wake up or breathe",
        "crisis": "i keep thinking my kids would be better off if i were dead",
        "violence": "my boyfriend choked me last night and i am scared to go home",
        "refused": "Something was wrong with that message.",
        "reply": "Hello, this is Ana from the front desk. I can see your question. One moment.",
        "long": "Pneumonoultramicroscopicsilicovolcanoconiosis" * 2,
    },
    "es": {
        "launcher": "Pregúntenos",
        "agree": "De acuerdo, empezar",
        "person": "Hablar con una persona",
        "answer": "¿Dónde me estaciono y cuánto cuesta?",
        "choices": "perdí mi contraseña",
        "two": "¿Cuánto cuesta el estacionamiento y cuándo llegan mis análisis?",
        "none": "¿cuántas lunas tiene júpiter hoy en día?",
        "emergency": "mi tío se cayó y no despierta ni respira",
        "crisis": "ya no quiero vivir, pienso en quitarme la vida esta noche",
        "violence": "mi marido me pegó anoche y tengo miedo de volver a la casa",
        "refused": "Hubo un problema con ese mensaje.",
        "reply": "Hola, soy Ana, de la recepción. Ya veo su pregunta. Un momento, por favor.",
        "long": "otorrinolaringológicamente" * 4,
    },
}


def walk(browser: Browser, product: Product, lang: str, shoot: Shoot) -> None:
    """Bring about one state after the other, and shoot each."""
    for part in (begin, answers, by_the_menu, trouble, dangers, with_nobody, with_a_person):
        page = browser.new_page(has_touch=True)
        page.route("**/demo", lambda route: in_language(route, lang))
        page.goto(f"{product.url}/demo")
        try:
            part(page, product, lang, lambda page, name: shoot(page, f"{lang}-{name}"))
        finally:
            page.context.close()


def in_language(route: Route, lang: str) -> None:
    """The demo clinic's page is in English; its tag says which language the chat begins in."""
    page = route.fetch()
    body = page.text().replace('data-lang="en"', f'data-lang="{lang}"')
    route.fulfill(response=page, body=body)


def begin(page: Page, _product: Product, lang: str, shoot: Shoot) -> None:
    words = WORDS[lang]
    shoot(page, "closed")
    page.route("**/chat?*", lambda _route: None)
    page.get_by_role("button", name=words["launcher"]).first.click()
    shoot(page, "on-its-way")
    page.unroute("**/chat?*")
    page.reload()
    panel = open_panel(page, lang)
    shoot(page, "consent")
    write(panel, words["answer"])
    shoot(page, "waits-for-the-yes")
    panel.get_by_role("button", name=words["agree"]).click()
    expect(panel.locator(".kb-message--bot").first).to_be_visible(timeout=WAIT_MS)
    shoot(page, "first-answer")


def answers(page: Page, _product: Product, lang: str, shoot: Shoot) -> None:
    words, panel = WORDS[lang], agreed(page, lang)
    shoot(page, "opened")
    for each in ("answer", "choices", "two", "none"):
        ask(panel, words[each])
        shoot(page, f"answer-{each}")
    rating = panel.locator(".kb-rating__button").last
    if rating.is_visible():
        rating.click()
        shoot(page, "not-helpful")
    ask(panel, words["long"])
    shoot(page, "a-very-long-word")
    panel.locator("[data-part=working]").evaluate("$each => { $each.hidden = false }")
    shoot(page, "working")
    panel.locator("[data-part=working]").evaluate("$each => { $each.hidden = true }")
    for name, length in (("nearly-too-long", 1900), ("too-long", 2001)):
        panel.locator("#kb-text").fill("la " * (length // 3) + "x" * (length % 3))
        shoot(page, name)
    panel.locator("#kb-text").fill("")
    page.frames[1].evaluate("localStorage.removeItem('front-desk:demo:offered')")
    write(panel, WORDS[{"en": "es", "es": "en"}[lang]]["answer"])
    expect(panel.locator(".kb-offer")).to_be_visible(timeout=WAIT_MS)
    shoot(page, "language-offer")


def by_the_menu(page: Page, _product: Product, lang: str, shoot: Shoot) -> None:
    panel = agreed(page, lang)
    ask(panel, WORDS[lang]["answer"])
    menu, paper = panel.locator("[data-part=menu]"), panel.locator("[data-part=paper]")
    button = panel.locator("[data-part=menu-button]")
    button.click()
    shoot(page, "menu")
    for item in ("held", "save"):
        if not menu.is_visible():
            button.click()
        panel.locator(f"[data-menu={item}]").click()
        expect(paper).to_be_visible(timeout=WAIT_MS)
        shoot(page, f"menu-{item}")
        if item == "save":
            mail_it(page, panel, shoot)
        paper.evaluate("$paper => $paper.close()")
    for item in ("forget", "shared"):
        button.click()
        panel.locator(f"[data-menu={item}]").click()
        shoot(page, f"sure-{item}")
        panel.locator("dialog[open] button").last.click()
    panel.locator("[data-part=idle]").evaluate("$each => $each.showModal()")
    shoot(page, "still-there")
    panel.locator("[data-part=idle]").evaluate("$each => $each.close()")
    button.click()
    panel.locator("[data-menu=end]").click()
    panel.locator("dialog[open] button").first.click()
    expect(panel.locator("[data-survey]")).to_be_visible(timeout=WAIT_MS)
    shoot(page, "ended-survey")
    panel.locator("[data-survey] button").first.click()
    shoot(page, "ended-a-word-more")


def mail_it(page: Page, panel: Locator, shoot: Shoot) -> None:
    panel.locator("[data-part=mail]").evaluate("$mail => { $mail.hidden = false }")
    panel.locator("[data-part=mail-send]").click()
    shoot(page, "mail-no-address")
    panel.locator("[data-part=mail-address]").fill("pat.longlastname@example.com")
    panel.locator("[data-part=mail-send]").click()
    shoot(page, "mail-sure")


def trouble(page: Page, _product: Product, lang: str, shoot: Shoot) -> None:
    words, panel = WORDS[lang], agreed(page, lang)
    ask(panel, words["answer"])
    page.route("**/messages", lambda _route: None)
    write(panel, words["none"])
    shoot(page, "being-sent")
    page.unroute("**/messages")
    page.route("**/messages", lambda route: refuse(route, lang))
    page.reload()
    panel = open_panel(page, lang)
    expect(panel.locator(".kb-message--failed")).to_be_visible(timeout=WAIT_MS)
    shoot(page, "not-sent")
    page.unroute("**/messages")
    page.context.set_offline(True)
    write(panel, words["none"])
    expect(panel.locator("[data-part=banner]")).to_be_visible(timeout=60_000)
    shoot(page, "no-line")


def dangers(page: Page, _product: Product, lang: str, shoot: Shoot) -> None:
    panel = agreed(page, lang)
    for each in ("emergency", "crisis", "violence"):
        before = panel.locator(".kb-card").count()
        write(panel, WORDS[lang][each])
        expect(panel.locator(".kb-card")).not_to_have_count(before, timeout=WAIT_MS)
        page.wait_for_timeout(800)
        shoot(page, f"danger-{each}")


def with_nobody(page: Page, _product: Product, lang: str, shoot: Shoot) -> None:
    """The form of those who come when nobody is at the desk."""
    panel = agreed(page, lang)
    panel.get_by_role("button", name=WORDS[lang]["person"]).first.click()
    form = panel.locator(".kb-form").last
    expect(form).to_be_visible(timeout=WAIT_MS)
    shoot(page, "form")
    form.locator(".kb-form__submit").click()
    shoot(page, "form-empty")
    form.locator("input").first.fill("Jo")
    for kind, text in (("email", "not an address"), ("tel", "12")):
        if form.locator(f"input[type={kind}]").count():
            form.locator(f"input[type={kind}]").first.fill(text)
    if form.locator("textarea").count():
        form.locator("textarea").first.fill("Please call me about my bill.")
    form.locator(".kb-form__submit").click()
    shoot(page, "form-wrong")
    for kind, text in (("email", "jo@example.com"), ("tel", "(503) 555-0177")):
        if form.locator(f"input[type={kind}]").count():
            form.locator(f"input[type={kind}]").first.fill(text)
    form.locator(".kb-form__submit").click()
    expect(form.locator(".kb-form__submit")).to_be_hidden(timeout=WAIT_MS)
    shoot(page, "form-sent")


def with_a_person(page: Page, product: Product, lang: str, shoot: Shoot) -> None:
    browser = page.context.browser
    assert browser, "a page of its own context"
    agent = sign_in(browser, product, "agent", "console")
    panel = agreed(page, lang)
    ask(panel, WORDS[lang]["answer"])
    panel.get_by_role("button", name=WORDS[lang]["person"]).first.click()
    expect(panel.locator("[data-part=state]")).not_to_be_empty(timeout=WAIT_MS)
    shoot(page, "in-the-queue")
    agent.locator(".fd-entry").first.click(timeout=WAIT_MS)
    agent.get_by_role("button", name="Claim this conversation").click()
    expect(panel.locator("[data-part=who]")).to_contain_text("Ana", timeout=WAIT_MS)
    shoot(page, "agent-joined")
    line = agent.get_by_label("Your message")
    line.press_sequentially("Hello")
    shoot(page, "agent-types")
    line.fill(WORDS[lang]["reply"])
    line.press("Enter")
    expect(panel.locator(".kb-message--agent")).to_be_visible(timeout=WAIT_MS)
    shoot(page, "with-a-person")
    agent.get_by_role("button", name="Resolve").click()
    expect(panel.locator("[data-survey=person]")).to_be_visible(timeout=WAIT_MS)
    shoot(page, "survey")
    panel.locator("[data-survey] button").first.click()
    expect(panel.locator("#kb-score-comment")).to_be_visible(timeout=WAIT_MS)
    shoot(page, "survey-a-word-more")
    panel.locator("#kb-score-comment").press("Tab")
    panel.locator("[data-survey] .kb-button, .kb-after .kb-button").first.click()
    shoot(page, "survey-thanks")
    agent.context.close()


def open_panel(page: Page, lang: str) -> Locator:
    """Open the chat where it is not open yet."""
    panel = page.frame_locator("iframe").locator(":root")
    if not page.locator("iframe").is_visible():
        page.get_by_role("button", name=re.compile(WORDS[lang]["launcher"])).first.click()
    expect(panel.locator("#kb-text")).to_be_visible(timeout=WAIT_MS)
    expect(panel.locator("[data-part=send]")).not_to_be_empty(timeout=WAIT_MS)
    return panel


def agreed(page: Page, lang: str) -> Locator:
    panel = open_panel(page, lang)
    panel.get_by_role("button", name=WORDS[lang]["agree"]).click(timeout=WAIT_MS)
    return panel


def write(panel: Locator, text: str) -> None:
    panel.locator("#kb-text").fill(text)
    panel.locator("[data-part=send]").click()


def ask(panel: Locator, text: str) -> None:
    before = panel.locator(".kb-message--bot").count()
    write(panel, text)
    expect(panel.locator(".kb-message--bot")).not_to_have_count(before, timeout=WAIT_MS)


def refuse(route: Route, lang: str) -> None:
    error = {"code": "bad_request", "message": WORDS[lang]["refused"]}
    route.fulfill(status=400, json={"error": error})
