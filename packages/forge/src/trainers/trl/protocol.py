"""
What the training process and the process that started it say to each other: one JSON object a line, in on standard input, out on a
copy of standard output; whatever libraries print goes to standard error.
"""
import base64
import json
import math
import os
import pathlib
import sys
import threading


class ConfigProblem(Exception):
    """What the user must mend; becomes a ConfigError."""


class TrainingProblem(Exception):
    """The training cannot go on; becomes a TrainerError."""


# Of one message; in base64 4 MiB.
CHUNK_BYTES = 3 * 2**20
# Last file of a checkpoint.
COMPLETE = "forge.json"


class Channel:
    def __init__(self):
        self.out = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self.lock = threading.Lock()
        self.cancelled = threading.Event()
        self.received = threading.Event()
        # What to do at once when asked to stop; None while the end of a step is waited for.
        self.on_cancel = lambda: os._exit(0)
        threading.Thread(target=self._stop_at_once, daemon=True).start()

    def send(self, message: dict):
        # Not a number is no JSON.
        line = json.dumps(message, allow_nan=False)
        with self.lock:
            self.out.write(line + "\n")

    def read(self) -> dict:
        # sys.stdin and not its bytes: with `command`, a part of what follows is in its buffer already.
        line = sys.stdin.readline()
        if line == "":
            os._exit(3)
        message = json.loads(line)
        if message.get("type") != "cancel":
            return message
        self.cancelled.set()
        return self.read()

    def watch(self):
        """From now on listens aside: to a wish to stop, and for the end of whoever started us, which must end us too."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while True:
            if self.read()["type"] == "received":
                self.received.set()

    def _stop_at_once(self):
        # In a thread: a signal's handler may come while its own thread holds the lock.
        self.cancelled.wait()
        if self.on_cancel is not None:
            self.on_cancel()

    def send_files(self, folder: pathlib.Path, below: pathlib.Path):
        for path in sorted(path for path in below.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            with path.open("rb") as file:
                while True:
                    chunk = file.read(CHUNK_BYTES)
                    last = len(chunk) < CHUNK_BYTES
                    self.send({"type": "file", "path": name, "data": base64.b64encode(chunk).decode("ascii"), "last": last})
                    if last:
                        break


class Files:
    """Files that come in pieces, below a folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.started = set()

    def add(self, message: dict):
        path = (self.folder / message["path"]).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise ConfigProblem(f"a file outside its folder: {message['path']}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab" if path in self.started else "wb") as file:
            file.write(base64.b64decode(message["data"]))
        self.started.add(path)


def finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise TrainingProblem(f"{name} is {value}: the training diverged; lower optimizer.learningRate, or train in float32 (dtype)")
    return value
