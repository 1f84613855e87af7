"""The reports of all domain adapters -> docs/results.md. `make protocol` runs it; with `--check` it only compares."""

import sys
from pathlib import Path

from server.settings import load_settings
from training.measure.results import page, read_domains

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "results.md"


def written() -> str:
    base = load_settings().base
    return page(read_domains(ROOT / "adapters", base), base=base)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(written(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != written():
        sys.exit("docs/results.md is not what the reports say: run `make protocol`.")
