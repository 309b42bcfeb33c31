"""The command line. A command is a function here and what it does in commands/."""

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop

from appview import log as logs
from appview.commands import audit as audits
from appview.commands import backup as backups
from appview.commands import check as checks
from appview.commands import database, fetch, moderation
from appview.commands import explain as explanations
from appview.commands import rebuild as rebuilds
from appview.commands import resync as resyncs
from appview.commands import run as processes
from appview.composition import VERSION
from appview.config import BadSetting, Config, from_env
from indexer.replay import BadRecording
from migrations.errors import CannotOpen

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION)
def cli() -> None:
    """An ATProto AppView for music. Settings are PLYR_* variables: README lists them."""


def main() -> None:
    """Answer what a person can mend with a sentence, anything else with a traceback."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # there is what to undo now
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (BadSetting, BadRecording, CannotOpen) as error:
        click.echo(f"plyr-appview: {error}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def start(
    command: Callable[[Config], Coroutine[Any, Any, T]], defaults: Mapping[str, str] | None = None
) -> T:
    """Run a command with the settings; the one place that reads the environment."""
    config = from_env({**(defaults or {}), **os.environ})
    logs.configure(config.log_format, config.log_level)
    return uvloop.run(command(config))


@cli.command()
def run() -> None:
    """Index and serve in one process, with an embedded Postgres unless told otherwise."""
    start(processes.run)


@cli.command()
def index() -> None:
    """Index only. A second one stands by until the first is gone."""
    start(processes.index)


@cli.command()
def serve() -> None:
    """Answer XRPC only; as many as wanted, beside one `index`."""
    start(processes.serve)


@cli.command()
def demo() -> None:
    """Play music of its own from a small network of its own; the last line is the page to open."""
    from appview.commands import demo as demos  # noqa: PLC0415 - draws pictures, which takes much

    start(demos.demo, {"PLYR_LOG_LEVEL": "warning"})


@cli.command()
def migrate() -> None:
    """Bring the database to the version of this program."""
    start(database.migrate)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def status(as_json: bool) -> None:
    """Say how far the index is: upstream, repos, quarantine."""
    start(lambda config: database.status(config, as_json=as_json))


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def replay(file: Path) -> None:
    """Index a recorded firehose: repeated [4-byte big-endian length][frame]."""
    start(lambda config: fetch.replay_file(config, file))


@cli.command()
def backfill() -> None:
    """Discover the repos that hold our collections, fetch them, and end."""
    start(fetch.backfill)


@cli.command()
@click.argument("actors", nargs=-1, metavar="[DID|HANDLE]...")
@click.option("--all", "everything", is_flag=True, help="Every repo that is known.")
@click.option("--wait", is_flag=True, help="Until it is done; say what came of each.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def resync(actors: tuple[str, ...], everything: bool, wait: bool, as_json: bool) -> None:
    """Ask for repos to be walked in full, whatever the tables say of them.

    A repo that is not known becomes so if it holds records of ours. Exit status: 0 done or asked
    for, 1 a walk failed (it is tried again), 2 no indexer is at work.
    """
    if bool(actors) == everything:
        raise click.UsageError("name the repos, or --all of them")
    sys.exit(
        start(
            lambda config: resyncs.resync(
                config, actors, everything=everything, wait=wait, as_json=as_json
            )
        )
    )


@cli.command()
@click.argument("subject", nargs=-1, required=True)
@click.option("--reason", help="Why; kept in the trail.")
@click.option("--by", "actor", metavar="NAME", help="Who decides; else who is logged in.")
def takedown(subject: tuple[str, ...], reason: str | None, actor: str | None) -> None:
    """Hide an account, a record or a blob at once, whatever upstream says.

    SUBJECT is a DID, a handle, an AT-URI, or for a blob the DID (or handle) and the CID.
    """
    start(lambda config: moderation.take_down(config, subject, reason=reason, actor=actor))


@cli.command()
@click.argument("subject", nargs=-1, required=True)
@click.option("--reason", help="Why; kept in the trail.")
@click.option("--by", "actor", metavar="NAME", help="Who decides; else who is logged in.")
def restore(subject: tuple[str, ...], reason: str | None, actor: str | None) -> None:
    """Undo a takedown: give back what upstream allows. SUBJECT as for `takedown`."""
    start(lambda config: moderation.restore(config, subject, reason=reason, actor=actor))


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write what cannot be fetched again to a file: takedowns and their trail."""
    start(lambda config: backups.backup(config, file))


@cli.command("restore-backup")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore_backup(file: Path) -> None:
    """Read a backup into a database in which nothing was decided yet."""
    start(lambda config: backups.restore_backup(config, file))


@cli.command()
@click.option("--yes", "confirmed", is_flag=True, help="Ask nothing.")
def rebuild(confirmed: bool) -> None:
    """Throw the index away, so that the next start fetches it anew; takedowns stay."""
    start(lambda config: rebuilds.rebuild(config, confirmed=confirmed))


@cli.command()
@click.argument("actors", nargs=-1, metavar="[DID|HANDLE]...")
@click.option(
    "--grace",
    "grace_seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Seconds after which what differs is looked at again.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def audit(actors: tuple[str, ...], grace_seconds: float, as_json: bool) -> None:
    """Compare the index with the PDSes and print every difference; changes nothing.

    Without names, everybody's. Exit status: 0 none, 1 differences, 2 none, but not everything
    could be compared.
    """
    sys.exit(
        start(
            lambda config: audits.audit(
                config, actors, grace_seconds=grace_seconds, as_json=as_json
            )
        )
    )


@cli.command()
@click.argument("target", metavar="AT-URI|DID|HANDLE")
@click.option("--ask", is_flag=True, help="Ask its host, too: what does it say now?")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def explain(target: str, ask: bool, as_json: bool) -> None:
    """Say why an account or a record is shown, or is not.

    In the order in which it is decided; ! is a reason, ~ something to know. Exit status: 0 shown,
    1 not shown.
    """
    sys.exit(start(lambda config: explanations.explain(config, target, ask=ask, as_json=as_json)))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def check(as_json: bool) -> None:
    """Look at everything this service needs, and say what to do where it is missing.

    Database, disk, clock, name servers, directory, relay, discovery, the public did.json and the
    addresses to listen at. Exit status: 1 if anything failed.
    """
    sys.exit(start(lambda config: checks.check(config, as_json=as_json)))
