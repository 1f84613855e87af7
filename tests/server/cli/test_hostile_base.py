"""`retinue serve` over a base folder that means harm: it ends with one sentence, and always obeys a signal."""

import json
import multiprocessing
import multiprocessing.forkserver as forkserver
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from server.catalog import bases
from server.catalog.acquire import install
from server.cli.main import main
from tests import tiny
from tests.children import environment

ROOT = Path(__file__).parents[3]
ENDS_S_MAX = 300.0  # on a busy machine; the bound is that it ends

Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def good_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_base(tmp_path_factory.mktemp("good") / "good", context=2048)


def config(**changes: Any) -> Change:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def template(text: str) -> Change:
    def change(folder: Path) -> None:
        (folder / "chat_template.jinja").write_text(text)

    return change


def tokenizer_config(**changes: Any) -> Change:
    def change(folder: Path) -> None:
        file = folder / "tokenizer_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


HOSTILE: dict[str, tuple[Change, str]] = {
    "loops without end": (template("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
                          "base_template"),
    "four gigabytes": (template("{{ 'a' * 4294967296 }}"), "base_template"),
    "a template that raises": (template("{{ raise_exception('no') }}"), "base_template"),
    "a template that is none": (template("{% for"), "base_template"),
    "a long template": (template("x" * 200_000), "base_template"),
    "no turns": (template("hello"), "base_unsupported"),
    "quantised elsewhere": (config(quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
                            "base_unsupported"),
    "wrong sizes": (config(hidden_size=128), "base_unreadable"),
    "layers that are not there": (config(num_hidden_layers=5), "base_unreadable"),
    "a million layers": (config(num_hidden_layers=10**6), "base_unsupported"),
    "no heads": (config(num_key_value_heads=0), "base_load_failed"),
    "an encoder": (config(model_type="bert", architectures=["BertForMaskedLM"]), "base_unsupported"),
    "code of its own": (tokenizer_config(auto_map={"AutoTokenizer": ["evil.Evil", None]}, tokenizer_class="Evil"),
                        "base_unreadable"),
}  # fmt: skip


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    """Processes that have torch and transformers already: each would take seconds to import them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "server.cli.serve", "server.engine.local.engine"])
    with pytest.MonkeyPatch.context() as patched:
        for name in os.environ.keys() - environment().keys():
            patched.delenv(name)
        forkserver.ensure_running()
    return context


def variables(tmp_path: Path, base: Path) -> dict[str, str]:
    folders = {"USER_DIR": tmp_path / "user", "CONFIG_DIR": tmp_path / "config", "BASES_DIR": base.parent}
    own = {f"RETINUE_{name}": str(path) for name, path in folders.items()}
    return environment() | own | {"RETINUE_BASE": base.name, "RETINUE_PORT": "0"}


def serve(variables: dict[str, str], out: Path, errors: Path) -> None:
    """`retinue serve` in a process of its own, with the base already there and no encoder to be fetched."""
    os.environ.clear()
    os.environ.update(variables)
    for file, descriptor in ((out, 1), (errors, 2)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    install.ensure = lambda settings, say: bases.find(settings, settings.base)  # type: ignore[assignment, misc]
    sys.argv = ["retinue", "serve"]
    main()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_base_ends_the_start_with_one_sentence(
    name: str, good_base: Path, tmp_path: Path, forks: ForkServerContext
) -> None:
    change, code = HOSTILE[name]
    base = shutil.copytree(good_base, tmp_path / "bases" / "evil")
    change(base)
    out, errors = tmp_path / "out", tmp_path / "errors"

    child = forks.Process(target=serve, args=(variables(tmp_path, base), out, errors))
    child.start()
    child.join(ENDS_S_MAX)
    status = child.exitcode
    child.kill()

    complaint = errors.read_text()
    said = [line for line in complaint.splitlines() if line.startswith("retinue: ")]
    assert status == 1, complaint
    assert [line.split(": ")[1] for line in said] == [code]
    assert "Ready" not in out.read_text()
    assert "Traceback" not in complaint


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_signal_ends_a_start_also_while_a_library_holds_the_interpreter(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from server.app import build_app
from server.cli import serve
from server.transport.listener import listen
from tests.server.fakes import FakeEngine, settings

def load_base():
    print("loading", flush=True)
    10 ** 10 ** 8 % 7 ** 10 ** 8  # one instruction: no other thread of Python gets a turn

chosen = settings(Path(sys.argv[1]), port=0)
listener = listen(chosen)
app = build_app(chosen, FakeEngine(), load_base=load_base, port=1)
asyncio.run(serve.Server(serve.config_for(app), app=app).serve(sockets=[listener]))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment()) as server:  # noqa: S603
        assert server.stdout is not None
        assert server.stdout.readline() == b"loading\n"
        time.sleep(0.3)
        server.terminate()
        try:
            assert server.wait(timeout=10) == -signal.SIGTERM
        finally:
            server.kill()
