"""Worker processes that answer one request at a time, each a line of JSON, and may crash or hang.

A kernel that writes where it must not ends the CUDA context of its process, and a process that hangs in the
driver answers nobody. So the run itself holds no context: it asks, waits as long as the request may take, and
starts a fresh process where the old one is gone.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "tests.gpu.worker")

Answer = dict[str, Any]


def failed(why: str) -> Answer:
    return {"status": "failed", "why": why}


class Worker:
    """One process, started when it is first asked and again after it ended.

    Parameters
    ----------
    command : tuple of str
    environment : dict, optional
        Variables beside those of this process.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND, environment: dict[str, str] | None = None) -> None:
        self.command, self.environment = command, environment or {}
        self.process: subprocess.Popen | None = None
        self.starts = 0

    def ask(self, request: dict[str, Any], seconds: float) -> Answer:
        """The worker's answer, or what became of it: never an exception, never longer than `seconds`."""
        start = time.monotonic()
        if self.process is None or self.process.poll() is not None:
            self._start()
        assert self.process and self.process.stdin
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except OSError:
            return self._gone()
        while (left := start + seconds - time.monotonic()) > 0:
            try:
                line = self.answers.get(timeout=left)
            except queue.Empty:
                break
            if not line:
                return self._gone()
            try:
                answer = json.loads(line)
            except ValueError:
                continue  # something a library printed
            if isinstance(answer, dict) and "status" in answer:
                if answer.pop("ends", False):
                    self.close()
                return answer | {"seconds": round(time.monotonic() - start, 2)}
        said = self._last_words()
        self.close(now=True)
        return failed(f"no answer within {seconds:.0f} s{said}")

    def _start(self) -> None:
        self.close(now=True)
        self.starts += 1
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            self.command, cwd=PROJECT, env={**os.environ, **self.environment}, text=True, encoding="utf-8",
            errors="replace", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
        )  # fmt: skip
        self.answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_listen, args=(self.process.stdout, self.answers), daemon=True).start()

    def _gone(self) -> Answer:
        assert self.process
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            status = None
        how = f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"
        said = self._last_words()
        self.close(now=True)
        return failed(f"the process ended {how}{said}")

    def _last_words(self, lines: int = 3) -> str:
        """The end of what the process wrote to stderr."""
        end = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, end - 4000))
        said = [
            line.strip() for line in self.log.read().decode("utf-8", "replace").splitlines() if line.strip()
        ]
        return f": {' / '.join(said[-lines:])}" if said else ""

    def close(self, now: bool = False) -> None:
        """Let the process end, at once if `now`; its memory on the GPU is free then."""
        process, self.process = self.process, None
        if process is None:
            return
        try:
            if process.stdin:
                process.stdin.close()
        except OSError:
            pass
        try:
            process.wait(0 if now else 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _listen(stream: Any, answers: queue.Queue[str]) -> None:
    """Hand on line by line; an empty one at the end."""
    for line in stream:
        answers.put(line)
    answers.put("")
