"""What the API says of itself where it runs on Lambda, behind API Gateway."""

import boto3
import pytest
from moto import mock_aws

from api.lambda_handler import create_services
from datapump.settings import ApiSettings

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


def test_it_streams_nothing_as_a_lambda_answers_whole(services):
    assert services.streams is False


def test_a_request_is_never_held_until_the_gateway_gives_up(services):
    assert 0 < services.longest_wait_s < GATEWAY_S


def test_nothing_is_done_in_threads_as_a_lambda_answers_one_request_at_a_time(services):
    assert services.one_by_one is True
