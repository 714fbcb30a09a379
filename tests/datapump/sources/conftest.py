"""What tests of feeds need: feeds written as files, a web server on this machine, a disk that is full."""

from __future__ import annotations

import csv
import struct
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pyogrio
import pytest

ROW = {
    "latitude": "-4.99722",
    "longitude": "-37.427",
    "bright_ti4": "310.16",
    "scan": "0.43",
    "track": "0.74",
    "acq_date": "2022-02-26",
    "acq_time": "0020",
    "satellite": "N",
    "confidence": "nominal",
    "version": "2.0NRT",
    "bright_ti5": "272.01",
    "frp": "64.94",
    "daynight": "N",
}
MODIS = {"bright_ti4": "brightness", "bright_ti5": "bright_t31"}
WIDTHS = {"ACQ_TIME": "4", "SATELLITE": "1", "CONFIDENCE": "7", "VERSION": "6", "DAYNIGHT": "1"}


@pytest.fixture(scope="session")
def viirs_row():
    """One VIIRS detection as FIRMS writes it, with the given values changed."""
    return lambda **changed: ROW | changed


@pytest.fixture(scope="session")
def modis_row():
    """One MODIS detection as FIRMS writes it, with the given values changed."""
    row = {MODIS.get(name, name): value for name, value in ROW.items()} | {"confidence": "70"}
    return lambda **changed: row | changed


@pytest.fixture(scope="session")
def write_csv():
    """Write rows (dicts of texts) as FIRMS writes CSV, with the VIIRS columns if there are none."""

    def write(path, rows):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0] if rows else ROW), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture(scope="session")
def write_shapefile():
    """Write rows (dicts of texts, None for no value) as a shapefile of points, zipped if the path ends in .zip."""

    def write(path, rows, *, types=()):
        folder = path.with_suffix(".files") if path.suffix == ".zip" else path.parent
        folder.mkdir(exist_ok=True)
        shp = folder / (path.stem + ".shp")
        pyogrio.write_arrow(
            shape_table(rows, dict(types)),
            shp,
            geometry_name="geometry",
            geometry_type="Point",
            crs="EPSG:4326",
            driver="ESRI Shapefile",
        )
        if path.suffix != ".zip":
            return shp
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
        return path

    return write


def shape_table(rows, types):
    """An Arrow table of the rows: points made of the coordinates, upper-case attributes, types as FIRMS has them."""
    columns = {}
    for name in rows[0]:
        texts = pa.array([row[name] for row in rows], pa.string())
        kind = types.get(name) or field_type(name)
        columns[name.upper()] = texts.cast(kind)
    geometry = [point(row["longitude"], row["latitude"]) for row in rows]
    table = pa.table(columns | {"geometry": pa.array(geometry, pa.binary())})
    return table.cast(pa.schema([with_width(field) for field in table.schema]))


def field_type(name):
    """The type that FIRMS' shapefiles have for a column."""
    if name == "acq_date":
        return pa.date32()
    return pa.string() if name in ("acq_time", "satellite", "confidence", "version", "daynight") else pa.float64()


def with_width(field):
    """A text field as narrow as FIRMS has it."""
    width = WIDTHS.get(field.name)
    return field.with_metadata({"GDAL:OGR:width": width}) if width and pa.types.is_string(field.type) else field


def point(longitude, latitude):
    """A point as WKB; None for none."""
    if longitude is None or latitude is None:
        return None
    return struct.pack("<BIdd", 1, 1, float(longitude), float(latitude))


class Server:
    """A web server on 127.0.0.1 whose pages are functions of a request handler."""

    def __init__(self):
        self.pages = {}
        self.requests = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                try:
                    outer.pages[self.path.partition("?")[0]](self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *arguments):
                """Keep quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def answer(self, path, body=b"", status=200, **headers):
        """Answer a path with a body."""

        def page(handler):
            handler.send_response(status)
            for name, value in {"Content_Length": str(len(body)), **headers}.items():
                if value is not None:
                    handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.pages[path] = page
        return self.url + path

    def endless(self, path, head, drop):
        """Answer a path with a head and then with drops, until the client hangs up."""

        def page(handler):
            handler.wfile.write(head)
            while not self.closing.is_set():
                handler.wfile.write(drop)

        self.pages[path] = page
        return self.url + path

    def silent(self, path, head=b""):
        """Answer a path with a head and then with nothing, until the test is over."""

        def page(handler):
            handler.wfile.write(head)
            self.closing.wait()

        self.pages[path] = page
        return self.url + path

    def close(self):
        """Stop and wait for every thread."""
        self.closing.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    """A web server on 127.0.0.1, without pages yet."""
    server = Server()
    yield server
    server.close()
