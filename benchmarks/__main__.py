"""`python -m benchmarks`: the table of figures."""

import sys

from benchmarks.table import main

if __name__ == "__main__":
    sys.exit(main())
