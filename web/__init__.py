"""The Flask application: patients' chat and help pages, and the staff's console.

Rule: `create_app` wires and starts nothing; threads are started by the server's worker
(`web/gunicorn.py`), so importing or making an application has no effect on data beyond the schema.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from search.encoder import Encoder, load_encoder
from web import auth, errors, logs, security
from web.articles.publishing import Publisher
from web.chat import intake
from web.chat.bus import Bus
from web.chat.rasa import Rasa
from web.chat.stream import Cap, Hub, Remembered, Seen, Typing
from web.config import Settings, SettingsInvalid, load_settings
from web.db import Database
from web.desk.guidance import Shelf
from web.privacy import vault
from web.privacy.keys import KeysUnusable
from web.services import EXTENSION, Services
from web.views import BLUEPRINTS

STAFFED_FOR_S = 2.0
MAX_POLLS = 150  # beside the streams, below the number of threads


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """Make the application. services: other parts than the real ones, in tests."""
    if settings is None:
        settings = _settings_or_exit()
    logs.configure()
    try:
        services = services or make_services(settings)
        vault.prepare(services.database)
    except KeysUnusable as error:
        sys.exit(f"{error}")
    app = Flask("web", static_folder="static", template_folder="templates")
    app.url_map.converters["int"] = Number
    app.extensions[EXTENSION] = services
    app.secret_key = services.secret
    app.json.ensure_ascii = True  # type: ignore[attr-defined]
    logs.init_app(app)
    errors.init_app(app)
    intake.init_app(app, settings.limits.max_body_bytes)
    security.init_app(app, settings, services.database, services.secret)
    auth.init_app(app, settings, services.database)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


class Number(IntegerConverter):
    """A number in an address: where no row can have it, there is no such page."""

    def __init__(self, url_map: Map, **options: Any) -> None:
        super().__init__(url_map, **{"max": intake.MAX_N, **options})


def make_services(
    settings: Settings, load_model: Callable[[Path], Encoder] = load_encoder
) -> Services:
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    hub = Hub()
    typing = Typing(hub)
    database = vault.connect(settings, hub.publish)
    bus = None if database.is_sqlite else _join(database, hub, typing)
    own_secret = security.secret_key(settings.var_dir)
    return Services(
        settings=settings,
        database=database,
        hub=hub,
        bus=bus,
        typing=typing,
        seen=Seen(),
        streams=Cap(settings.limits.max_streams),
        polls=Cap(MAX_POLLS),
        staffed=Remembered(STAFFED_FOR_S),
        publisher=Publisher(settings, load_model),
        guides=Shelf(settings),
        rasa=Rasa(settings.rasa_url, settings.limits.rasa_timeout_s),
        secret=vault.shared_secret(database, own_secret),
    )


def _join(database: Database, hub: Hub, typing: Typing) -> Bus:
    """Make this host one of several on one database."""
    vault.prepare(database)
    bus = Bus(database.url, hub, typing)

    def after_commit(topics: frozenset[str]) -> None:
        hub.publish(topics)
        bus.tell(topics)

    database.on_commit = after_commit
    typing.on_change = bus.tell_typing
    return bus


def _settings_or_exit() -> Settings:
    try:
        return load_settings()
    except SettingsInvalid as error:
        sys.exit(f"{error}")
