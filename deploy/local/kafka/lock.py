"""Writes the lock file anew: `python -m deploy.local.kafka.lock`, after a change of the versions below."""

from __future__ import annotations

import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from deploy.local.kafka.jars import LOCK_FILE, Jar, sha256_of

ROOTS = ("org.apache.kafka:kafka_2.13:4.1.1", "org.slf4j:slf4j-nop:1.7.36")
"""slf4j-nop: the broker writes no log."""

HEADER = (
    "# sha256, bytes and coordinate of each jar; written by `python -m deploy.local.kafka.lock`\n"
)


def resolve(scratch: Path) -> list[Jar]:
    context = MavenContext(resolver=PythonResolver(), repo_cache=scratch)
    roots, rest = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
    jars = []
    for dependency in (*roots, *rest):
        path = Path(dependency.artifact.resolve())
        coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
        jars.append(Jar(sha256_of(path), path.stat().st_size, coordinate))
    return sorted(jars, key=lambda jar: jar.coordinate)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        jars = resolve(Path(scratch))
    lines = [f"{jar.sha256} {jar.size} {jar.coordinate}\n" for jar in jars]
    LOCK_FILE.write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    main()
