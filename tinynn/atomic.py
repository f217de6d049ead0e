"""Write a file so that, whatever happens, the old one or the new one is there, whole."""

from __future__ import annotations

import glob
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from .errors import FileError

PAUSES = (0.05, 0.2, 0.5)  # seconds between attempts to replace a file that another program holds open


def write(path: str | Path, data: bytes) -> Path:
    """Write `data` beside `path`, see it to the disk, and move it there in one go.

    A process that is killed on the way leaves a hidden ``.name.PID.….tmp`` behind, which the next
    write to the same path clears away. Folders are made; a symbolic link is followed.

    Raises
    ------
    FileError
        If the place cannot be written to or the disk is full; the old file is then untouched.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear(target)
        _write_through(temporary, data)
        _replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as problem:
        got = f"{path} ({problem.strerror or type(problem).__name__})"
        raise FileError("save", got, "a place to write to") from problem
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return Path(path)


def _write_through(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # otherwise the new name may reach the disk before the contents do


def _replace(source: Path, target: Path) -> None:
    """Move over the old file; on Windows a virus scanner or a reader may be in the way for a moment."""
    for pause in PAUSES:
        try:
            return os.replace(source, target)
        except PermissionError:
            if target.is_dir():
                break
            time.sleep(pause)
    os.replace(source, target)


def _sync_folder(folder: Path) -> None:
    """See the new name to the disk too. Windows has no such call, and does it by itself."""
    if os.name == "nt":
        return
    with suppress(OSError):  # some network file systems refuse
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clear(target: Path) -> None:
    """Remove what processes that no longer run left behind."""
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
        owner = leftover.name.split(".")[-3]
        if owner.isdigit() and not _runs(int(owner)):
            with suppress(OSError):
                leftover.unlink()


def _runs(pid: int) -> bool:
    """Whether a process is there. Windows says no, and then refuses to remove a file that is open."""
    if os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
