"""Secrets of the production deployment."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from datapump.aws import Aws
from datapump.errors import RemoteInvalidError, RemoteRefusedError
from datapump.secrets import Secrets
from tests.support.clock import FakeClock

REGION = "us-east-1"


@pytest.fixture
def manager():
    with mock_aws():
        client = boto3.client("secretsmanager", region_name=REGION)
        client.create_secret(Name="gfw-api/token", SecretString='{"token": "first", "email": "a@b"}')
        client.create_secret(Name="plain", SecretString="words")
        yield client


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def secrets(manager, clock):
    return Secrets(Aws(REGION), clock, cache_s=300)


def test_a_secret_is_its_text_or_the_text_under_a_key(secrets):
    assert secrets.get("gfw-api/token", "token").get_secret_value() == "first"
    assert secrets.get("plain").get_secret_value() == "words"
    assert secrets.get("plain", "token").get_secret_value() == "words"
    assert "first" not in repr(secrets.get("gfw-api/token", "token"))


def test_a_secret_is_used_for_a_while_and_then_read_again(secrets, manager, clock):
    assert secrets.get("plain").get_secret_value() == "words"
    manager.put_secret_value(SecretId="plain", SecretString="other")
    clock.advance(299)
    assert secrets.get("plain").get_secret_value() == "words"
    clock.advance(1)
    assert secrets.get("plain").get_secret_value() == "other"


def test_a_secret_that_is_not_there_or_lacks_its_key_is_named(secrets):
    with pytest.raises(RemoteRefusedError, match="gone"):
        secrets.get("gone")
    with pytest.raises(RemoteInvalidError, match="'key'") as caught:
        secrets.get("gfw-api/token", "key")
    assert "first" not in caught.value.message
