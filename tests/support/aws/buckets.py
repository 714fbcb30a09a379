"""Buckets that are folders as well: moto answers for S3 and for Google, the Data API and the clusters work on files."""

from __future__ import annotations

from contextlib import contextmanager
from unittest.mock import patch

import boto3
from moto.s3.models import S3Backend

from tests.support.aws.names import REGION

AMAZON = ("gfw-pipelines", "gfw-data-lake", "gfw-files")
GOOGLE = ("gfw_gee_export", "earthenginepartners-hansen")
PUT = S3Backend.put_object


class SharedBuckets:
    """What is put into moto's S3 is written to the folders; what lies in the folders is what moto's S3 has.

    Args:
        objects: The folders.
    """

    def __init__(self, objects):
        self._objects = objects
        self._known = {}

    @contextmanager
    def on_s3(self):
        """Inside the block moto's buckets are these."""
        get, listed = S3Backend.get_object, S3Backend.list_objects

        def put_object(backend, bucket_name, key_name, value, **more):
            made = PUT(backend, bucket_name, key_name, value, **more)
            if bucket_name in AMAZON + GOOGLE:
                self._objects.put(_uri(bucket_name, key_name), value)
                self._known[bucket_name, key_name] = self._stamp(bucket_name, key_name)
            return made

        def get_object(backend, bucket_name, key_name, *args, **more):
            self._take_over(backend, bucket_name, key_name)
            return get(backend, bucket_name, key_name, *args, **more)

        def list_objects(backend, bucket, prefix, *args, **more):
            for key in self._keys(bucket.name, prefix or ""):
                self._take_over(backend, bucket.name, key)
            return listed(backend, bucket, prefix, *args, **more)

        with (
            patch.object(S3Backend, "put_object", put_object),
            patch.object(S3Backend, "get_object", get_object),
            patch.object(S3Backend, "list_objects", list_objects),
        ):
            for bucket in AMAZON + GOOGLE:
                boto3.client("s3", region_name=REGION).create_bucket(Bucket=bucket)
            yield

    def _keys(self, bucket, prefix):
        """Of the objects that are there or have been."""
        folder = self._objects.path(_uri(bucket, ""))
        there = (folder / prefix.rpartition("/")[0]).rglob("*")
        keys = {path.relative_to(folder).as_posix() for path in there if path.is_file()}
        return keys | {key for name, key in self._known if name == bucket and key.startswith(prefix)}

    def _take_over(self, backend, bucket, key):
        """Let moto have of an object what the folder has."""
        if bucket not in AMAZON + GOOGLE or not key:
            return
        stamp = self._stamp(bucket, key)
        if stamp == self._known.get((bucket, key)):
            return
        if stamp is None:
            backend.buckets[bucket].keys.pop(key, None)
        else:
            content = self._objects.path(_uri(bucket, key)).read_bytes()
            PUT(backend, bucket, key, content)
        self._known[bucket, key] = stamp

    def _stamp(self, bucket, key):
        path = self._objects.path(_uri(bucket, key))
        return path.stat().st_mtime_ns if path.is_file() else None


def _uri(bucket, key):
    return f"{'gs' if bucket in GOOGLE else 's3'}://{bucket}/{key}"
