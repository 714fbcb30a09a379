"""The settings and secrets that the functions of production need."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

from datapump.errors import InternalError, RemoteRefusedError
from datapump.settings import SECRETS, ApiSettings, ExecutorSettings, PipelineSettings, read_settings
from state_machine.handlers import TryAgainError, dispatcher, executor
from state_machine.production import Connected, create_ports
from tests.support.clock import FakeClock
from tests.support.google import Google

REGION = "us-east-1"
WHOLE = {
    "ENVIRONMENT": "production",
    "DATA_API_URL": "https://data-api.example",
    "AWS_REGION": REGION,
    "STATE_MACHINE": "arn:aws:states:us-east-1:123456789012:stateMachine:datapump",
    "EMR_SERVICE_ROLE": "emr",
    "EMR_INSTANCE_PROFILE": "nodes",
}


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in WHOLE.items():
        monkeypatch.setenv(f"DATAPUMP_{name}", value)
    return monkeypatch


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (PipelineSettings, "ENVIRONMENT"),
        (PipelineSettings, "DATA_API_URL"),
        (ExecutorSettings, "EMR_SERVICE_ROLE"),
        (ExecutorSettings, "EMR_INSTANCE_PROFILE"),
        (ApiSettings, "STATE_MACHINE"),
        (ApiSettings, "DATA_API_URL"),
    ],
)
def test_a_function_that_lacks_a_setting_says_which(environment, kind, missing):
    read_settings(kind)
    environment.delenv(f"DATAPUMP_{missing}")
    with pytest.raises(InternalError, match=f"(?i){missing}"):
        read_settings(kind)


def test_what_one_function_needs_is_not_asked_of_another(environment):
    for name in ("STATE_MACHINE", "EMR_SERVICE_ROLE", "EMR_INSTANCE_PROFILE"):
        environment.delenv(f"DATAPUMP_{name}")
    read_settings(PipelineSettings)


def test_a_bad_setting_is_named_and_its_value_is_not_told(environment):
    environment.setenv("DATAPUMP_POLL_MAX_S", "hunter2")
    with pytest.raises(InternalError, match="DATAPUMP_POLL_MAX_S") as caught:
        read_settings(PipelineSettings)
    assert "hunter2" not in caught.value.message


@pytest.fixture
def secrets(environment):
    with mock_aws():
        client = boto3.client("secretsmanager", region_name=REGION)
        client.create_secret(Name="gfw-api/token", SecretString=json.dumps({"token": "bearer"}))
        yield client


def test_secrets_come_from_secrets_manager_and_no_client_is_made_before_it_is_used(secrets):
    secrets.create_secret(Name="slack/gfw-sync", SecretString='{"data-updates": "https://hooks.slack.com/x"}')
    secrets.create_secret(Name="prefect/webhook_urls", SecretString="{}")
    ports = create_ports(read_settings(ExecutorSettings), FakeClock())
    assert ports.data_api._token.get_secret_value() == "bearer"
    assert ports.notifier._channel.get_secret_value() == "https://hooks.slack.com/x"
    assert ports.areas_api is None
    assert {service for service, _ in ports.engine.named("emr")._aws._clients} == {"secretsmanager"}
    ports.data_api.close()


@pytest.mark.parametrize("text", [None, "not json"])
def test_without_webhooks_the_pipeline_works_and_says_so(secrets, caplog, text):
    if text is not None:
        secrets.create_secret(Name="slack/gfw-sync", SecretString=text)
    ports = create_ports(read_settings(PipelineSettings), FakeClock())
    assert ports.notifier._channel is None
    assert "slack/gfw-sync" in caplog.text
    ports.data_api.close()


def test_without_the_token_nothing_starts(secrets):
    secrets.delete_secret(SecretId="gfw-api/token", ForceDeleteWithoutRecovery=True)
    with pytest.raises(RemoteRefusedError, match="gfw-api/token"):
        create_ports(read_settings(PipelineSettings), FakeClock())


def test_ports_are_made_once_and_again_when_the_secrets_are_old(secrets, environment):
    connected = Connected(PipelineSettings)
    first = connected.ports()
    assert connected.ports() is first
    connected.close()
    environment.setenv("DATAPUMP_SECRET_CACHE_S", "0")
    assert connected.ports() is not connected.ports()
    connected.close()


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_in_the_environment_is_refused_and_not_told(environment, name):
    value = '{"a": "hunter2"}' if "webhooks" in name else "hunter2"
    environment.setenv(f"DATAPUMP_{name.upper()}", value)
    with pytest.raises(InternalError, match=f"DATAPUMP_{name.upper()}.*Secrets Manager") as caught:
        read_settings(ExecutorSettings)
    assert "hunter2" not in caught.value.message


def test_the_secrets_are_the_settings_that_are_not_shown():
    assert {"data_api_token", "areas_api_key", "slack_webhooks", "gnw_webhooks"} <= SECRETS


def test_the_key_of_google_is_read_with_the_first_of_its_objects(secrets, environment):
    with Google() as google:
        environment.setenv("DATAPUMP_GS_ENDPOINT", google.url)
        google.put("gs://gfw_gee_export/wur_radd_alerts/v20260118/10N_010E.tif")
        ports = create_ports(read_settings(PipelineSettings), FakeClock())
        ports.data_api.close()
        with pytest.raises(RemoteRefusedError, match="gcs/gfw-gee-export"):
            ports.objects.folders("gs://gfw_gee_export/wur_radd_alerts")
        secrets.create_secret(Name="gcs/gfw-gee-export", SecretString=google.key)
        assert ports.objects.folders("gs://gfw_gee_export/wur_radd_alerts") == ["v20260118"]


def test_the_areas_api_is_sent_its_key_where_there_is_one(secrets, environment):
    environment.setenv("DATAPUMP_AREAS_API_URL", "https://areas.example")
    environment.setenv("DATAPUMP_RW_SECRET", "gfw-api/rw-key")
    with pytest.raises(RemoteRefusedError, match="gfw-api/rw-key"):
        create_ports(read_settings(PipelineSettings), FakeClock())
    secrets.create_secret(Name="gfw-api/rw-key", SecretString='{"api_key": "resource-watch"}')
    ports = create_ports(read_settings(PipelineSettings), FakeClock())
    assert ports.areas_api._api_key.get_secret_value() == "resource-watch"
    ports.areas_api.close()
    ports.data_api.close()


def test_an_event_without_an_execution_is_refused():
    with pytest.raises(Exception, match="names no execution"):
        dispatcher({"attempts": 0}, None)


def test_a_secret_that_cannot_be_read_now_is_tried_again(environment):
    environment.setenv("DATAPUMP_AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    environment.setenv("AWS_ACCESS_KEY_ID", "id")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "key")
    environment.setattr("datapump.aws.READ_ATTEMPTS", 1)
    with pytest.raises(TryAgainError, match="gfw-api/token"):
        executor({"execution_id": "e", "job_id": "j"}, None)
