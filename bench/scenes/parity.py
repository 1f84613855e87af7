"""`python -m bench.scenes.parity FILE`: fails when an answer of ours in a run's JSON differs from PEFT's tokens."""

import sys
from pathlib import Path

from bench.figures import from_json
from bench.measures import ROWS
from bench.peers.ours import NAME
from bench.scenes.exact import TABLE


def main() -> None:
    results = from_json(Path(sys.argv[1]))
    ours = [figure for figure in results.figures if figure.table == TABLE and figure.contender == NAME]
    if not ours:
        sys.exit("The file has no exactness figures of ours.")
    wrong = [figure for figure in ours if figure.median < ROWS]
    for figure in wrong:
        print(f"{figure.model}, {figure.measure}: {figure.median:.0f} of {ROWS} answers equal PEFT's")
    if wrong:
        sys.exit(1)
    print(f"tokens equal to PEFT's: {', '.join(figure.measure for figure in ours)}")


if __name__ == "__main__":
    main()
