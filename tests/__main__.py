"""`python -m tests`: the suite on SQLite and, beside it, on PostgreSQL what uses a database.

Both wait for processes much of the time, so together they take little longer than one. The first
one's output is shown as it comes, the other's when it is done; arguments go to both.
"""

import subprocess
import sys
import tempfile

PYTEST = (sys.executable, "-m", "pytest")
ON_POSTGRESQL = (sys.executable, "-m", "tests.postgres", "--", *PYTEST, "--database")


def main(arguments: list[str]) -> int:
    """Run both; 0 when both have passed. Ctrl-C ends both, as they are in its group."""
    with tempfile.TemporaryFile() as output:
        beside = subprocess.Popen(
            [*ON_POSTGRESQL, *arguments], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            ended = [subprocess.call([*PYTEST, *arguments])]
            print("On PostgreSQL:", flush=True)  # noqa: T201 -- this is a command
        finally:
            beside.wait()
            output.seek(0)
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
    return int(any([*ended, beside.returncode]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
