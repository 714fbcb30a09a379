"""What buckets answer, and what becomes of it: Google's through their XML API, S3's through an address of a test."""

from __future__ import annotations

import traceback

import pytest
from obstore.exceptions import BaseError
from pydantic import SecretStr

from datapump.buckets import Buckets
from datapump.errors import NotFoundError, RemoteRefusedError, RemoteUnavailableError, StorageError
from datapump.objects import Objects
from tests.support.google import Google

FOLDER = "gs://gfw_gee_export/wur_radd_alerts"


@pytest.fixture
def google():
    with Google() as google:
        yield google


@pytest.fixture
def asked():
    return []


@pytest.fixture
def patience_s():
    """So short that what is not answered is not asked for again."""
    return 0.001


@pytest.fixture
def buckets(google, asked, patience_s):
    def key():
        asked.append("gcs")
        return SecretStr(google.key)

    return Objects(None, Buckets(patience_s=patience_s, gs_endpoint=google.url), gcs_key=key)


def test_objects_of_google_are_listed_and_read(buckets, google):
    google.put(f"{FOLDER}/v20260118/10N_010E.tif", b"tile")
    google.put(f"{FOLDER}/v20260111/10N_010E.tif", b"earlier")
    google.put("gs://gfw_gee_export/other.tif")
    assert buckets.folders(FOLDER) == ["v20260111", "v20260118"]
    assert [info.uri for info in buckets.listing(f"{FOLDER}/v20260118")] == [f"{FOLDER}/v20260118/10N_010E.tif"]
    assert buckets.get(f"{FOLDER}/v20260118/10N_010E.tif") == b"tile"
    assert buckets.head(f"{FOLDER}/v20260111/10N_010E.tif", 4) == b"earl"
    assert buckets.reader(f"{FOLDER}/v20260111/10N_010E.tif", 1024).read(3) == b"ear"
    assert buckets.exists(f"{FOLDER}/v20260118/10N_010E.tif")
    assert not buckets.exists(f"{FOLDER}/v20260118/20N_010E.tif")
    with pytest.raises(NotFoundError, match="20N_010E"):
        buckets.get(f"{FOLDER}/v20260118/20N_010E.tif")


def test_the_key_is_asked_for_when_the_first_object_of_google_is_and_not_again(buckets, asked):
    assert asked == []
    for _ in range(2):
        buckets.listing(FOLDER)
    assert asked == ["gcs"]


@pytest.mark.parametrize("key", ["swordfish", "{}", '{"client_email": "a", "private_key": "swordfish"}'])
def test_a_key_that_is_none_is_refused_and_not_shown(key):
    with pytest.raises(RemoteRefusedError, match=r"gs://gfw_gee_export .* service account") as caught:
        Objects(None, gcs_key=lambda: SecretStr(key)).listing(FOLDER)
    assert "swordfish" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("patience_s", [20])
def test_a_bucket_that_answers_after_a_moment_has_answered(buckets, google):
    google.put(f"{FOLDER}/a.tif", b"tile")
    real, google.answer = google.answer, lambda *_: restored()

    def restored():
        google.answer = real
        return 503, b"", {}

    assert buckets.get(f"{FOLDER}/a.tif") == b"tile"
    assert len(google.asked) == 2


READS = [
    lambda buckets: buckets.get(f"{FOLDER}/a"),
    lambda buckets: buckets.head(f"{FOLDER}/a", 5),
    lambda buckets: buckets.exists(f"{FOLDER}/a"),
    lambda buckets: buckets.listing(FOLDER),
    lambda buckets: buckets.folders(FOLDER),
    lambda buckets: buckets.local(f"{FOLDER}/a").__enter__(),
    lambda buckets: buckets.reader(f"{FOLDER}/a", 5),
    lambda buckets: buckets.delete(f"{FOLDER}/a"),
]


@pytest.mark.parametrize(("status", "error"), [(403, RemoteRefusedError), (503, RemoteUnavailableError)])
def test_whatever_is_asked_of_a_bucket_that_does_not_give_it_is_an_error_of_ours(buckets, google, status, error):
    google.status = status
    for read in READS:
        with pytest.raises(error, match=FOLDER) as caught:
            read(buckets)
        assert "\n" not in caught.value.message


@pytest.mark.parametrize(("status", "error"), [(403, RemoteRefusedError), (503, StorageError)])
def test_only_what_may_not_be_written_is_given_up(buckets, google, status, error):
    google.status = status
    with pytest.raises(error, match=f"{FOLDER}/a could not be written"):
        buckets.put(f"{FOLDER}/a", b"")


def test_a_bucket_that_goes_away_while_an_object_is_read_is_an_error_of_ours(buckets, google):
    google.put(f"{FOLDER}/a", bytes(100_000))
    file = buckets.reader(f"{FOLDER}/a", 10)
    assert file.read(10) == bytes(10)
    google.status = 503
    with pytest.raises(RemoteUnavailableError, match=FOLDER):
        file.read(50_000)


def test_so_it_is_with_s3(google, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "swordfish")
    google.status = 403
    with pytest.raises(RemoteRefusedError, match="s3://gfw-pipelines/a may not be read"):
        Objects(None, Buckets(region="us-east-1", s3_endpoint=google.url)).get("s3://gfw-pipelines/a")


def test_a_public_bucket_needs_no_key(asked):
    def key():
        asked.append("gcs")
        raise AssertionError

    Objects(None, Buckets(unsigned=frozenset({"public"})), gcs_key=key)._store("gs://public/a")
    assert asked == []


def test_a_disk_that_refuses_is_trouble_with_storage(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise BaseError("read-only file system\n\nDebug source: ...")

    monkeypatch.setattr("obstore.get", refuse)
    with pytest.raises(StorageError, match=r"file system$"):
        Objects(tmp_path).get("s3://bucket/a")
