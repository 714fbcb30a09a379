"""The file that the SQLite stores share."""

import threading
from pathlib import Path

from datapump.stores.sqlite import Database


def open_files(folder):
    links = [link for link in Path("/proc/self/fd").iterdir() if link.exists()]
    return sum(str(link.resolve()).startswith(str(folder)) for link in links)


def test_threads_that_are_gone_leave_no_file_open(tmp_path):
    database = Database(tmp_path / "datapump.sqlite")
    try:
        database.row("SELECT 1")
        before = open_files(tmp_path)
        for _ in range(50):
            thread = threading.Thread(target=database.row, args=("SELECT 1",))
            thread.start()
            thread.join()
        # those of this thread, and of the last one
        assert open_files(tmp_path) <= 2 * before
        assert database.row("SELECT 1") is not None
    finally:
        database.close()
