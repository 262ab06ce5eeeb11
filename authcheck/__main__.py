"""Where the command starts. Verifying a bundle loads nothing else: who checks us need not run the rest of us."""

import sys
from importlib import import_module

from authcheck import bundle


def main() -> None:
    """Run the command line; `verify-bundle` without the database, the web and the pictures."""
    if sys.argv[1:2] == ["verify-bundle"]:
        sys.exit(bundle.main(sys.argv[2:]))
    import_module("authcheck.cli").main()


if __name__ == "__main__":
    main()
