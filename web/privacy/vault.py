"""The database and its keys belong together: checked at every start, changed together.

Rule: nothing is written with a key that the database does not know, and nothing starts while a key
is missing that rows may be sealed with. Rotation goes on while the product runs, some rows at a
time; where it was cut short, it is taken up by rotating again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import ColumnElement, LargeBinary, func, inspect, select, type_coerce, update
from sqlalchemy.orm import Session

from web.config import Settings
from web.db import Database, alone, utc_now
from web.migrations import upgrade
from web.models import SealingKey, SharedSecret
from web.privacy.keys import FORMAT, HEAD_BYTES, DoesNotOpen, KeyRing, KeysUnusable, new_key
from web.privacy.sealing import Letter, SealedRow

PROOF = b"this key opens"
SECRET_NAME = "digests"
BATCH = 200


def connect(
    settings: Settings, on_commit: Callable[[frozenset[str]], None] = lambda topics: None
) -> Database:
    """Return the database of these settings with its keys. Raises KeysUnusable."""
    database = Database(settings.database, on_commit, key_ring(settings))
    database.copies = settings.var_dir
    return database


def key_ring(settings: Settings) -> KeyRing:
    text = settings.keys.get_secret_value() if settings.keys is not None else None
    return KeyRing(settings.keys_path, text)


def prepare(database: Database) -> None:
    """Bring the database to the newest schema with keys that fit it.

    The first key is made where neither database nor ring has one. Raises KeysUnusable.
    """
    keys = database.keys
    if not isinstance(keys, KeyRing):
        upgrade(database)
        return
    try:
        _prepare(database, keys)
    except KeysUnusable:
        database.dispose()  # who does not start holds no connection of the server's
        raise


def _prepare(database: Database, keys: KeyRing) -> None:
    _refuse_wrong(database, keys)
    if not keys.is_fixed:
        keys.make_first()
    upgrade(database)
    with database.transaction() as session:
        alone(session, "keys")
        _register(session, keys)
    database.wipe_traces()


def shared_secret(database: Database, own: bytes) -> bytes:
    """Return the key of digests and cookies that all hosts of a database have in common.

    own: this host's, which the first host gives to the others; on SQLite there are no others.
    """
    if database.is_sqlite:
        return own
    with database.transaction() as session:
        alone(session, "secret")
        kept = session.get(SharedSecret, SECRET_NAME)
        if kept is None:
            kept = SharedSecret(name=SECRET_NAME)
            kept.value = own.hex()
            session.add(kept)
        return bytes.fromhex(kept.value)


def missing_keys(database: Database, keys: KeyRing) -> list[str]:
    """Return the ids of keys that rows may be sealed with and the ring cannot open with."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table(SealingKey.__tablename__):
            return []
    in_use = select(SealingKey).where(SealingKey.retired_at.is_(None)).order_by(SealingKey.made_at)
    with database.reading() as session:
        return [each.id for each in session.scalars(in_use) if not _fits(each, keys)]


def _fits(known: SealingKey, keys: KeyRing) -> bool:
    try:
        return keys.open(known.proof, _place(known.id)) == PROOF
    except (DoesNotOpen, KeysUnusable):
        return False


def _place(key_id: str) -> str:
    return f"sealing_key {key_id}"


def _refuse_wrong(database: Database, keys: KeyRing) -> None:
    if missing := missing_keys(database, keys):
        where = "CLINIC_KEYS" if keys.is_fixed else str(keys.path)
        raise KeysUnusable(
            f"The database is sealed with key {', '.join(missing)}, which is not in {where}: "
            "put the right key file back, or ./clinic keys import FILE"
        )


def _register(session: Session, keys: KeyRing) -> None:
    """Let the database know the active key, also one that was retired once and is active again."""
    active = keys.active
    if active is None:
        raise KeysUnusable(f"There are no keys in {keys.path}")
    known = session.get(SealingKey, active.id)
    if known is None:
        proof = keys.seal(PROOF, _place(active.id))
        session.add(SealingKey(id=active.id, proof=proof, made_at=active.made_at))
    elif known.retired_at is not None:
        known.retired_at = None


# Rotation ----------------------------------------------------------------------------------------


def rotate(database: Database, keys: KeyRing, *, again: bool = False) -> Iterator[int]:
    """Make a new key and seal every row with it. Yields how many rows are done, after each batch.

    again: no new key, only the rows that an earlier rotation left. Others may write meanwhile: from
    the moment the new key is in the file, every process seals with it.
    """
    if not again:
        keys.add(new_key())
    with database.transaction() as session:
        _register(session, keys)
    active = keys.active
    assert active is not None
    done = 0
    for model in sealed_tables():
        while count := _seal_some(database, model, active.id):
            done += count
            yield done
    with database.transaction() as session:
        older = (SealingKey.id != active.id) & SealingKey.retired_at.is_(None)
        session.execute(update(SealingKey).where(older).values(retired_at=utc_now()))
    database.wipe_traces()


def sealed_tables() -> list[type[SealedRow]]:
    return sorted(SealedRow.__subclasses__(), key=lambda model: model.__name__)


def _seal_some(database: Database, model: type[SealedRow], key_id: str) -> int:
    with database.transaction() as session:
        query = select(model).where(model.sealed.is_not(None), head(model) != _head(key_id))
        rows = session.scalars(query.limit(BATCH).with_for_update()).all()
        for row in rows:
            row.sealed = Letter(row.place(), row.sealed.open(row.place()))
        return len(rows)


def rows_by_key(session: Session) -> dict[str, int]:
    """Return key id → how many rows are sealed with it."""
    counts: dict[str, int] = {}
    for model in sealed_tables():
        # By the column's name: PostgreSQL takes the same expression with parameters for another.
        query = select(head(model).label("head"), func.count()).where(model.sealed.is_not(None))
        for start, count in session.execute(query.group_by("head")):
            key_id = bytes(start)[len(FORMAT) :].hex()
            counts[key_id] = counts.get(key_id, 0) + count
    return counts


def head(model: type[SealedRow]) -> ColumnElement[bytes]:
    """The beginning of the sealed bytes, which names their key."""
    return func.substr(type_coerce(model.sealed, LargeBinary), 1, HEAD_BYTES, type_=LargeBinary)


def _head(key_id: str) -> bytes:
    return FORMAT + bytes.fromhex(key_id)
