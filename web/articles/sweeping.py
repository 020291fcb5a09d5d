"""What happens to articles by itself: changes made outside, days that come, what has to wait.

Rule: cheap when nothing happened. The folder is read again only when the publisher saw it change;
the database is asked by index each time.
"""

from __future__ import annotations

from web.articles import autosaves, due, gaps, outside, translations
from web.services import Services


class Sweeper:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._seen: object = None
        self._day = services.today()

    def begin(self) -> None:
        """Know before the first patient what is to be kept from them."""
        translations.withhold(self._services)

    def sweep(self) -> None:
        services = self._services
        due.publish_due(services)
        reports, today = services.publisher.reports, services.today()
        if reports is self._seen and today == self._day:
            return
        outside.take_up(services)
        due.withdraw_expired(services)
        translations.withhold(services)
        with services.database.transaction() as session:
            gaps.close_live(session, services.publisher.index, services.clock())
        if today != self._day:
            with services.database.transaction() as session:
                autosaves.forget_old(session, services.clock())
        self._seen, self._day = reports, today
