"""Runs cases in child processes: each is limited in time, and one that dies is replaced."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from typing import Any

from pullback.tools.fuzz.cases import TEXT, Case
from pullback.tools.fuzz.children import end, end_all, start
from pullback.tools.fuzz.outcome import Outcome

SECONDS = 60.0
"""How long a case may take."""
RENEWED = 1000
"""After how many cases a process is replaced: its memory is limited, and caches grow with every new type."""
START = 120.0
"""How long a worker may take until it is ready."""

Report = Callable[[Case, Outcome, float], None]
"""Told of each case, what came of it, and the seconds that it took."""


class Worker:
    """A child process that runs one case at a time."""

    command: Sequence[str] = (sys.executable, "-m", "pullback.tools.fuzz.worker")

    def __init__(self, folders: Sequence[str], seconds: float) -> None:
        self._folders, self._seconds = list(folders), seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._cases = 0
        self._scratch = TemporaryDirectory(prefix="pullback-fuzz-")

    def run(self, case: Case) -> Outcome:
        """What came of a case: `hang` and `crash` are what the process could not say itself."""
        process = self._started()
        assert process.stdin is not None
        process.stdin.write(f"{case}\n".encode())
        process.stdin.flush()
        deadline, phase = time.monotonic() + self._seconds, "tool"
        while True:
            answer = self._answer(deadline)
            if answer is None:
                died = process.poll()
                text = self._text()
                self.close()
                if died is None:
                    return Outcome("endless" if phase == "run" else "hang", f"in {phase}", text=text)
                return Outcome("crash", f"exit status {died} in {phase}", text=text)
            if "phase" in answer:
                phase = answer["phase"]
            else:
                return Outcome(**answer)

    def _text(self) -> str:
        path = Path(self._scratch.name) / TEXT
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            end(self._process)
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
        self._process, self._rest = None, b""

    def remove(self) -> None:
        """Removes the files of the process."""
        self._scratch.cleanup()

    def _started(self) -> subprocess.Popen[bytes]:
        self._cases += 1
        is_old = self._cases % RENEWED == 0
        if self._process is not None and self._process.poll() is None and not is_old:
            return self._process
        self.close()
        self._process = start(
            [*self.command, self._scratch.name, *self._folders],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        if self._answer(time.monotonic() + START) is None:
            status = self._process.poll()
            self.close()
            raise RuntimeError(f"a worker of the fuzzer does not start (exit status {status})")
        return self._process

    def _answer(self, deadline: float) -> dict[str, Any] | None:
        """The next line of the process; `None` where it died, or it is too late."""
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                return None
            data = os.read(pipe, 1 << 16)
            if not data:
                self._process.wait()
                return None
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)


def run_all(
    cases: Iterator[Case], folders: Sequence[str], jobs: int, report: Report, seconds: float = SECONDS
) -> None:
    """Runs cases in some processes at once, until there are no more.

    Args:
        cases: are taken one by one, so that they can end at a time.
        folders: of the corpus.
        jobs: how many processes.
        report: told of each case; never by two threads at once.
        seconds: how long a case may take.

    Raises:
        RuntimeError: a worker does not start.
    """
    lock, errors = Lock(), list[BaseException]()

    def work(ended: Event) -> None:
        worker = Worker(folders, seconds)
        try:
            while not errors:
                with lock:
                    case = next(cases, None)
                if case is None:
                    return
                begin = time.monotonic()
                outcome = worker.run(case)
                with lock:
                    if not errors:  # else the process was ended from here, which is no crash
                        report(case, outcome, time.monotonic() - begin)
        except BaseException as error:
            errors.append(error)
        finally:
            worker.close()
            worker.remove()
            ended.set()

    ends = [Event() for _ in range(jobs)]  # an interrupted `Thread.join` may take the thread to have ended
    for end_of_one in ends:
        Thread(target=work, args=[end_of_one], daemon=True).start()
    try:
        for end_of_one in ends:
            while not end_of_one.wait(0.2):  # an interrupt is noticed between
                pass
    except BaseException as error:
        errors.append(error)
        while not all(end_of_one.wait(0.05) for end_of_one in ends):  # one may just be starting another child
            end_all()
    if errors:
        raise errors[0]
