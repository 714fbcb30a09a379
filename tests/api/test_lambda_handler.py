"""What the API says of itself where it runs on Lambda, behind API Gateway."""

import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from api import lambda_handler
from api.lambda_handler import AGAIN_S, create_services
from datapump.errors import RemoteRefusedError, RemoteUnavailableError
from datapump.settings import ApiSettings

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
# API Gateway gives up on a request after that.
GATEWAY_S = 30


@pytest.fixture
def services(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        settings = ApiSettings(
            environment="production",
            data_api_url="https://data-api.example",
            aws_region=REGION,
            state_machine=f"arn:aws:states:{REGION}:123456789012:stateMachine:datapump-production",
        )
        boto3.client("secretsmanager", region_name=REGION).create_secret(
            Name=settings.cursor_secret, SecretString="signs-cursors"
        )
        yield create_services(settings)


def test_no_client_is_made_before_it_is_used(services):
    # The secret that signs cursors was read.
    assert {service for service, _ in services.orchestrator._aws._clients} == {"secretsmanager"}
    assert services.runs._tables._client is None
    assert "_data_api" not in vars(services.data_api)


def test_importing_the_functions_makes_no_client():
    program = (
        "import botocore.session as s; s.Session.create_client = None; "
        "import api.lambda_handler, api.app, api.scheduled, state_machine.handlers"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_it_streams_nothing_as_a_lambda_answers_whole(services):
    assert services.streams is False


def test_a_request_is_never_held_until_the_gateway_gives_up(services):
    assert 0 < services.longest_wait_s < GATEWAY_S


def test_nothing_is_done_in_threads_as_a_lambda_answers_one_request_at_a_time(services):
    assert services.one_by_one is True


@pytest.fixture
def made(services, monkeypatch):
    """Makes what the handler has, at a time of the test's own, `made.now`, unless `made.error` is in the way."""

    class Made:
        now, error = 0.0, None

        def __call__(self):
            return lambda_handler._now()

    made = Made()

    def create(_):
        if made.error is not None:
            raise made.error
        return services

    monkeypatch.setattr(lambda_handler, "_made", None)
    monkeypatch.setattr(lambda_handler, "read_settings", lambda _: ApiSettings.model_construct(secret_cache_s=300))
    monkeypatch.setattr(lambda_handler, "create_services", create)
    monkeypatch.setattr(lambda_handler.time, "monotonic", lambda: made.now)
    return made


def test_secrets_that_cannot_be_read_again_are_used_on_for_a_while(made, caplog):
    first = made()
    made.now, made.error = 300.0, RemoteUnavailableError("no answer")
    assert made() is first
    assert "are used on for 60 s: no answer" in caplog.text
    made.error = None
    made.now += AGAIN_S - 1
    assert made() is first
    made.now += 1
    assert made() is not first


def test_without_secrets_or_with_refused_ones_nothing_is_answered(made):
    made.error = RemoteUnavailableError("no answer")
    with pytest.raises(RemoteUnavailableError):
        made()
    made.error = None
    made()
    made.now, made.error = 300.0, RemoteRefusedError("taken away")
    with pytest.raises(RemoteRefusedError):
        made()
