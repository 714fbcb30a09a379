"""Google Cloud Storage on a free port: the few requests of its XML API by which objects are listed and read."""

from __future__ import annotations

import json
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

MODIFIED = 1_768_000_000


class Google:
    """Buckets of one account; `status` is answered to everything where it is set.

    `key` is the JSON of a service account whose owner finds this server, and nobody else does.
    """

    def __init__(self):
        self.objects = {}
        self.status = None
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append(self.path)
                status, body, headers = outer.answer(self.path, self.headers.get("Range"))
                self.send_response(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_PUT(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            do_HEAD = do_DELETE = do_GET  # noqa: N815 - the names that the library calls

            def log_message(self, *_):
                """Keep quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        account = {"client_email": "reader", "private_key": "swordfish", "private_key_id": "1"}
        self.key = json.dumps({**account, "gcs_base_url": self.url, "disable_oauth": True})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def put(self, uri, content=b""):
        self.objects[uri.removeprefix("gs://")] = content

    def answer(self, path, span):
        if self.status is not None:
            return self.status, b"<Error><Code>Told</Code></Error>", {}
        address = urlsplit(path)
        name, query = unquote(address.path).strip("/"), parse_qs(address.query)
        dates = {"Last-Modified": formatdate(MODIFIED, usegmt=True), "ETag": '"1"'}
        if "list-type" in query:
            return 200, self._listing(name, query).encode(), {}
        if name not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", {}
        content = self.objects[name]
        if span is None:
            return 200, content, dates
        first, last = (int(one) for one in span.removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        return 206, part, {**dates, "Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(content)}"}

    def _listing(self, bucket, query):
        prefix, delimiter = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
        names = [name.removeprefix(f"{bucket}/") for name in sorted(self.objects) if name.startswith(f"{bucket}/")]
        found, folders = [], {}
        for name in (name for name in names if name.startswith(prefix)):
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                folders[prefix + rest.split(delimiter, 1)[0] + delimiter] = True
            else:
                size = len(self.objects[f"{bucket}/{name}"])
                found.append(
                    f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size>"
                    "<LastModified>2026-01-10T00:00:00.000Z</LastModified><ETag>1</ETag></Contents>"
                )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in folders)
        return f"<ListBucketResult>{''.join(found)}{common}<IsTruncated>false</IsTruncated></ListBucketResult>"
