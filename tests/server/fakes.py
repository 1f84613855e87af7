"""Fakes for everything below session and around channel: a byte tokenizer, a scripted engine, an in-memory wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from server.catalog.bases import BaseText
from server.catalog.copilots import CheckAdapter, Copilots
from server.conversation.engines.making import Making
from server.conversation.outbox import Outbox
from server.conversation.pages import Parts
from server.conversation.session import Session
from server.conversation.threads.keeper import Keeper
from server.engine import BaseInfo, Capabilities, Finished, PageInfo, PageTokens, Request, Tokens
from server.protocol import VERSION, Frame
from server.protocol.client import CLIENT_FRAME
from server.settings import Settings
from server.text.prompt import PromptLayout
from server.transport.channel import Channel
from server.transport.connections import Connections, HandshakeContext
from server.transport.examination import Look, nothing
from server.transport.keyfile import KeyFile
from server.transport.pairing import PairingCode, mac, new_nonce
from server.transport.wire import Gone

START, END = 256, 257
CONTROLS = {"<|im_start|>": START, "<|im_end|>": END}
ORIGIN = "chrome-extension://blogkbmmpnemlllefjjcboblekpiblgh"
KEY = bytes(range(32))
PORT = 8377


class ByteTokenizer:
    """One token a UTF-8 byte, and two control tokens: the smallest tokenizer with a ChatML template."""

    def __call__(self, text: str, **kwargs: object) -> dict[str, list[int]]:
        ids: list[int] = []
        while text:
            control = next((name for name in CONTROLS if text.startswith(name)), None)
            if control and not kwargs.get("split_special_tokens"):
                ids.append(CONTROLS[control])
                text = text[len(control) :]
            else:
                ids += text[0].encode("utf-8", errors="replace")
                text = text[1:]
        return {"input_ids": ids}

    def apply_chat_template(self, conversation: list[dict[str, str]], **kwargs: object) -> str:
        turns = "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in conversation)
        return turns + ("<|im_start|>assistant\n" if kwargs.get("add_generation_prompt") else "")


def decode(ids: Sequence[int]) -> str:
    return bytes(token for token in ids if token < 256).decode("utf-8", errors="replace")


def base_text() -> BaseText:
    return BaseText(PromptLayout(ByteTokenizer()), decode, frozenset({END}))


class FakeEngine:
    """Answers with `script` in pieces of `piece` tokens. `gate` and `page_gate`, once cleared, hold it back."""

    def __init__(self, script: str = 'The term is "two years" [2].', *, piece: int = 4, context: int = 100_000) -> None:
        self.script, self.piece = script, piece
        self.info = BaseInfo("fake", "fingerprint", 1, context)
        self.capabilities = Capabilities()
        self.gate, self.page_gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.page_gate.set()
        self.requests: list[Request] = []
        self.open_pages: list[PageTokens] = []
        self.rows = 0
        self.steps = 0
        self.running = False
        self.fails_with: Exception | None = None
        self.page_fails_with: Exception | None = None

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    async def open_page(self, page: PageTokens, on_progress: Callable[[int, int], None]) -> PageInfo:
        on_progress(len(page.ids) // 2, len(page.ids))
        await self.page_gate.wait()
        if self.page_fails_with:
            raise self.page_fails_with
        on_progress(len(page.ids), len(page.ids))
        self.open_pages.append(page)
        return PageInfo(len(page.ids), 0)

    async def close_page(self, page: PageTokens) -> None:
        self.open_pages.remove(page)

    def generate(self, request: Request) -> AsyncIterator[Tokens | Finished]:
        return self.say(self.script, request)

    async def say(self, script: str, request: Request) -> AsyncIterator[Tokens | Finished]:
        self.requests.append(request)
        self.rows += 1
        prompt = len(request.page.ids) + len(request.history) + len(request.turn)
        try:
            ids = list(script.encode())
            given = ids[: request.tokens_max]
            for at in range(0, len(given), self.piece):
                await self.gate.wait()
                if self.fails_with:
                    raise self.fails_with
                self.steps += 1
                yield Tokens(tuple(given[at : at + self.piece]))
                await asyncio.sleep(0)
            await self.gate.wait()
            reason = "stop" if len(given) == len(ids) else "length"
            yield Finished(reason, prompt, len(request.page.ids), len(given))  # type: ignore[arg-type]
        finally:
            self.rows -= 1

    def stats(self) -> dict[str, int]:
        return {"rows_running": self.rows}


class FakeWire:
    """Both ends in memory. `stopped` is a client that no longer reads."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed: int | None = None
        self.aborted = False
        self.is_proven = False
        self.reading = asyncio.Event()
        self.reading.set()
        self._gone = False

    async def receive(self) -> str | bytes | None:
        return await self.inbox.get()

    async def send(self, text: str) -> None:
        await self.reading.wait()
        if self._gone:
            raise Gone
        self.sent.put_nowait(json.loads(text))

    async def close(self, code: int) -> None:
        self.closed = code
        await self.reading.wait()

    def abort(self) -> None:
        self.aborted = True

    def proven(self) -> None:
        self.is_proven = True

    # --- the client's side ---

    def say(self, frame: dict[str, Any] | str | bytes) -> None:
        self.inbox.put_nowait(json.dumps(frame) if isinstance(frame, dict) else frame)

    def leave(self) -> None:
        self._gone = True
        self.inbox.put_nowait(None)

    async def next(self, type_: str | None = None, *, timeout_s: float = 3.0) -> dict[str, Any]:
        """The next frame, or the next of that type."""
        async with asyncio.timeout(timeout_s):
            while True:
                frame = await self.sent.get()
                if type_ in (None, frame["type"]):
                    return frame


