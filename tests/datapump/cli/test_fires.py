import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer
from typer.testing import CliRunner

from datapump.cli.fires import fires

CSV = (
    "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,confidence,version,bright_ti5,frp,daynight\n"
    "-4.99722,-37.427,310.16,0.43,0.74,2022-02-26,0020,N,nominal,2.0NRT,272.01,64.94,N\n"
    "-5,-37,310.16,0.43,0.74,2022-02-27,2133,N,low,2.0NRT,272.01,64.94,D\n"
    "-5,-37,310.16,0.43,0.74,2022-02-27,2133,N,low,2.0NRT,272.01,64.94,D\n"
)


@pytest.fixture
def run(tmp_path):
    """Run the command with the given arguments, writing to `fires.tsv`."""
    app = typer.Typer()
    app.command("fires")(fires)
    return lambda *arguments: CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "fires.tsv")])


@pytest.fixture
def feed(tmp_path):
    (tmp_path / "feed.csv").write_text(CSV)
    return str(tmp_path / "feed.csv")


@pytest.fixture
def website():
    """The address of a server on this machine that answers `/feed.csv` with the feed, all else with 500."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/feed.csv" else 500)
            self.end_headers()
            self.wfile.write(CSV.encode())

        def log_message(self, *arguments):
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_summary_is_all_that_is_printed(run, feed, tmp_path):
    result = run("--type", "viirs", feed, "--after", "2022-02-26 20")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "rows": 1,
        "first": "2022-02-27 2133",
        "last": "2022-02-27 2133",
        "read": 3,
        "skipped": {"duplicate": 1, "not newer": 1},
        "feed_first": "2022-02-26 0020",
        "feed_last": "2022-02-27 2133",
        "gap": None,
        "gap_hours": None,
        "out": str(tmp_path / "fires.tsv"),
        "reason": None,
    }
    assert result.stderr == ""
    assert len((tmp_path / "fires.tsv").read_text().splitlines()) == 2


def test_without_a_time_everything_is_new(run, feed):
    assert json.loads(run("--type", "viirs", feed).stdout)["rows"] == 2


def test_until_cuts_the_end(run, feed):
    assert json.loads(run("--type", "viirs", feed, "--until", "2022-02-27 0000").stdout)["rows"] == 1


def test_nothing_newer_is_no_error(run, feed, tmp_path):
    result = run("--type", "viirs", feed, "--after", "2022-02-27 2133")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["reason"] == "nothing newer than 2022-02-27 2133: the feed ends at 2022-02-27 2133"
    assert not (tmp_path / "fires.tsv").exists()


def test_a_feed_is_fetched_from_the_address_given(run, website):
    result = run("--type", "viirs", f"{website}/feed.csv")
    assert (result.exit_code, json.loads(result.stdout)["rows"]) == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--type", "modis", "{feed}"], "it looks like a feed of viirs fires"),
        (["--type", "viirs", "{feed}.zip"], "does not exist"),
        (["--type", "viirs", "{feed}", "--max-bytes", "10"], "at most 10 are taken"),
        (["--type", "viirs", "{website}/other?key=hush"], "/other answered 500: try again later"),
        (["--type", "viirs", "ftp://example.org/feed"], "give an https URL or a file's path"),
    ],
)
def test_an_error_goes_to_stderr_with_exit_code_1(run, feed, website, tmp_path, arguments, said):
    result = run(*(argument.format(feed=feed, website=website) for argument in arguments))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert "hush" not in result.stderr
    assert not (tmp_path / "fires.tsv").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["{feed}"],
        ["--type", "viirs"],
        ["--type", "goes", "{feed}"],
        ["--type", "viirs", "{feed}", "--after", "2022-02-26 2561"],
        ["--type", "viirs", "{feed}", "--until", "tomorrow"],
        ["--type", "viirs", "{feed}", "--max-bytes", "0"],
    ],
)
def test_wrong_use_has_exit_code_2(run, feed, arguments):
    result = run(*(argument.format(feed=feed) for argument in arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage" in result.stderr
