"""Plant each bug in a copy of the project, and see whether the tests notice.

python -m tests.mutants [NAME]...
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from tests.databases import fast_server
from tests.mutants.catalog import MUTANTS
from tests.mutants.copies import ROOT, Copy
from tests.mutants.mutant import Mutant
from tests.mutants.trial import Trial, Verdict, run

TRIAL_SECONDS = 120
SOUND_SECONDS = 900
OUTPUT_LINES = 40
WORDS = {Verdict.FAILED: "killed", Verdict.PASSED: "SURVIVED"}


async def check(mutants: Sequence[Mutant]) -> bool:
    """Whether every one of them is noticed."""
    stale = [one for one in mutants if (ROOT / one.file).read_text().count(one.old) != 1]
    for mutant in stale:
        click.echo(f"{mutant.name}: its text does not stand once in {mutant.file}")
    with tempfile.TemporaryDirectory(prefix="plyr-mutants-") as folder:
        copy = Copy.make(Path(folder) / "copy")
        assert copy.is_what_gets_imported(), "another installation comes first"
        async with fast_server(Path(folder) / "postgres") as database_url:
            sound = await sound_before(copy, mutants, database_url)
            if not sound:
                return False
            verdicts = Counter(
                [
                    await try_one(copy, mutant, database_url)
                    for mutant in mutants
                    if mutant not in stale
                ]
            )
    words = ", ".join(f"{count} {WORDS.get(one, one)}" for one, count in verdicts.items())
    click.echo(f"{len(mutants)} planted: {words}" + (f", {len(stale)} stale" if stale else ""))
    return verdicts[Verdict.FAILED] == len(mutants)


async def sound_before(copy: Copy, mutants: Sequence[Mutant], database_url: str) -> bool:
    """A test that fails without the bug says nothing about it."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    trial = await run(copy, tests, database_url, SOUND_SECONDS)
    click.echo(f"{len(tests)} tests without a bug: {trial.verdict}, {trial.seconds:.0f} s")
    if trial.verdict is Verdict.PASSED:
        return True
    tell(trial)
    return False


async def try_one(copy: Copy, mutant: Mutant, database_url: str) -> Verdict:
    with copy.planted(mutant):
        trial = await run(copy, mutant.tests, database_url, TRIAL_SECONDS)
    word = WORDS.get(trial.verdict, trial.verdict)
    click.echo(f"{mutant.name:32} {word:9}{trial.seconds:4.0f} s  {trial.by}")
    if trial.verdict is Verdict.PASSED:
        click.echo(f"    {mutant.file}: {mutant.breaks}")
    elif trial.verdict is not Verdict.FAILED:
        tell(trial)
    return trial.verdict


def tell(trial: Trial) -> None:
    click.echo("\n".join(trial.output.splitlines()[-OUTPUT_LINES:]))


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Plant the bugs of these NAMES, or every one, and say which the tests do not notice."""
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise click.BadParameter(f"no mutant is called {', '.join(unknown)}")
    chosen = [by_name[name] for name in names] or list(MUTANTS)
    sys.exit(0 if asyncio.run(check(chosen)) else 1)


if __name__ == "__main__":
    main()
