"""Where the course may write: the usual folders where they can be written, a private one where not.

Jupyter, IPython, Matplotlib and Numba all keep something in the home folder. On a read-only home each of
them complains in its own way; setting its environment variable beforehand keeps it quiet and working.
"""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path

JUPYTER_DATA = {"darwin": "Library/Jupyter", "win32": "AppData/Roaming/jupyter"}

# The variable each tool reads, and its folder below the home folder when the variable is not set.
HOME_FOLDERS = {
    "JUPYTER_CONFIG_DIR": ".jupyter",
    "JUPYTER_DATA_DIR": JUPYTER_DATA.get(sys.platform, ".local/share/jupyter"),
    "IPYTHONDIR": ".ipython",
    "MPLCONFIGDIR": ".config/matplotlib",
}

MOVED: list[str] = []
"""The variables that this process has pointed elsewhere."""


def writable(folder: Path) -> bool:
    """Whether a file can be made in `folder`, or in its nearest ancestor that exists.

    Asked by making one: permission bits mislead for root, on Windows and on read-only file systems.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@cache
def private_folder() -> Path:
    """A folder of the course's own: inside the environment, or a temporary one where that is read-only."""
    inside = Path(sys.prefix) / "var" / "tinynn"
    if sys.prefix != sys.base_prefix and writable(inside):
        return _made(inside)
    outside = Path(tempfile.gettempdir()) / f"tinynn-{_user()}"
    return _made(outside) if _ours(outside) else Path(tempfile.mkdtemp(prefix="tinynn-"))


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name, as in some containers
        return "user"


def _ours(folder: Path) -> bool:
    """Not yet there, or ours: a shared temporary folder may hold one that somebody else made."""
    if not folder.exists():
        return True
    same_owner = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    return same_owner and not folder.is_symlink() and writable(folder)


def prepare_environment(environment: MutableMapping[str, str] = os.environ) -> list[str]:
    """Point every tool whose own folder is read-only to the private one; return the variables set.

    What the user has set stays. Child processes (kernels, the warm-up) inherit it.
    """
    home = Path(environment.get("USERPROFILE" if os.name == "nt" else "HOME") or Path.home())
    moved = [name for name, folder in HOME_FOLDERS.items() if not writable(home / folder)]
    # Numba writes beside the source file, else below the home folder.
    package = Path(__file__).resolve().parent.parent
    if not writable(package / "__pycache__") and not writable(home / ".cache"):
        moved.append("NUMBA_CACHE_DIR")
    moved = [name for name in moved if not environment.get(name)]
    for name in moved:
        environment[name] = str(private_folder() / name.removesuffix("_DIR").removesuffix("DIR").lower())
    MOVED.extend(moved)
    return moved
