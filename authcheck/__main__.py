"""Where the command starts. `verify-bundle` loads neither database, nor web, nor pictures."""

import sys
from importlib import import_module


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["verify-bundle"]:
        sys.exit(import_module("authcheck.proofs.bundle").main(sys.argv[2:]))
    import_module("authcheck.terminal.app").main()


if __name__ == "__main__":
    main()
