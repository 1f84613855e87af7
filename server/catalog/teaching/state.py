"""The latest word of a training, on the disk: a server that starts anew knows what was under way, and the last report.
Called by trainings.
"""

import logging
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from server.files import read_regular, replace_file
from server.protocol.server import TrainFrame, TrainProgress

_log = logging.getLogger(__name__)
_BYTES_MAX = 1024 * 1024
_FRAME: TypeAdapter[TrainFrame] = TypeAdapter(Annotated[TrainFrame, Field(discriminator="type")])


class TrainingState:
    def __init__(self, user_dir: Path) -> None:
        self._file = user_dir / "teaching" / "training.json"

    def read(self) -> TrainFrame | None:
        """A training that was under way is paused now. None when there was none, or the file cannot be read."""
        try:
            frame = _FRAME.validate_json(read_regular(self._file, bytes_max=_BYTES_MAX))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.warning("the state of a training cannot be read error=%s", type(error).__name__)
            return None
        return paused(frame) if isinstance(frame, TrainProgress) else frame

    def keep(self, frame: TrainFrame | None) -> None:
        """Never raises: a full disk stops no training."""
        try:
            if frame is None:
                self._file.unlink(missing_ok=True)
                return
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, frame.model_dump_json(), mode=0o600)
        except OSError as error:
            _log.warning("the state of a training was not kept error=%s", type(error).__name__)


def paused(frame: TrainProgress) -> TrainProgress:
    return frame.model_copy(update={"phase": "paused", "remaining_s": None})
