"""The wheel answers by itself: installed outside the checkout, without a network, with the adapters that it brings."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real_base import REAL_BASES

ROOT = Path(__file__).parents[2]
PAGE = """# Lease of a workshop

The lease runs for seven years from 1 March 2026.

The rent is 1,450 euros a month, payable on the third working day.

The tenant may keep two dogs on the premises.

This lease is governed by the law of Portugal.
"""
WHERE = """
import json, sys, server, training
from server.settings import load_settings
print(json.dumps({"path": sys.path, "server": server.__file__, "training": training.__file__,
                  "adapters": str(load_settings().adapters_dir)}))
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment with the wheel in it, and an empty folder to run in."""

    wheel: Path
    environment: Path
    home: Path

    def run(self, program: str, *arguments: str) -> str:
        variables = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        variables |= {
            "HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CONFIG_HOME": str(self.home / "config"), "RETINUE_PORT": "1", "RETINUE_THREADS": "1",
        }  # fmt: skip
        done = subprocess.run(  # noqa: S603 - programs of the environment that was made here
            [self.environment / "bin" / program, *arguments],
            cwd=self.home, env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)]
    subprocess.run([*pip, *build], check=True)  # noqa: S603 - our own interpreter
    wheel = next(folder.glob("retinue-*.whl"))
    environment, home = folder / "environment", folder / "home"
    venv.create(environment, symlinks=True)
    install = ["--python", str(environment), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, *install], check=True)  # noqa: S603 - our own interpreter
    _lend_dependencies(environment)
    (home / "data" / "retinue").mkdir(parents=True)
    (home / "data" / "retinue" / "bases").symlink_to(REAL_BASES)
    return Installed(wheel, environment, home)


def _lend_dependencies(environment: Path) -> None:
    """What is installed here, from where it lies. A folder in a .pth is searched, but the .pth files in it are not
    read: the checkout, which an editable install names in one, does not come along."""
    lent = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    site = next((environment / "lib").glob("python*/site-packages"))
    (site / "lent.pth").write_text("\n".join(lent) + "\n")


def test_the_checkout_is_not_there(installed: Installed) -> None:
    found: dict[str, Any] = json.loads(installed.run("python", "-c", WHERE))

    for name in ("server", "training", "adapters"):
        assert Path(found[name]).is_relative_to(installed.environment), found[name]
    assert str(ROOT) not in found["path"]
    holding = [entry for entry in found["path"] if entry and (Path(entry) / "server" / "settings.py").is_file()]
    assert len(holding) == 1
    assert Path(holding[0]).is_relative_to(installed.environment)


def test_the_wheel_holds_the_adapters_and_what_training_needs(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())

    assert any(name.endswith("/adapter_model.safetensors") for name in names)
    assert any(name.endswith("/copilot.toml") for name in names)
    assert "training/recipes/small.toml" in names
    assert not [name for name in names if name.startswith(("tests/", "bench/", "extension/", "docs/"))]


def test_it_answers_with_a_quotation_and_its_own_adapter(installed: Installed) -> None:
    (installed.home / "lease.md").write_text(PAGE, encoding="utf-8")

    answer = json.loads(
        installed.run("retinue", "ask", "generalist", "--page", "lease.md", "What is the rent?", "--json")
    )

    assert (answer["base"], answer["mode"]) == ("SmolLM2-135M-Instruct", "general")
    assert any("1,450 euros a month" in quote["text"] for quote in answer["quotes"]), answer["answer"]
    assert all(quote["verified"] for quote in answer["quotes"])


def test_its_copilots_are_listed(installed: Installed) -> None:
    assert "legal/contract-review" in installed.run("retinue", "copilots", "list")
