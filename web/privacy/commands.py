"""The operator's commands for the keys that patients' words are sealed with.

Rule: no key is destroyed that seals a row, and none is printed; keys leave in a new file that its
owner alone may read.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from web import installation
from web.db import Database
from web.installation import CouldNotRun
from web.privacy import vault
from web.privacy.keys import KeyRing, KeysUnusable

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def keys() -> None:
    """The keys that patients' words are sealed with: list, change, save and bring back."""


@keys.command("list")
def keys_list() -> None:
    """Show each key's id, when it was made, and how many rows are sealed with it."""
    with installation.database() as database, database.reading() as session:
        ring, rows = _ring(database), vault.rows_by_key(session)
        for key in ring.keys:
            state = "seals" if key == ring.active else "only opens"
            made = f"made {key.made_at:%Y-%m-%d %H:%M} UTC"
            click.echo(f"{key.id}  {made}  {state}  {rows.get(key.id, 0)} rows")


@keys.command("rotate")
@click.option("--again", is_flag=True, help="no new key: finish a rotation that was cut short")
def keys_rotate(again: bool) -> None:
    """Make a new key and seal everything with it; the product may be running.

    The old key stays in the file, for backups made before; `drop` destroys it.
    """
    with installation.database() as database:
        ring, done = _ring(database), 0
        for done in vault.rotate(database, ring, again=again):
            click.echo(f"\r{done} rows", nl=False)
        assert ring.active is not None
        click.echo(f"\rSealed {done} rows with key {ring.active.id}.")
    click.echo("Save the keys now: ./clinic keys export FILE, and keep FILE apart from backups.")


@keys.command("export")
@click.argument("file", type=FILE)
def keys_export(file: Path) -> None:
    """Write all keys to FILE, a new one. Without them a backup cannot be read by anybody."""
    with installation.database() as database:
        text = _ring(database).text()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CouldNotRun(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text)
    click.echo(f"Wrote {file}. Whoever has it and a backup can read what patients wrote.")


@keys.command("import")
@click.argument("file", type=FILE)
def keys_import(file: Path) -> None:
    """Add the keys of an exported FILE, so that what they sealed can be read again."""
    try:
        ring = vault.key_ring(installation.settings())
        new = ring.take_in(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotRun(f"{file} cannot be read ({type(error).__name__})") from None
    except KeysUnusable as error:
        raise CouldNotRun(str(error)) from None
    click.echo(f"Added {', '.join(new)}." if new else "All its keys are here already.")


@keys.command("drop")
@click.argument("key_id")
def keys_drop(key_id: str) -> None:
    """Destroy an old key: backups sealed with it can never be read again."""
    with installation.database() as database, database.reading() as session:
        ring = _ring(database)
        if not ring.holds(key_id):
            raise CouldNotRun(f"there is no key {key_id}; ./clinic keys list shows all")
        if ring.active is not None and ring.active.id == key_id:
            raise CouldNotRun("this key is in use: ./clinic keys rotate makes a new one")
        if count := vault.rows_by_key(session).get(key_id):
            raise CouldNotRun(f"{count} rows need this key: ./clinic keys rotate --again")
        ring.drop(key_id)
    click.echo(f"Destroyed key {key_id}.")


def _ring(database: Database) -> KeyRing:
    assert isinstance(database.keys, KeyRing)
    return database.keys
