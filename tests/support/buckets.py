"""A bucket server on this machine: the part of the S3 and GCS XML APIs that reads objects, and the ways it can fail."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from datapump.buckets import Buckets


class Handler(BaseHTTPRequestHandler):
    """Serves `/{bucket}/{key}` from a folder of buckets; `server.answers` says otherwise: a status, or None."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def log_message(self, *_):
        pass

    def _answer(self, *, body):
        path = unquote(self.path.split("?")[0].lstrip("/"))
        with self.server.lock:
            fields = {name.lower(): value for name, value in self.headers.items()}
            self.server.requests.append((self.command, path, fields))
            status = self.server.answers(len(self.server.requests), path)
        file = self.server.folder / path
        if status is None and not (self.server.folder / path.split("/")[0]).is_dir():
            self._tell(404, b"<Error><Code>NoSuchBucket</Code></Error>" if body else b"")
        elif status is None and not file.is_file():
            self._tell(404, b"<Error><Code>NoSuchKey</Code></Error>" if body else b"")
        elif status is not None:
            self._tell(status, b"")
        else:
            self._send(file.read_bytes(), body=body)

    def _send(self, content, *, body):
        tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        if self.headers.get("If-Match") not in {None, tag}:
            self._tell(412, b"")
            return
        start, stop, status = 0, len(content), 200
        if "Range" in self.headers:
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            start, stop, status = int(first), min(int(last) + 1, len(content)), 206
        self.send_response(status)
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", formatdate(0, usegmt=True))
        self.send_header("Content-Length", str(stop - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.wfile.write(content[start:stop])

    def _tell(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class BucketServer(ThreadingHTTPServer):
    """Says what it was asked, in `requests`: method, path, header fields."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.requests = []
        self.answers = lambda _number, _path: None
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def reached(self, **changes):
        """How its buckets are reached: all of them are public, and patience is short."""
        least = {"unsigned": {"*"}, "region": "us-east-1", "patience_s": 1.0}
        return Buckets.model_validate({**least, "s3_endpoint": self.url, "gs_endpoint": self.url, **changes})


@contextmanager
def serving(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with BucketServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
