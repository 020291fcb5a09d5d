"""The operator's commands on the web side: index, articles, checks, backups; accounts and keys.

Rule: each command says what it did or what to do. `./clinic staff add` and the like call this
module; accounts/ and privacy/ have theirs in `commands`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from search.index import ArticleStatus
from web import backup, checks, installation, make_services
from web.accounts.commands import demo_accounts, staff
from web.articles import comparing, exchange
from web.articles.publishing import Publisher
from web.checks import Level
from web.db import utc_now
from web.installation import CouldNotRun
from web.privacy.commands import keys


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Front Desk: accounts, search index and checks."""


main.add_command(staff)
main.add_command(demo_accounts)
main.add_command(keys)


# Index and articles ------------------------------------------------------------------------------


@main.command("index")
@click.option("--whole", is_flag=True, help="embed every passage anew")
def index(whole: bool) -> None:
    """Read the articles and write the search index; only what changed is embedded."""
    publisher = Publisher(installation.settings())
    publisher.load_encoder()
    if not whole:
        publisher.load_stored()
    publisher.refresh()
    for report in publisher.reports:
        if report.status is ArticleStatus.ERROR:
            click.echo(f"{report.article}.md:{report.line or 1}: {report.reason}", err=True)
    if publisher.index is None:
        raise CouldNotRun(f"there are no articles in {installation.settings().articles_dir}")
    passages = len(publisher.index.passages)
    click.echo(f"{len(publisher.index.articles)} articles, {passages} passages.")
    if publisher.encoder is None:
        click.echo("The sentence model is missing: search works by words alone. Run ./clinic run.")


@main.command("lint")
def lint() -> None:
    """Check every article, as the editor does; hints alone are no failure."""
    found, settings = 0, installation.settings()
    comparison = comparing.of_folder(Publisher(settings))
    if comparison is None:
        click.echo("Not looked for: what says the same or denies another (no sentence model).")
    for problem in checks.article_problems(settings, comparison=comparison):
        found += problem.level is Level.FAIL
        hint = "" if problem.level is Level.FAIL else "hint: "
        click.echo(f"{problem.file}:{problem.line}: {hint}{problem.what}. {problem.mend}")
    if found:
        raise CouldNotRun(f"{found} {'thing' if found == 1 else 'things'} to mend")
    click.echo("All articles can be published.")


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--topic", default="other", help="where the articles belong")
def import_command(file: Path, topic: str) -> None:
    """Make drafts of an HTML, Word (.docx), Markdown or CSV file, or of a zip of them.

    A CSV names its columns question and answer. Nothing is published by it.
    """
    settings = installation.settings()
    with installation.database():
        services = make_services(settings)
        found = exchange.take_in(services, file.name, file.read_bytes(), topic=topic, staff_id=None)
    for each in found:
        click.echo(f"{each.made_of}: {each.article_id or f'not taken: {each.reason}'}")
    click.echo(f"{sum(bool(each.article_id) for each in found)} drafts made; editors see them.")


@main.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_command(file: Path) -> None:
    """Write all articles to FILE, a zip: Markdown files and articles.jsonl."""
    file.write_bytes(exchange.give_out(installation.settings()))
    click.echo(f"Wrote {file}.")


@main.command("doctor")
def doctor() -> None:
    """Say what is wrong with the running parts, and how to mend it."""
    failed = False
    for check in checks.all_checks():
        click.echo(f"{check.level.value:5} {check.what}")
        if check.mend:
            click.echo(f"      What to do: {check.mend}")
        failed |= check.level is Level.FAIL
    if failed:
        sys.exit(1)


# Backups -----------------------------------------------------------------------------------------

FILE = click.Path(dir_okay=False, path_type=Path)


@main.command("backup")
@click.argument("file", type=FILE, required=False)
def backup_command(file: Path | None) -> None:
    """Save database, articles and settings in FILE; the product may be running.

    Without FILE a new one is made in var/backups. Keys are not in it, and without them nobody can
    read it: ./clinic keys export FILE saves them, to be kept apart.
    """
    settings, now = installation.settings(), utc_now()
    file = file or settings.var_dir / "backups" / f"clinic-{now:%Y%m%dT%H%M%SZ}.tar"
    try:
        contents = backup.save(settings, file, now)
    except backup.BackupFailed as error:
        raise CouldNotRun(str(error)) from None
    click.echo(f"Saved {file}: the database, clinic.toml and {len(contents.articles)} articles.")
    click.echo("It can be read only with the keys: save them apart with ./clinic keys export FILE.")


@main.command("restore")
@click.argument("file", type=FILE)
def restore_command(file: Path) -> None:
    """Put database and articles back from FILE; what stands there is kept beside it."""
    try:
        contents, moved = backup.restore(file, installation.settings(), utc_now())
    except backup.BackupFailed as error:
        raise CouldNotRun(str(error)) from None
    click.echo(f"Restored what was saved on {contents.made_at:%Y-%m-%d at %H:%M} UTC.")
    for path in moved:
        click.echo(f"Kept what was there before: {path}")
    click.echo("clinic.toml is left as it is. Start again with ./clinic run.")


if __name__ == "__main__":
    main(prog_name="python -m web.cli")
