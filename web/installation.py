"""What an operator's command works on: the settings, and the database with its keys.

Rule: what is not as it must be ends the command with one line that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask
from sqlalchemy.orm import Session

from web import auth
from web.config import Settings, SettingsInvalid, load_settings
from web.db import Database
from web.privacy import vault
from web.privacy.keys import KeysUnusable


class CouldNotRun(click.ClickException):
    exit_code = 1


def settings() -> Settings:
    try:
        return load_settings()
    except SettingsInvalid as error:
        raise CouldNotRun(str(error)) from None


@contextmanager
def session() -> Iterator[Session]:
    """A transaction on the migrated database, inside an application that can hash passwords."""
    with database() as opened:
        app = Flask("front-desk-cli")
        auth.init_app(app, settings(), opened)
        with app.app_context(), opened.transaction() as transaction:
            yield transaction


@contextmanager
def database() -> Iterator[Database]:
    """The migrated database with keys that fit it."""
    own = settings()
    own.var_dir.mkdir(parents=True, exist_ok=True)
    try:
        opened = vault.connect(own)
        try:
            vault.prepare(opened)
            yield opened
        finally:
            opened.dispose()
    except KeysUnusable as error:
        raise CouldNotRun(str(error)) from None
