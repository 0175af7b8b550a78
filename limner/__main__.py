"""The command ``limner``, also as ``python -m limner``."""

from __future__ import annotations

from limner import own_packages_first


def main() -> None:
    """Run the command line by limner's own packages."""
    own_packages_first()
    from flows.cli.app import main as command_line

    command_line()


if __name__ == "__main__":
    main()
