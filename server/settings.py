"""Every limit and path, with its unit in the name. Set by RETINUE_<NAME>, or by a line of settings.toml in
`config_dir` (the environment wins); unknown keys are refused. Between the two stands what was chosen in the sidebar."""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.choice import with_choice
from server.errors import RetinueError
from server.files import SMALL_BYTES_MAX, read_regular_text

SETTINGS_FILE = "settings.toml"
_ENV_PREFIX = "RETINUE_"
_REPOSITORY_ADAPTERS = Path(__file__).parent.parent / "adapters"
_BUNDLED_ADAPTERS = Path(__file__).parent / "_bundled" / "adapters"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=_ENV_PREFIX, extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8377, ge=0, le=65535)
    tls_cert: Path | None = None  # PEM; needed where `host` is not loopback
    tls_key: Path | None = None
    public_name: str = Field(
        "", max_length=253, pattern=r"^[A-Za-z0-9.-]*$"
    )  # of a server that others use: its Host header
    adapters_dir: Path = _BUNDLED_ADAPTERS if _BUNDLED_ADAPTERS.is_dir() else _REPOSITORY_ADAPTERS
    user_dir: Path = user_data_path("retinue")
    config_dir: Path = user_config_path("retinue")
    bases_dir: Path = Field(default_factory=lambda chosen: chosen["user_dir"] / "bases")
    base: str = "SmolLM2-135M-Instruct"
    release_url: str = Field("", pattern="^(https://.+)?$")  # a folder with the base's files: a release, or a mirror

    engine: Literal["local", "openai", "vllm", "llamacpp"] = "local"
    engine_url: str = Field("", max_length=2_000)
    engine_model: str = Field("", max_length=200)  # of those that the server has; may be left out where it has one
    engine_answers_as: str = Field("", max_length=200)  # the name that it answers under, where that is another
    engine_key: SecretStr = SecretStr("")
    engine_remote_allowed: bool = False  # the text of pages may go to another machine
    engine_pinned: bool = False  # the sidebar may change neither engine nor base
    engine_switch_s: float = Field(15.0, ge=0)  # answers under way may take so long to end before another engine comes
    engine_context_tokens: int = Field(8_192, ge=512)  # where the server does not say
    engine_connect_s_max: float = Field(5.0, gt=0)
    engine_silent_s_max: float = Field(60.0, gt=0)  # the page is read meanwhile
    engine_line_bytes_max: int = Field(256 * 1024, ge=1024)
    engine_stream_bytes_max: int = Field(16 * 1024**2, ge=64 * 1024)
    engine_tries_max: int = Field(3, ge=1, le=10)

    frame_bytes_max: int = Field(2 * 1024 * 1024, ge=1024)
    hello_bytes_max: int = Field(4096, ge=256)
    page_chars_max: int = Field(400_000, ge=1)
    page_blocks_max: int = Field(20_000, ge=1)
    question_chars_max: int = Field(8_000, ge=1)
    history_turns_max: int = Field(8, ge=0)
    answer_tokens_max: int = Field(1_024, ge=1)
    answer_tokens_default: int = Field(256, ge=1)
    answer_s_max: float = Field(120.0, gt=0)
    document_s_max: float = Field(60.0, gt=0)  # for reading an HTML or PDF file
    sockets_max: int = Field(64, ge=1)
    unproven_max: int = Field(128, ge=1)
    unproven_s_max: float = Field(10.0, gt=0)
    files_reserved: int = Field(128, ge=16)
    frames_per_s_max: float = Field(100.0, gt=0)
    frames_burst_max: int = Field(1_000, ge=1)
    fragments_max: int = Field(1_024, ge=1)
    write_bytes_max: int = Field(1024 * 1024, ge=64 * 1024)
    key_check_s: float = Field(0.5, gt=0)
    pages_per_socket_max: int = Field(8, ge=1)
    runs_per_socket_max: int = Field(8, ge=1)
    runs_waiting_max: int = Field(64, ge=1)
    rows_max: int = Field(32, ge=1)
    outbox_events_max: int = Field(256, ge=8)
    bad_frames_max: int = Field(50, ge=1)
    hello_s_max: float = Field(3.0, gt=0)
    heartbeat_s: float = Field(20.0, gt=0)
    resume_s: float = Field(30.0, ge=0)
    send_s_max: float = Field(15.0, gt=0)
    train_line_bytes_max: int = Field(64 * 1024, ge=64)
    train_stop_s: float = Field(3.0, gt=0)
    kept_days: int = Field(0, ge=0)  # conversations that are not pinned; 0: for ever
    kept_threads_max: int = Field(10_000, ge=1)
    kept_turns_max: int = Field(2_000, ge=1)
    kept_bytes_max: int = Field(256 * 1024**2, ge=1)
    kept_rows_max: int = Field(50, ge=1)
    kept_requests_max: int = Field(32, ge=1)
    kept_undo_s: float = Field(8.0, ge=0)
    corrections_max: int = Field(1_000, ge=1)
    corrections_bytes_max: int = Field(256 * 1024**2, ge=1)
    instructions_tokens_max: int = Field(384, ge=16)  # of one's own copilot, those of its category included
    own_copilots_max: int = Field(500, ge=1)
    document_bytes_max: int = Field(16 * 1024**2, ge=1024)  # of a file that a copilot is to learn from
    own_undo_s: float = Field(60.0, ge=0)
    own_requests_max: int = Field(32, ge=1)
    pairing_s: float = Field(120.0, gt=0)
    pairing_tries_max: int = Field(5, ge=1)
    pairing_tries_in_all_max: int = Field(50, ge=1)
    prefill_chunk_tokens: int = Field(512, ge=16)
    prompt_lookup: bool = True
    weights: Literal["auto", "bf16", "int8", "int4"] = "auto"
    kv_bytes_max: int = Field(1024**3, ge=1024)
    adapter_bytes_max: int = Field(256 * 1024**2, ge=1024)
    adapters_resident_bytes_max: int = Field(256 * 1024**2, ge=1024)
    threads: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 1)), ge=1)

    @model_validator(mode="before")
    @classmethod
    def _add_the_file(cls, values: dict[str, Any]) -> dict[str, Any]:
        file = Path(values.get("config_dir") or cls.model_fields["config_dir"].default) / SETTINGS_FILE
        try:
            told = tomllib.loads(read_regular_text(file.resolve(), bytes_max=SMALL_BYTES_MAX))
        except FileNotFoundError:
            told = {}
        except (OSError, ValueError) as error:
            raise ValueError(f"{file} cannot be read: {error}") from error
        user_dir = values.get("user_dir") or told.get("user_dir") or cls.model_fields["user_dir"].default
        return with_choice(values, told, Path(user_dir))

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: dict[str, Any]) -> dict[str, Any]:
        known = {_ENV_PREFIX + name.upper() for name in cls.model_fields}
        unknown = sorted(key for key in os.environ if key.startswith(_ENV_PREFIX) and key not in known)
        if unknown:
            raise ValueError(f"unknown setting {unknown[0]}")
        return values


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `overrides`. Raises RetinueError (`settings_invalid`)."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        message = f"Setting {name}: {first['msg']}." if name else f"{first['msg']}."
        raise RetinueError(message, code="settings_invalid") from error
