"""The short form of `make chaos`, on the database that the suite runs on."""

import subprocess
import sys

import pytest
from django.db import connection

from tests.processes import ROOT

SHORT = ("--seed=1", "--threads=8", "--decisions=16", "--kills=4", "--minutes=0.5")


@pytest.mark.django_db
@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_happens_twice():
    command = [sys.executable, "-m", "tests.chaos", *SHORT, f"--database={connection.vendor}"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as trial:
        try:
            told, _ = trial.communicate()
        finally:
            trial.terminate()  # it takes its processes with it
    sys.stdout.write(told)
    assert trial.returncode == 0
