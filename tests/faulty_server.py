"""A server on this machine that answers as it is told, well or badly, and processes that fetch from it."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Answer:
    """What to send to one request.

    `send` is the body; `claim` the Content-Length, that of the body unless told, and none for None. After
    `stall_after` bytes the server sends nothing for `stall` seconds, or one byte every `drip` seconds.
    """

    send: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    claim: int | None = -1
    stall_after: int | None = None
    stall: float = 0.0
    drip: float = 0.0


class FaultyServer:
    """Answers requests to a path by its list of answers, one after another; the last is repeated."""

    def __init__(self):
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, float, dict]] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer._answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self._lock = threading.Lock()

    def plan(self, path, *answers):
        """Set the answers of a path and return its address."""
        self.answers[path] = list(answers)
        return self.root + path

    def times(self, path):
        """Return when each request for a path came."""
        return [moment for asked, moment, _ in self.requests if asked == path]

    def _answer(self, handler):
        with self._lock:
            self.requests.append((handler.path, time.monotonic(), dict(handler.headers)))
            left = self.answers[handler.path]
            answer = left.pop(0) if len(left) > 1 else left[0]
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.claim is not None:
            handler.send_header("Content-Length", str(len(answer.send) if answer.claim < 0 else answer.claim))
        handler.end_headers()
        with suppress(OSError):  # the reader may go away, as some tests want it to
            self._send(handler.wfile, answer)

    def _send(self, to, answer):
        if answer.stall_after is None:
            to.write(answer.send)
            return
        to.write(answer.send[: answer.stall_after])
        to.flush()
        rest = answer.send[answer.stall_after :]
        while answer.drip and rest and not self.closing.wait(answer.drip):
            to.write(rest[:1])
            to.flush()
            rest = rest[1:]
        self.closing.wait(answer.stall)
        to.write(rest)

    @contextmanager
    def running(self):
        """Serve until the block is left."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def closed_port():
    """Return the number of a port at which nobody answers."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


FETCH = """
import sys
from analysis.datafile import DataFile
from analysis.downloading import Patience
from analysis.fetching import located
url, size, sha256 = sys.argv[1:]
print("ready", flush=True)
file = DataFile("table", "dataset/table.tsv", int(size), sha256, url)
print(located(file, patience=Patience(tries=1, timeout=10)).stat().st_size)
"""


def start_fetch(file, cache):
    """Start a process that fetches a file and prints its size."""
    known = os.environ | {
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "ANALYSIS_DATA_DIR": str(cache),
    }
    command = [sys.executable, "-c", FETCH, file.url, str(file.bytes), file.sha256]
    return subprocess.Popen(command, env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_part(cache):
    """Wait until the one download in the cache is well on its way."""
    for _ in range(400):
        parts = [path for path in cache.glob("dataset/.*.part") if path.stat().st_size >= 60_000]
        if parts:
            return parts
        time.sleep(0.01)
    raise AssertionError("no download began")
