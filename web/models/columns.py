"""Parts of columns that every table uses."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    Enum,
)


def nothing() -> None:
    return None


def enum_of(values: type[StrEnum]) -> Enum:
    return Enum(
        values,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda states: [state.value for state in states],
    )
