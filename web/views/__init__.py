"""One blueprint = one audience = one guard."""

from web.views import (
    account,
    answering,
    board,
    care,
    chat,
    console,
    editor,
    endings,
    health,
    help,
    insights,
    originals,
    plain,
    privacy,
    reviewing,
    widget,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        *(care, endings),
        *(chat, plain, help, privacy, widget, health),
        *(console, answering, board, originals, editor, reviewing, insights, account),
    )
)
