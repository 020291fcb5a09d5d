"""One blueprint = one audience = one guard."""

from web.views import (
    account,
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
    widget,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        *(chat, plain, help, privacy, widget, health),
        *(console, board, originals, editor, insights, account),
    )
)
