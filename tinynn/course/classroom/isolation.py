"""Walls around a process that runs other people's code.

| level      | network | files                                  | processes it leaves behind |
|------------|---------|----------------------------------------|----------------------------|
| bubblewrap | none    | its own folder; the rest read-only     | end with it                |
| unshare    | none    | its own folder; the rest read-only     | end with it                |
| none       | open    | whatever the grader may read and write | are looked for and ended   |

The two walls are Linux's. Other systems have level "none": run only work that you trust, or grade in a
container. The answers of the course are hidden behind either wall, as are the other submissions and the home
folder.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from ...errors import ArgumentError
from ..work import project_folder

LEVELS = ("bubblewrap", "unshare", "none")
EXERCISES = Path(__file__).resolve().parent.parent / "exercises"
SAID = {
    "bubblewrap": "bubblewrap: no network, a read-only disk but for one folder, processes end with it.",
    "unshare": "unshare: no network, a read-only disk but for one folder, processes end with it.",
    "none": "NONE: this system has no wall to run them behind. Run only work that you trust.",
}


def best() -> str:
    """The strongest level that works here."""
    return next(level for level in LEVELS if works(level))


def chosen(level: str) -> str:
    """`level`, or for "auto" the strongest that works; one that does not work is an error."""
    if level == "auto":
        return best()
    if level not in LEVELS:
        raise ArgumentError("grade", f"isolation={level!r}", f"auto, {', '.join(LEVELS)}", '"auto"')
    if not works(level):
        got = f"isolation={level!r}, which does not work on this machine"
        raise ArgumentError("grade", got, f"one that does: {best()}", '"auto"')
    return level


@cache
def works(level: str) -> bool:
    """Whether a process starts behind this wall: tried, since a program that is there may be refused."""
    if level == "none":
        return True
    if shutil.which("bwrap" if level == "bubblewrap" else "unshare") is None:
        return False
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        command = walled(level, [sys.executable, "-c", "print('in')"], Path(folder), ())
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.stdout.strip() == b"in"


def walled(level: str, command: list[str], own: Path, hidden: tuple[Path, ...]) -> list[str]:
    """`command` behind the wall: it may write into `own` and finds the folders `hidden` empty.

    The answers and the home folder are always hidden; what Python needs out of the home folder is not.
    """
    hide = [p for p in (*hidden, EXERCISES, Path.home()) if p.is_dir() and p != Path("/")]
    needed = [project_folder("grade"), Path(sys.prefix), Path(sys.base_prefix)]
    if level == "bubblewrap":
        return _bubblewrap(command, own, hide, needed)
    return _unshare(command, own, hide, needed) if level == "unshare" else command


def _bubblewrap(command: list[str], own: Path, hide: list[Path], needed: list[Path]) -> list[str]:
    options = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/"]
    options += ["--dev", "/dev"]
    options += [] if _in_container() else ["--proc", "/proc"]
    for action, path in _layers(own, hide, needed):
        options += ["--tmpfs", str(path)] if action == "hide" else [f"--{action}", str(path), str(path)]
    return [*options, "--chdir", str(own), *command]


def _layers(own: Path, hide: list[Path], needed: list[Path]) -> list[tuple[str, Path]]:
    """Empty folders first, the outermost before those inside it; then what was covered and is needed."""
    covered = [p for p in needed if any(h in (p, *p.parents) for h in hide)]
    first = [("hide", p) for p in sorted(set(hide), key=lambda p: len(p.parts)) if p != EXERCISES]
    return [*first, *(("ro-bind", p) for p in covered), ("hide", EXERCISES), ("bind", own)]


@cache
def _in_container() -> bool:
    """Whether the kernel refuses a fresh /proc, as it does inside many containers."""
    test = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    return subprocess.run(test, capture_output=True, timeout=20).returncode != 0


# util-linux has no option for it, so the shell inside the new namespaces makes every mount read-only. Then a
# second user namespace: a process in it has no power over the mounts of the first, and cannot take them down.
SCRIPT = """
set -e
mount --make-rprivate /
{layers}
awk '{{print $2}}' /proc/self/mounts | while read -r place; do
  case "$place" in
    {own}|/proc*|/sys*|/dev*) ;;
    *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
  esac
done
touch {probe} 2>/dev/null && exit 97
mount -t proc proc /proc 2>/dev/null || true
cd {own}
exec unshare --user --map-root-user "$@"
"""


def _unshare(command: list[str], own: Path, hide: list[Path], needed: list[Path]) -> list[str]:
    lines: list[str] = []
    for action, path in _layers(own, hide, needed):
        place = shlex.quote(str(path))
        if action == "ro-bind":  # what the layer above would cover: kept aside before, put back after
            lines.insert(0, f"exec {_number(path)}<{place}")
            lines.append(f"mkdir -p {place} && mount -c --bind /proc/self/fd/{_number(path)} {place}")
        elif action == "hide":
            lines.append(f"mount -t tmpfs tmpfs {place}")
        else:
            lines.insert(0, f"exec 9<{place}")
            lines.append(f"mkdir -p {place} && mount -c --bind /proc/self/fd/9 {place}")
    probe = shlex.quote(str(Path(sys.prefix) / f".probe-{os.getpid()}"))
    script = SCRIPT.format(layers="\n".join(lines), own=shlex.quote(str(own)), probe=probe)
    flags = ["--user", "--map-root-user", "--net", "--ipc", "--mount", "--pid", "--fork", "--kill-child"]
    return ["unshare", *flags, "sh", "-c", script, "sh", *command]


def _number(path: Path) -> int:
    """A file descriptor for a folder that is kept aside: 4 to 8."""
    return 4 + hash(path) % 5
