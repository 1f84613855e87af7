"""The loop answers while a page is read by a real engine. The short form: printed, hardly bounded."""

from pathlib import Path

from tests import tiny
from tests.attack.figures import PAGE_TOKENS, lag_text, read_beside
from tests.attack.strangers import percentile
from tests.conftest import Figure

PING_S_MAX = 5.0


async def test_the_loop_answers_others_while_a_long_page_is_read(tmp_path: Path, figure: Figure) -> None:
    base = tiny.make_base(tmp_path / "tiny", context=8_192)

    tokens, seconds, lag, pings = await read_beside(tmp_path, base)

    figure(f"event loop while a tiny base reads {tokens:,} tokens ({seconds:.1f} s)", lag_text(lag))
    assert tokens >= 0.9 * PAGE_TOKENS
    assert len(lag.samples_s) > 1
    assert percentile(pings, 0.99) < PING_S_MAX
