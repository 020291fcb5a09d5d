"""One blueprint = one audience = one guard."""

from web.views import (
    account,
    answering,
    board,
    chat,
    console,
    editor,
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
        *(chat, plain, help, privacy, widget, health),
        *(console, answering, board, originals, editor, reviewing, insights, account),
    )
)
