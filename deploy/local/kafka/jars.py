"""The jars of Apache Kafka: named and hashed in a lock file, downloaded once, kept in the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

LOCK_FILE = Path(__file__).with_name("jars.lock")
DOWNLOADS_AT_ONCE = 4
TIMEOUT = 60


class JarsUnavailable(Exception):  # a command's own error, outside the service's tree
    """A jar cannot be had, or is not the one that the lock file names."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock file."""

    sha256: str
    size: int
    coordinate: str
    """`group:artifact:version`."""

    @property
    def filename(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    lines = (line.split() for line in path.read_text().splitlines() if not line.startswith("#"))
    return tuple(Jar(sha256, int(size), coordinate) for sha256, size, coordinate in lines)


def cache_dir() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/foundry-consumer`, else `~/.cache/foundry-consumer`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "foundry-consumer"


def ensure_jars(jars: Sequence[Jar] | None = None, folder: Path | None = None) -> Path:
    """The folder that holds every jar of the lock file, downloaded first where one is missing.

    Any number of processes may call it at once: one downloads, the others wait for it.

    Raises:
        JarsUnavailable: a download failed, or gave something else than the lock file names.
    """
    jars = read_lock() if jars is None else jars
    folder = cache_dir() / "kafka-jars" if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder / ".lock"):
        missing = [jar for jar in jars if not _is_there(folder / jar.filename, jar)]
        if missing:
            _download(missing, folder)
    return folder


def classpath(folder: Path, jars: Sequence[Jar] | None = None) -> str:
    """Only what the lock file names: a jar that an older version left in the folder stays out."""
    jars = read_lock() if jars is None else jars
    return os.pathsep.join(str(folder / jar.filename) for jar in jars)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_there(path: Path, jar: Jar) -> bool:
    # Files come here by rename, verified before; the size catches a folder that somebody tampered with by accident,
    # and hashing 100 MB at each start would cost more than the start itself.
    return path.is_file() and path.stat().st_size == jar.size


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Held by one process at a time; the system lets go of it when that process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(jars: Sequence[Jar], folder: Path) -> None:
    # A company's own authority stands in the system's store, and the resolver's library has one of its own.
    trusted = ssl.get_default_verify_paths()
    if store := trusted.cafile or trusted.capath:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", store)
    console = Console(stderr=True)
    total = sum(jar.size for jar in jars)
    if not console.is_terminal:
        console.print(f"downloading Apache Kafka: {len(jars)} jars, {total // 2**20} MiB, once")
    bar = Progress(
        TextColumn("Apache Kafka"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    # In the same file system as the folder, so that the rename is atomic.
    with bar, tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
        task = bar.add_task("jars", total=total)
        context = MavenContext(
            resolver=PythonResolver(progress_callback=_progress(bar, task)),
            repo_cache=Path(scratch),
            timeout=TIMEOUT,
        )
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            for _ in pool.map(lambda jar: _download_one(context, jar, folder), jars):
                pass


def _progress(
    bar: Progress, task: object
) -> Callable[[str, int], contextlib.AbstractContextManager[Callable[[int], None]]]:
    @contextlib.contextmanager
    def one_file(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield lambda count: bar.advance(task, count)  # type: ignore[arg-type]  # rich's TaskID is an int

    return one_file


def _download_one(context: MavenContext, jar: Jar, folder: Path) -> None:
    try:
        path = Path(context.create_dependency(jar.coordinate).artifact.resolve())
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
        raise JarsUnavailable(
            f"cannot download {jar.coordinate}: {error}; "
            "set KAFKA_BOOTSTRAP_SERVERS to use a broker that is there already"
        ) from error
    found = sha256_of(path)
    if found != jar.sha256:
        raise JarsUnavailable(
            f"{jar.coordinate} is not what {LOCK_FILE.name} names: sha256 is {found}, not {jar.sha256}"
        )
    path.replace(folder / jar.filename)
