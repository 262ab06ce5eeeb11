"""Where the command starts. `verify-bundle` loads neither database, nor web, nor pictures."""

import sys
from importlib import import_module

from authcheck.proofs import bundle


def main() -> None:
    """Run the command line; `verify-bundle` without the database, the web and the pictures."""
    if sys.argv[1:2] == ["verify-bundle"]:
        sys.exit(bundle.main(sys.argv[2:]))
    import_module("authcheck.terminal.app").main()


if __name__ == "__main__":
    main()
