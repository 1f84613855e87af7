"""Every test: this user's own settings, copilots and bases are not there. Set before any module reads them."""

import contextlib
import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator

import pytest
from platformdirs import user_cache_path, user_data_path

os.environ.setdefault("REAL_BASES_DIR", str(user_data_path("retinue") / "bases"))  # see tests.real_base
os.environ.setdefault("MPLCONFIGDIR", str(user_cache_path("matplotlib")))  # its list of fonts takes seconds to make
_EMPTY = tempfile.mkdtemp(prefix="retinue-tests-")
os.environ |= {f"XDG_{name.upper()}_HOME": f"{_EMPTY}/{name}" for name in ("config", "data", "cache")}


@contextlib.contextmanager
def not_measured() -> Iterator[None]:
    """No coverage of this thread and of those that it starts: it makes long loops and imports several times slower."""
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(of_threads)
        sys.settrace(tracer)


if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core: one thread each, in what they start too
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with not_measured():  # every worker needs them, and their imports are long
        import peft  # noqa: F401


@pytest.fixture
def untraced() -> Iterator[None]:
    """For tests with long loops, also those that are timed: collecting the garbage of other tests takes a second."""
    with not_measured():
        gc.disable()
        yield
        gc.enable()


Figure = Callable[[str, str], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """What was measured, and the figure: a row of the table that stands below all results, of other processes too."""
    return lambda what, value: record_property("figure", f"| {what} | {value} |")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    rows = sorted(
        {str(row) for one in reports for name, row in getattr(one, "user_properties", ()) if name == "figure"}
    )
    if rows:
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
        terminalreporter.section(f"figures, at a load of {load}")
        terminalreporter.write_line("\n".join(rows))
