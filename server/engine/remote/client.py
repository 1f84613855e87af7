"""The HTTP client of an engine elsewhere: opens, bounds and parses what comes. Called by the engines of this folder.

A question is tried again only while nothing of its answer has come. Leaving a stream closes its request, which is how
these servers are told to stop. Nothing of a question, an answer or a key is logged.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import httpx
import tenacity
from httpx_sse import EventSource
from pydantic import BaseModel, ValidationError

from server.engine.remote import faults
from server.engine.remote.address import Address
from server.engine.remote.bounds import BoundedStream, TooMuch
from server.engine.remote.faults import Again
from server.engine.remote.wire import Event, ModelCard, ModelList, fault_of
from server.errors import Busy, EngineError, RetinueError
from server.settings import Settings

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request
_EVENTS, _JSON = "text/event-stream", "application/json"
_DONE = "[DONE]"
_POOL_S = 5.0
_NAMES_PARAMETERS = (400, 422)
OPTIONAL = frozenset({"temperature", "seed", "stream_options", "max_tokens"})  # may be left out, or called otherwise
Answer = TypeVar("Answer", bound=BaseModel)
Result = TypeVar("Result")
Streamed = TypeVar("Streamed", bound=Event)
_Begun = tuple[AsyncExitStack, Streamed | None, AsyncIterator[Streamed]]


class Client:
    """`who`: how the server is called in sentences. `without`: parameters that it refused by name."""

    def __init__(self, settings: Settings, address: Address, *, key: str = "") -> None:
        self.who = address.host or address.api.partition("://")[2].partition("/")[0]
        self.without: set[str] = set()
        self._settings, self._address = settings, address
        silent_s = settings.engine_silent_s_max
        self._http = httpx.AsyncClient(
            headers={"accept-encoding": "identity", **({"authorization": f"Bearer {key}"} if key else {})},
            timeout=httpx.Timeout(silent_s, connect=settings.engine_connect_s_max, pool=_POOL_S),
            limits=httpx.Limits(max_connections=settings.rows_max, max_keepalive_connections=4),
            verify=address.api.startswith("https:"),  # certificates that nobody asks for take a while to load
            trust_env=bool(address.host),  # no proxy stands between us and this machine
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def models(self) -> list[ModelCard]:
        """Raises EngineError, Busy."""
        return (await self.fetch(ModelList, "GET", f"{self._address.api}/models")).data

    async def fetch(self, kind: type[Answer], method: str, url: str, body: Any = None) -> Answer:
        """One small JSON answer. Raises EngineError, Busy."""

        async def once() -> Answer:
            async with self._open(method, url, body) as response:
                try:
                    return kind.model_validate_json(await self._whole(response))
                except ValidationError:
                    raise faults.malformed(self.who, "something else") from None

        try:
            async with asyncio.timeout(self._settings.engine_silent_s_max):
                return await self._tried(once)
        except TimeoutError:
            raise faults.silent(self.who) from None

    async def send(self, url: str, body: Any) -> None:
        """An order, whose answer says nothing but that it was carried out. Raises EngineError, Busy."""

        async def once() -> None:
            async with self._open("POST", url, body) as response:
                await self._whole(response)

        try:
            async with asyncio.timeout(self._settings.engine_silent_s_max):
                await self._tried(once)
        except TimeoutError:
            raise faults.silent(self.who) from None

    @contextlib.asynccontextmanager
    async def events(
        self, url: str, body: Callable[[], Mapping[str, Any]], *, kind: type[Streamed]
    ) -> AsyncIterator[AsyncIterator[Streamed]]:
        """The events of an answer, the first of which has come. `body` is made anew for each try.

        Raises EngineError, Busy.
        """

        async def begin() -> _Begun[Streamed]:
            return await self._begin(url, body(), kind)

        opened, first, rest = await self._tried(begin)
        async with opened, contextlib.aclosing(_with_first(first, rest)) as chunks:
            yield chunks

    async def _begin(self, url: str, body: Mapping[str, Any], kind: type[Streamed]) -> _Begun[Streamed]:
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(self._open("POST", url, body))
            found = await stack.enter_async_context(contextlib.aclosing(self._chunks(response, kind)))
            try:
                first = await anext(found, None)
            except EngineError as error:
                raise Again(error) if error.code == "engine_cut" else error from None
            return stack.pop_all(), first, found

    async def _chunks(self, response: httpx.Response, kind: type[Streamed]) -> AsyncGenerator[Streamed]:
        """Until `[DONE]`. A stream that ends without it raises EngineError (`engine_cut`) unless an end was told."""
        sent_as = _kind(response)
        if sent_as == _JSON:  # a server that does not stream, or an error under 200
            yield self._chunk(await self._whole(response), kind)
            return
        if sent_as != _EVENTS:
            raise faults.malformed(self.who, "a web page" if sent_as == "text/html" else "something else")
        ended = False
        with self._told(begun=True):
            async with contextlib.aclosing(EventSource(response).aiter_sse()) as events:
                async for event in events:
                    if event.data.strip() == _DONE:
                        return
                    if event.data.strip():
                        chunk = self._chunk(event.data, kind)
                        ended = ended or chunk.is_end
                        yield chunk
        if not ended:
            raise faults.cut(self.who)

    def _chunk(self, text: str | bytes, kind: type[Streamed]) -> Streamed:
        try:
            chunk = kind.model_validate_json(text)
        except ValidationError:
            raise faults.malformed(self.who, "something else") from None
        if chunk.is_error:
            self._refuse(200, text)
        return chunk

    @contextlib.asynccontextmanager
    async def _open(self, method: str, url: str, body: Any) -> AsyncIterator[httpx.Response]:
        with self._told():
            async with self._http.stream(method, url, json=body) as response:
                self._bound(response)
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise faults.malformed(self.who, "packed bytes")
                if response.status_code != httpx.codes.OK:
                    retry_after = response.headers.get("retry-after", "")
                    self._refuse(response.status_code, await self._whole(response), retry_after=retry_after)
                yield response

    def _bound(self, response: httpx.Response) -> None:
        bytes_max, stream = self._settings.engine_stream_bytes_max, response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an asynchronous client has no other
        line_max = self._settings.engine_line_bytes_max if _kind(response) == _EVENTS else bytes_max
        response.stream = BoundedStream(stream, line_bytes_max=line_max, bytes_max=bytes_max)

    async def _whole(self, response: httpx.Response) -> bytes:
        with self._told():
            return await response.aread()

    def _refuse(self, status: int, text: str | bytes, *, retry_after: str = "") -> None:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        fault = fault_of(content)
        error = faults.refusal(status, fault, who=self.who, retry_after=retry_after)
        if status in _NAMES_PARAMETERS and fault.param in OPTIONAL - self.without and isinstance(error, RetinueError):
            self.without.add(fault.param)
            raise Again(error)
        raise error

    @contextlib.contextmanager
    def _told(self, *, begun: bool = False) -> Iterator[None]:
        """The errors of httpx and of the bounds, as ours. `begun`: the answer may be under way."""
        try:
            yield
        except TooMuch:
            raise faults.endless(self.who) from None
        except httpx.PoolTimeout:
            raise Busy("Too many answers are under way. Try again in a moment.", retry_after_ms=1_000) from None
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Again(faults.unreachable(self.who)) from None
        except httpx.TimeoutException:
            raise faults.silent(self.who) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            gone = faults.cut(self.who)
            raise gone if begun else Again(gone) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            raise faults.malformed(self.who, "something else") from None

    async def _tried(self, work: Callable[[], Awaitable[Result]]) -> Result:
        tries = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Again),
            stop=tenacity.stop_after_attempt(self._settings.engine_tries_max),
            wait=tenacity.wait_random_exponential(multiplier=0.4, max=2.0),
            reraise=True,
        )
        try:
            return await tries(work)
        except Again as last:
            raise last.error from None


def _kind(response: httpx.Response) -> str:
    """The media type."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def _with_first(first: Streamed | None, rest: AsyncIterator[Streamed]) -> AsyncGenerator[Streamed]:
    if first is not None:
        yield first
    async for chunk in rest:
        yield chunk
