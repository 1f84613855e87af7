"""Host and Origin rules, the code, the arithmetic of the proof."""

import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from server.errors import NotPaired
from server.transport.pairing import PairingCode, derive_key, host_allowed, mac, origin_allowed, same

CHROME = "chrome-extension://" + "a" * 32
FIREFOX = "moz-extension://01234567-89ab-cdef-0123-456789abcdef"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def codes() -> list[str]:
    return []


@pytest.fixture
def code(clock: Clock, codes: list[str]) -> PairingCode:
    return PairingCode(valid_s=120, tries_max=5, tries_in_all_max=12, announce=codes.append, clock=clock)


def test_the_key_from_a_code_is_pbkdf2_over_both_nonces_however_the_code_is_typed() -> None:
    expected = hashlib.pbkdf2_hmac("sha256", b"ABCDEFGH", b"retinue-pair|aa|bb", 600_000, 32)

    assert derive_key("abcd-ef gh", nonce_client="aa", nonce_server="bb") == expected


def test_the_key_of_a_fixed_code_never_changes() -> None:
    key = derive_key("ABCD-EFGH", nonce_client="0" * 64, nonce_server="f" * 64)

    assert key.hex() == "8e9273f016b88c2ffdfaea80b25d8453f85fc4d9ec8bff2498248e7487567c5a"


def test_the_proof_binds_role_version_nonces_origin_and_port() -> None:
    fields = {"nonce_client": "c", "nonce_server": "s", "origin": "o"}
    expected = hmac.new(b"k" * 32, b"server|1|c|s|o|8377", hashlib.sha256).hexdigest()

    assert mac("server", b"k" * 32, version=1, port=8377, **fields) == expected
    assert mac("client", b"k" * 32, version=1, port=8377, **fields) != expected
    assert mac("server", b"k" * 32, version=1, port=8378, **fields) != expected


def test_comparing_proofs_takes_any_text() -> None:
    assert same("é", "é")
    assert not same("é", "e")


@pytest.mark.parametrize("host", ["127.0.0.1:8377", "localhost:8377", "LOCALHOST:8377", "[::1]:8377"])
def test_loopback_names_with_our_port_are_allowed(host: str) -> None:
    assert host_allowed(host, port=8377)


@pytest.mark.parametrize(
    "host",
    [None, "", "127.0.0.1", "localhost", "[::1]", "::1", "::1:8377", "127.0.0.1:8378", "evil.com:8377", "0.0.0.0:8377",
     "127.0.0.1.evil.com:8377", "localhost.:8377", "127.0.0.1:8377:8377", "127.0.0.1:08377", "user@127.0.0.1:8377"],
)  # fmt: skip
def test_other_hosts_are_refused(host: str | None) -> None:
    assert not host_allowed(host, port=8377)


def test_a_host_without_port_means_port_80() -> None:
    assert host_allowed("127.0.0.1", port=80)
    assert host_allowed("[::1]", port=80)


@pytest.mark.parametrize("origin", [CHROME, FIREFOX, "retinue://cli"])
def test_extensions_and_the_command_line_may_knock(origin: str) -> None:
    assert origin_allowed(origin)


@pytest.mark.parametrize(
    "origin",
    [None, "", "null", "http://127.0.0.1:8377", "https://evil.com", "file://", CHROME + "\n", CHROME.upper(),
     CHROME + "/x", CHROME[:-1], "chrome-extension://" + "z" * 32, "moz-extension://x", "retinue://cli/"],
)  # fmt: skip
def test_websites_null_and_nobody_may_not_knock(origin: str | None) -> None:
    assert not origin_allowed(origin)


def test_a_code_has_eight_unambiguous_letters(code: PairingCode, codes: list[str]) -> None:
    for _ in range(100):
        code.issue()

    assert all(len(shown) == 9 and shown[4] == "-" for shown in codes)
    assert not set("".join(codes)) & set("01IO")
    assert len(set(codes)) == 100


@pytest.mark.parametrize(("age_s", "valid"), [(119.9, True), (120.0, False), (120.1, False)])
def test_a_code_is_valid_for_its_time(code: PairingCode, clock: Clock, age_s: float, valid: bool) -> None:
    shown = code.issue()
    clock.now += age_s

    if valid:
        assert code.take_try(CHROME) == shown
    else:
        with pytest.raises(NotPaired) as refusal:
            code.take_try(CHROME)
        assert refusal.value.code == "pairing_expired"


def test_the_sixth_try_is_refused_until_the_time_is_over(code: PairingCode, clock: Clock, codes: list[str]) -> None:
    code.issue()
    for _ in range(5):
        code.take_try(CHROME)

    with pytest.raises(NotPaired) as refusal:
        code.take_try(CHROME)
    assert refusal.value.code == "pairing_locked"
    assert refusal.value.retry_after_ms == 120_001
    assert code.take_try(FIREFOX) == codes[0]
    assert len(codes) == 1

    clock.now += 120
    with pytest.raises(NotPaired) as expired:
        code.take_try(CHROME)
    assert expired.value.code == "pairing_expired"
    assert code.take_try(CHROME) == codes[1]


@pytest.mark.parametrize(("tries", "age_s", "refused"), [(11, 20, None), (12, 20, "pairing_expired"),
                                                          (12, 9, "pairing_locked")])  # fmt: skip
def test_guessing_from_many_origins_brings_a_new_code_but_not_again_and_again(
    code: PairingCode, clock: Clock, codes: list[str], tries: int, age_s: float, refused: str | None
) -> None:
    code.issue()
    for at in range(tries):
        code.take_try(f"moz-extension://{at}")
    clock.now += age_s

    if refused is None:
        assert code.take_try(CHROME) == codes[0]
        return
    with pytest.raises(NotPaired) as refusal:
        code.take_try(CHROME)
    assert refusal.value.code == refused
    assert len(codes) == (2 if refused == "pairing_expired" else 1)


@pytest.mark.parametrize("content", ["", "{", '{"code": "A", "at_s": 1}', '{"code": "ABCD-EFGH", "at_s": NaN}', "[]"])
def test_a_damaged_code_file_is_no_code(tmp_path: Path, clock: Clock, codes: list[str], content: str) -> None:
    file = tmp_path / "code.json"
    file.write_text(content)
    code = PairingCode(valid_s=9, tries_max=5, tries_in_all_max=9, announce=codes.append, file=file, clock=clock)

    with pytest.raises(NotPaired) as refusal:
        code.take_try(CHROME)

    assert refusal.value.code == "pairing_expired"
    assert code.take_try(CHROME) == codes[0]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_code_works_once(code: PairingCode, codes: list[str]) -> None:
    shown = code.issue()
    code.use(code.take_try(CHROME))

    with pytest.raises(NotPaired):
        code.use(shown)
    with pytest.raises(NotPaired):
        code.take_try(CHROME)
    assert len(codes) == 2


def test_a_proof_that_comes_after_the_time_is_refused(code: PairingCode, clock: Clock) -> None:
    code.issue()
    taken = code.take_try(CHROME)
    clock.now += 121

    with pytest.raises(NotPaired):
        code.use(taken)
