"""What was changed in the folder by hand or by git, kept as revisions.

Rule: the file is the truth for what is published, so a change there is taken up, never undone.
"""

from __future__ import annotations

from web.articles import article_files, hosts, revisions
from web.articles.editing import subject_of
from web.articles.revisions import Found
from web.config import Settings
from web.privacy import audit
from web.privacy.audit import Act
from web.services import Services

# A folder of hundreds at once would keep patients from writing for seconds.
TAKEN_UP_AT_ONCE = 10
PATIENTS_FIRST_S = 0.02


def take_up(services: Services, article_ids: list[str] | None = None) -> int:
    """Keep as revisions what was changed in the folder by hand or by git. Returns how many.

    article_ids: only these; None for all of the folder.
    """
    files = list(_files(services.settings, article_ids))
    with services.database.reading() as session:
        known = revisions.known_digests(session, article_ids)
    new = [each for each in files if known.get(each.article_id) != each.digest]
    if services.bus is not None:  # another host may have published since
        with services.database.reading() as session:
            new = hosts.changed_here(session, new)
    if not new:
        return 0
    new.sort(key=lambda each: bool(each.translation_of))  # originals first: see revisions.take_up
    for start in range(0, len(new), TAKEN_UP_AT_ONCE):
        services.stopping.wait(PATIENTS_FIRST_S if start else 0)
        with services.database.transaction() as session:
            some = new[start : start + TAKEN_UP_AT_ONCE]
            for row in revisions.take_up(session, some, services.clock()):
                if row.number > 1:
                    subject = subject_of(row.article_id)
                    act, at = Act.ARTICLE_CHANGED_OUTSIDE, services.clock()
                    audit.record(session, act, subject, staff_id=None, at=at)
    return len(new)


def _files(settings: Settings, article_ids: list[str] | None) -> list[Found]:
    if article_ids is None:
        found = article_files.entries(settings.articles_dir)
    else:
        found = article_files.some_entries(settings.articles_dir, article_ids)
    return [
        Found(entry.id, entry.text.encode(), entry.article.translation_of)
        for entry in found
        if entry.article is not None
    ]