class Harness:
    """A connections with a fake engine, and clients that connect to it over fake wires."""

    def __init__(
        self,
        tmp_path: Path,
        engine: FakeEngine | None = None,
        *,
        check_adapter: CheckAdapter | None = None,
        keeps: bool = False,
        look: Look = nothing,
        making: Making | None = None,
        **limits: Any,
    ) -> None:
        self.settings = settings(tmp_path, **limits)
        self.engine = engine or FakeEngine()
        self.codes: list[str] = []
        self.keys = KeyFile(self.settings.config_dir)
        self.keys.store(ORIGIN, KEY)
        code = PairingCode.for_settings(self.settings, announce=self.codes.append)
        self.handshake = HandshakeContext(self.keys, code, PORT)
        self.copilots = some_copilots(self.settings, self.engine.info, check_adapter)
        self.keeper = Keeper(self.settings) if keeps else None
        parts = Parts(self.settings, self.engine, base_text(), keeper=self.keeper)
        self.connections = Connections(
            parts, self.copilots, self.handshake, keeper=self.keeper, look=look, making=making
        )
        self.tasks: list[asyncio.Task[None]] = []

    def knock(self, origin: str = ORIGIN) -> FakeWire:
        """A socket that was accepted and has said nothing yet."""
        wire = FakeWire()
        self.tasks.append(asyncio.create_task(Channel(wire, self.connections, origin=origin).run()))
        return wire

    async def connect(
        self, *, key: bytes = KEY, origin: str = ORIGIN, client: str | None = None
    ) -> tuple[FakeWire, dict[str, Any]]:
        """A proven socket and its `ready`."""
        wire = self.knock(origin)
        await shake_hands(wire, key=key, origin=origin, client=client)
        return wire, await wire.next("ready")

    def session(self) -> tuple[Session, Outbox]:
        outbox = Outbox(events_max=self.settings.outbox_events_max)
        session = Session(self.connections.parts, self.copilots, client=ORIGIN)
        session.attach(outbox)
        return session, outbox


async def shake_hands(wire: FakeWire, *, key: bytes, origin: str = ORIGIN, client: str | None = None) -> None:
    nonce = new_nonce()
    wire.say({**hello(nonce), "client": client})
    challenge = await wire.next("challenge")
    fields = {"nonce_client": nonce, "nonce_server": challenge["nonce"], "origin": origin}
    assert challenge["mac"] == mac("server", key, version=VERSION, port=PORT, **fields)
    wire.say({"type": "proof", "mac": mac("client", key, version=VERSION, port=PORT, **fields)})


def hello(nonce: str | None = None, mode: str = "proof") -> dict[str, Any]:
    return {"type": "hello", "version": VERSION, "mode": mode, "nonce": nonce or new_nonce()}


def page_open(page: str = "p1", blocks: Sequence[str] = ("Lease", "The term is two years.")) -> dict[str, Any]:
    return {"type": "page.open", "page": page, "title": "Lease", "url": "https://x.test/", "blocks": list(blocks)}


def ask(run: str = "r1", page: str | None = "p1", **fields: Any) -> dict[str, Any]:
    return {
        "type": "ask",
        "run": run,
        "page": page,
        "copilot": "legal/lease",
        "question": "How long is the term?",
        **fields,
    }


def give(session: Session, frame: dict[str, Any]) -> None:
    session.receive(CLIENT_FRAME.validate_json(json.dumps(frame)))


async def until(outbox: Outbox, type_: str, *, timeout_s: float = 3.0) -> tuple[Any, list[Frame]]:
    """The first frame of that type, and every frame before it."""
    before: list[Frame] = []
    async with asyncio.timeout(timeout_s):
        while True:
            frame: Any = await outbox.get()
            if frame.type == type_:
                return frame, before
            before.append(frame)


def settings(tmp_path: Path, **limits: Any) -> Settings:
    folders = {f"{name}_dir": tmp_path / name for name in ("adapters", "user", "config")}
    return Settings(**{**folders, **limits})


def write_copilot(root: Path, copilot_id: str = "legal/lease", text: str = "") -> Path:
    folder = root / copilot_id
    folder.mkdir(parents=True, exist_ok=True)
    content = (
        text or 'name = "Lease"\npromise = "Reads leases."\ninstructions = "Be brief."\nchecks = ["quotes_verbatim"]\n'
    )
    (folder / "copilot.toml").write_text(content, encoding="utf-8")
    return folder


def some_copilots(
    settings: Settings, base: BaseInfo | None = None, check_adapter: CheckAdapter | None = None
) -> Copilots:
    write_copilot(settings.adapters_dir)
    (settings.adapters_dir / "legal" / "category.toml").write_text('name = "Legal"\n', encoding="utf-8")
    return Copilots(
        adapters_dir=settings.adapters_dir, user_dir=settings.user_dir, base=base, check_adapter=check_adapter
    )


async def settle(times: int = 20) -> None:
    """Let everything that can run, run."""
    for _ in range(times):
        await asyncio.sleep(0)


async def eventually(condition: Callable[[], bool], *, timeout_s: float = 3.0) -> None:
    """Wait for something that another thread or task brings about."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - nothing here knows who sets it
            await asyncio.sleep(0.005)


async def opened(harness: Harness) -> tuple[Session, Outbox]:
    """A session with the page `p1` read."""
    session, outbox = harness.session()
    give(session, page_open())
    await until(outbox, "page.ready")
    return session, outbox
