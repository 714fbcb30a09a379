import os
import stat
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datapump.errors import DataError, StorageError
from datapump.sources.archives import ArchiveLimits, extract
from tests.support.disk import largest_file

LIMITS = ArchiveLimits()


@pytest.fixture
def pack(tmp_path):
    """Write a zip archive of (name or ZipInfo, content) pairs."""

    def write(*entries, method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "feed.zip"
        with pytest.MonkeyPatch.context() as patch, zipfile.ZipFile(path, "w", method) as archive:
            patch.setattr("warnings.warn", lambda *_, **__: None)  # of a name that is there twice
            for name, content in entries:
                archive.writestr(name, content)
        return path

    return write


@pytest.fixture
def into(tmp_path):
    return tmp_path / "into"


def refused(archive, into, said, limits=LIMITS):
    with pytest.raises(DataError, match=said) as raised:
        extract(archive, into, limits=limits)
    assert archive.name in raised.value.message
    assert not into.exists() or list(into.iterdir()) == []


def test_files_are_unpacked_with_their_folders_and_listed(pack, into):
    archive = pack(("b.shp", b"points"), ("a/", b""), ("a/c.dbf", b"table"), ("empty.txt", b""))
    files = extract(archive, into, limits=LIMITS)
    assert files == [into / "a" / "c.dbf", into / "b.shp", into / "empty.txt"]
    assert [file.read_bytes() for file in files] == [b"table", b"points", b""]


def test_an_archive_is_unpacked_beside_other_files(pack, into):
    into.mkdir()
    (into / "feed.zip").touch()
    extract(pack(("a", b"1")), into, limits=LIMITS)
    assert {path.name for path in into.iterdir()} == {"a", "feed.zip"}


def test_a_file_that_is_there_already_is_not_replaced(pack, into):
    into.mkdir()
    (into / "a").write_text("mine")
    with pytest.raises(StorageError, match="there already"):
        extract(pack(("a", b"1"), ("b", b"2")), into, limits=LIMITS)
    assert {path.name: path.read_text() for path in into.iterdir()} == {"a": "mine"}


def test_stored_entries_are_unpacked(pack, into):
    extract(pack(("a", b"1" * 100), method=zipfile.ZIP_STORED), into, limits=LIMITS)
    assert (into / "a").read_bytes() == b"1" * 100


def test_an_archive_without_entries_gives_no_files(pack, into):
    assert extract(pack(), into, limits=LIMITS) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../evil", "leads out of the folder"),
        ("a/../../evil", "leads out of the folder"),
        ("a/..", "leads out of the folder"),
        ("/etc/evil", "is an absolute path"),
        ("C:evil", "is an absolute path"),
        ("c:/evil", "is an absolute path"),
        ("a\\..\\evil", "holds a backslash"),
        ("\\\\host\\evil", "holds a backslash"),
        ("a//b", "is not a plain file name"),
        ("./a", "is not a plain file name"),
        ("a\nb", "is not a plain file name"),
        ("é" * 128, "is not a plain file name"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(pack, into, name, said):
    refused(pack(("good", b"1"), (name, b"2")), into, said)
    assert not (into.parent / "evil").exists()


def test_a_name_cut_by_a_nul_is_refused(pack, into):
    archive = pack(("a_evil", b"1"))
    archive.write_bytes(archive.read_bytes().replace(b"a_evil", b"a\0evil"))
    refused(archive, into, "is not a plain file name")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(pack, into, kind):
    entry = zipfile.ZipInfo("link")
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    refused(pack((entry, b"/etc/passwd")), into, "is a link or a device")


def test_encrypted_entries_are_refused(pack, into):
    archive = pack(("secret", b"1"))
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    refused(archive, into, "is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(pack, into, method):
    refused(pack(("a", b"1"), method=method), into, "other than deflate")


def test_a_name_that_is_there_twice_is_refused(pack, into):
    refused(pack(("a", b"1"), ("a", b"2")), into, "is there twice")


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/")])
def test_a_name_that_is_file_and_folder_is_refused(pack, into, names):
    refused(pack(*((name, b"") for name in names)), into, "both a file and a folder")


def test_too_many_entries_are_refused(pack, into):
    archive = pack(*((f"f{number}", b"") for number in range(101)))
    refused(archive, into, "101 entries: more than the 100 allowed")


def test_a_directory_too_long_to_be_harmless_is_not_read(pack, into):
    archive = pack(*((f"{number:0200d}", b"") for number in range(6_000)))
    refused(archive, into, "its directory is too long", limits=ArchiveLimits(entries=10_000))


def test_a_bomb_is_refused_by_its_ratio(pack, into):
    archive = pack(("bomb", bytes(20 * 2**20)))
    assert archive.stat().st_size < 25_000
    refused(archive, into, "200 times its own size")


def test_small_files_of_blanks_pass_at_any_ratio(pack, into):
    assert extract(pack(("a", bytes(2**19))), into, limits=LIMITS)


def test_the_bytes_of_all_files_together_are_limited(pack, into):
    archive = pack(("a", os.urandom(600)), ("b", os.urandom(600)))
    refused(archive, into, "more than 1000 bytes", limits=ArchiveLimits(total_bytes=1000))
    assert extract(archive, into, limits=ArchiveLimits(total_bytes=1200))


@pytest.mark.parametrize("claimed", [0, 10, 2**32 - 2])
def test_sizes_that_the_archive_claims_are_not_trusted(pack, into, claimed):
    archive = pack(("bomb", bytes(20 * 2**20)))
    content = bytearray(archive.read_bytes())
    for at in (content.index(b"PK\3\4") + 22, content.index(b"PK\1\2") + 24):
        content[at : at + 4] = struct.pack("<I", claimed)
    archive.write_bytes(content)
    refused(archive, into, "feed.zip")


def test_entries_that_share_their_bytes_are_counted_each(pack, into):
    archive = pack(*((f"f{number}", bytes(2**19)) for number in range(9)))
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\1\2")
    for number in range(9):
        at = content.index(b"PK\1\2", at) + 46
        content[at : at + 2] = b"f0"[:1] + str(number).encode()
        content[at - 4 : at] = struct.pack("<I", 0)
    archive.write_bytes(content)
    refused(archive, into, "feed.zip")


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"<html>", b"latitude,longitude\n"])
def test_what_is_no_archive_is_refused(tmp_path, into, content):
    (tmp_path / "feed.zip").write_bytes(content)
    refused(tmp_path / "feed.zip", into, "is not a whole zip archive")


def test_a_truncated_archive_is_refused_wherever_it_ends(pack, into):
    archive = pack(("a", os.urandom(500)), ("b", b"1" * 500))
    whole = archive.read_bytes()
    for length in range(0, len(whole), 7):
        archive.write_bytes(whole[:length])
        refused(archive, into, "is not a whole zip archive")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
    st.sampled_from([b"", b"PK\5\6", b"\xff\xff\xff\xff"]),
)
def test_a_damaged_archive_is_unpacked_whole_or_refused(tmp_path_factory, changes, tail):
    folder = tmp_path_factory.mktemp("damaged")
    archive, into = folder / "feed.zip", folder / "into"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("a.shp", b"12345" * 20)
        writing.writestr("b/c.dbf", b"1")
    content = bytearray(archive.read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    archive.write_bytes(content + tail)
    try:
        files = extract(archive, into, limits=LIMITS)
    except DataError:
        assert list(into.iterdir()) == []
    else:
        assert all(file.is_relative_to(into) for file in files)
    assert {path.name for path in folder.iterdir()} <= {"feed.zip", "into"}


def test_a_full_disk_is_an_error_of_the_store_and_leaves_nothing(pack, into):
    archive = pack(("a", os.urandom(50_000)), ("b", os.urandom(200_000)))
    with largest_file(100_000), pytest.raises(StorageError, match="could not be unpacked into"):
        extract(archive, into, limits=LIMITS)
    assert list(into.iterdir()) == []
