"""The command ``limner``, also as ``python -m limner``."""

from __future__ import annotations

import sys

from limner import own_packages_first


def main() -> None:
    """Run the command line by limner's own packages."""
    try:
        own_packages_first()
        from flows.cli.app import main as command_line

        command_line()
    except KeyboardInterrupt:  # before a command began, or after it ended
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
