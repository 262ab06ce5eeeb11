"""Processor time of a command from start to end, beside the libraries that the command needs."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 9
CLI = [sys.executable, "-m", "authcheck"]
QUERY = """
import sys
import sqlalchemy as sa
from sqlalchemy.orm import Session
organisations = sa.table("organisations", sa.column("id"), sa.column("handle"))
with Session(sa.create_engine("sqlite:///" + sys.argv[1] + "/authcheck.db")) as session:
    session.execute(sa.select(organisations)).all()
"""
BASELINES = {
    "typer, rich": "import typer, rich",
    "sqlalchemy.orm": "import sqlalchemy.orm",
    "sqlalchemy.orm and a query": QUERY,
}
COMMANDS = {
    "--help": "typer, rich",
    "--version": "typer, rich",
    "organisations list": "sqlalchemy.orm and a query",
    "ledger audit": "sqlalchemy.orm",
    f"lookup {'0' * 64}": "sqlalchemy.orm",
}


def cpu_s(words: list[str], data_dir: str) -> float:
    """Run a process. Return its user and system time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "AUTHCHECK_DATA_DIR": data_dir}
    subprocess.run(words, env=environment, capture_output=True, check=False)  # noqa: S603 - our own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a table: the median of interleaved rounds, and the ratio to the baseline."""
    programs = {name: [sys.executable, "-c", text] for name, text in BASELINES.items()}
    programs |= {name: [*CLI, *name.split()] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        data_dir = str(Path(folder) / "state")
        cpu_s([*CLI, "organisations", "list"], data_dir)  # this run makes the database
        programs["sqlalchemy.orm and a query"].append(data_dir)
        rounds = [{name: cpu_s(words, data_dir) for name, words in programs.items()} for _ in range(ROUNDS)]
    median_s = {name: statistics.median(row[name] for row in rounds) for name in programs}
    print("| command | CPU s | baseline | its CPU s | ratio |\n|---|---|---|---|---|")
    for name, baseline in COMMANDS.items():
        ratio = median_s[name] / median_s[baseline]
        shown = name.replace("0" * 64, "TX_ID")
        print(f"| `{shown}` | {median_s[name]:.2f} | {baseline} | {median_s[baseline]:.2f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
