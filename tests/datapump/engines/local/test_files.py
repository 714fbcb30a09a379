from __future__ import annotations

import pytest

from datapump.engines.local.files import Files, expand
from datapump.errors import InvalidInputError, NotFoundError, StorageError


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
    assert [info.uri for info in store.listing("s3://lake/a")] == ["s3://lake/a/b.tsv"]
    with store.local("s3://lake/a/b.tsv") as path:
        assert path == store.path("s3://lake/a/b.tsv") == tmp_path / "s3/lake/a/b.tsv"
    store.delete("s3://lake/a/b.tsv")
    assert not store.exists("s3://lake/a/b.tsv")


def test_without_a_root_objects_are_refused():
    with pytest.raises(InvalidInputError, match="no folder of objects"):
        Files(None).get("gs://bucket/key")


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
