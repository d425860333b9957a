"""TensorBoard's event file: records of protocol buffers, one after the other.

torch's SummaryWriter has a thread of its own, which computes checksums in Python and which every flush waits
for: of a sweep of 32 runs that was five of fifty seconds. Here a flush is one append, and nothing stays open.
"""

import itertools
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

from dlhw.callbacks.crc32c import masked_crc32c
from dlhw.runs.files import append_whole

VERSION = "brain.Event:2"
_numbers = itertools.count()


class EventFile:
    """One event file of a run folder, which must exist.

    Args:
        folder: where the file is made.
        purge_step: TensorBoard forgets what earlier files of the folder tell of this step and later ones.
    """

    def __init__(self, folder: Path, purge_step: int | None = None) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog

        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self.path = folder / f"events.out.tfevents.{name}"
        self._waiting: list[bytes] = []
        self._add(None, file_version=VERSION)
        if purge_step is not None:
            self._add(purge_step, session_log=SessionLog(status=SessionLog.START))
        self.flush(is_new=True)

    def add(self, summary: Any, step: int | None = None) -> None:
        """Keep a summary for the next flush, as one event."""
        self._add(step, summary=summary)

    def _add(self, step: int | None, **what: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), step=step, **what)
        self._waiting.append(record(event.SerializeToString()))

    def flush(self, *, is_new: bool = False) -> None:
        """Append all that waits, or, on a full disk for example, nothing; `is_new` makes the file."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            append_whole(self.path, b"".join(waiting), is_new=is_new)


def record(data: bytes) -> bytes:
    """Length, its checksum, the data, their checksum; as TFRecord has it."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        [length, struct.pack("<I", masked_crc32c(length)), data, struct.pack("<I", masked_crc32c(data))]
    )
