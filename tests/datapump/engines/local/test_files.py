from __future__ import annotations

import pytest

from datapump.engines.local.files import Files, expand
from datapump.errors import NotFoundError, RemoteRefusedError, RemoteUnavailableError, StorageError
from tests.support.buckets import serving


def test_plain_paths_are_read_and_written_like_objects(tmp_path):
    store = Files(None)
    name = str(tmp_path / "sub" / "a file [1] é.tsv")
    assert not store.exists(name)
    store.put(name, b"one")
    store.put(name, b"two")
    assert store.exists(name)
    assert store.get(name) == b"two"
    assert store.head(name, 2) == b"tw"
    assert store.path(name).read_bytes() == b"two"
    with store.local(name) as path:
        assert str(path) == name
    assert [(info.uri, info.size) for info in store.listing(str(tmp_path))] == [(name, 3)]
    assert [info.uri for info in store.glob(name)] == [name]
    assert [info.uri for info in store.glob(str(tmp_path / "sub" / "*.tsv"))] == [name]
    store.put(str(tmp_path / "copy"), tmp_path / "sub" / "a file [1] é.tsv")
    assert store.get(str(tmp_path / "copy")) == b"two"
    store.delete(name)
    store.delete(name)
    assert not store.exists(name)


def test_objects_are_found_below_the_root_beside_plain_paths(tmp_path):
    store = Files(tmp_path)
    store.put("s3://lake/a/b.tsv", b"x")
    assert (tmp_path / "s3/lake/a/b.tsv").read_bytes() == b"x"
    assert store.exists("s3://lake/a/b.tsv")
    assert store.get("s3://lake/a/b.tsv") == store.head("s3://lake/a/b.tsv", 9) == b"x"
    assert [info.uri for info in store.glob("s3://lake/a/*.tsv")] == ["s3://lake/a/b.tsv"]
    assert [info.uri for info in store.glob("s3://lake/a/b.tsv")] == ["s3://lake/a/b.tsv"]
    for nothing in ("s3://lake/a", "s3://lake/a/", "s3://lake/", "s3://lake/a/c.tsv"):
        assert store.glob(nothing) == []
    assert [info.uri for info in store.listing("s3://lake/a")] == ["s3://lake/a/b.tsv"]
    with store.local("s3://lake/a/b.tsv") as path:
        assert path == store.path("s3://lake/a/b.tsv") == tmp_path / "s3/lake/a/b.tsv"
    store.delete("s3://lake/a/b.tsv")
    assert not store.exists("s3://lake/a/b.tsv")


@pytest.mark.parametrize("root", ["folder", None])
def test_an_object_lies_in_a_real_bucket_without_a_folder_and_where_its_bucket_is_said_to_be_real(tmp_path, root):
    with serving(tmp_path / "buckets") as server:
        (tmp_path / "buckets" / "lake").mkdir()
        (tmp_path / "buckets" / "lake" / "a.tsv").write_bytes(b"abc")
        store = Files(root and tmp_path / root, server.reached(real={"lake"} if root else set()))
        for uri in ("s3://lake/a.tsv", "gs://lake/a.tsv"):
            assert store.get(uri) == b"abc"
            assert store.exists(uri)
            assert not store.exists(uri + "x")
            with store.local(uri) as path:
                assert path.read_bytes() == b"abc"
        assert (root is None) or store.is_folder("s3://other/a.tsv")
        server.answers = lambda *_: 403
        with pytest.raises(RemoteRefusedError, match=r"s3://lake/a.tsv may not be read"):
            store.get("s3://lake/a.tsv")
        server.answers = lambda *_: 500
        with pytest.raises(RemoteUnavailableError, match=r"s3://lake/a.tsv could not be read"):
            store.exists("s3://lake/a.tsv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="none does not exist"):
        Files(None).get(str(tmp_path / "none"))


def test_a_refused_write_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written: "):
        Files(None).put(str(tmp_path / "file" / "below"), b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="could not be written: Is a directory"):
        Files(None).put(str(tmp_path / "folder"), b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_names_stand_for_their_files_once_each_in_order(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.tsv").write_text(name)
    patterns = [str(tmp_path / "c.tsv"), str(tmp_path / "*.tsv"), str(tmp_path / "a.tsv")]
    found = expand(Files(None), patterns, "feature", each=True)
    assert [file.name for file in found] == [str(tmp_path / f"{name}.tsv") for name in ("c", "a", "b")]
    assert [file.size for file in found] == [1, 1, 1]


def test_a_pattern_without_files_is_refused_unless_others_have_some(tmp_path):
    (tmp_path / "a.tsv").write_text("a")
    some, none = str(tmp_path / "*.tsv"), str(tmp_path / "none" / "*.tsv")
    with pytest.raises(NotFoundError, match="no feature file is named"):
        expand(Files(None), [some, none], "feature", each=True)
    assert len(expand(Files(None), [some, none], "fire", each=False)) == 1
    with pytest.raises(NotFoundError, match=r"no fire file is named .*missing"):
        expand(Files(None), [some, str(tmp_path / "missing.tsv")], "fire", each=False)
    with pytest.raises(NotFoundError, match=r"no fire file is named .* or "):
        expand(Files(None), [none, none + "2"], "fire", each=False)
