"""Pages for patients that work without script: what they all carry."""

from __future__ import annotations

from typing import Any

from flask import render_template

from web.services import services
from web.wording import say


def render_page(template: str, lang: str, **values: Any) -> str:
    """Render a page in a language; `say("help.back")` in it speaks that language."""
    settings = services().settings

    def say_here(key: str, **parameters: object) -> str:
        return say(lang, key, **parameters)

    return render_template(
        template,
        lang=lang,
        clinic=settings.clinic,
        danger=settings.danger,
        settings=settings,
        phone_href=phone_href,
        say=say_here,
        **values,
    )


def phone_href(phone: str) -> str:
    return "tel:" + "".join(sign for sign in phone if sign.isdigit() or sign == "+")
