"""`python -m consumer`: argv in, exit code out."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(2)


if __name__ == "__main__":
    main()
