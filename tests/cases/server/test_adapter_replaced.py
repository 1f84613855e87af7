"""An adapter that is put in place while a client is connected acts from the next question on."""

from pathlib import Path

from server.catalog import versions
from server.catalog.layout import adapter_folder, user_root
from server.engine import AdapterRef, BaseInfo
from tests.server.catalog.test_copilots import write_adapter
from tests.server.fakes import Harness, ask, give, opened, until, write_copilot


def by_content(folder: Path, _: BaseInfo) -> AdapterRef:
    return AdapterRef("legal/lease", folder, (folder / "adapter_config.json").read_text())


async def test_the_next_question_is_answered_by_the_new_adapter(tmp_path: Path) -> None:
    harness = Harness(tmp_path, check_adapter=by_content)
    session, outbox = await opened(harness)
    digests, modes = list[str | None](), list[str]()
    target = adapter_folder(user_root(harness.settings.user_dir), "legal/lease", "fake")

    async def asked(run: str) -> None:
        give(session, ask(run=run))
        _, before = await until(outbox, "run.done")
        modes.append(next(frame.mode for frame in before if frame.type == "run.start"))  # type: ignore[attr-defined]
        adapter = harness.engine.requests[-1].adapter
        digests.append(adapter.digest if adapter else None)

    def put(content: str) -> None:
        with versions.writing(target) as made:
            for file in write_adapter(tmp_path / f"made{content}").iterdir():
                (made / file.name).write_bytes(file.read_bytes())
            (made / "adapter_config.json").write_text(content)
            versions.put_in_use(made, target)

    await asked("r1")
    put('{"r": 1}')
    await asked("r2")
    put('{"r": 2}')
    await asked("r3")
    versions.restore(target)
    await asked("r4")

    assert digests == [None, '{"r": 1}', '{"r": 2}', '{"r": 1}']
    assert modes == ["instructed", "tuned", "tuned", "tuned"]


async def test_an_edited_copilot_acts_from_the_next_question_on(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    session, outbox = await opened(harness)
    write_copilot(harness.settings.adapters_dir, text='name = "L"\npromise = "P"\ninstructions = "Say it in verse."\n')

    give(session, ask())
    await until(outbox, "run.done")

    assert "Say it in verse." in bytes(token for token in harness.engine.requests[0].turn if token < 256).decode()


async def test_a_copilot_that_was_taken_away_is_an_error_with_a_start(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    session, outbox = await opened(harness)
    harness.copilots.refresh()
    (harness.settings.adapters_dir / "legal" / "lease" / "copilot.toml").unlink()

    give(session, ask())
    end, before = await until(outbox, "run.error")

    assert end.code in ("copilot_refused", "copilot_unknown")
    assert [frame.type for frame in before] == ["run.start"]  # type: ignore[attr-defined]
