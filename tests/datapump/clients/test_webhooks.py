"""Webhooks over real HTTP: what is sent, what is not, and that no address is told to anybody."""

from __future__ import annotations

import logging
import socket

import pytest
from pydantic import SecretStr

from datapump.clients.webhooks import GNW, Webhooks
from datapump.errors import DatapumpError, InvalidInputError, RemoteRefusedError, RemoteUnavailableError
from datapump.notifier import Level, Message
from datapump.settings import Settings
from tests.support.receiver import receiving

SECRET = "T00/B00/a-very-secret-part"
MESSAGE = Message(Level.ERROR, "gadm <failed> & more", "https://datapump.example/executions/e1")


def webhooks(port, *, hosts=("127.0.0.1",), timeout_s=5.0):
    address = SecretStr(f"http://127.0.0.1:{port}/services/{SECRET}")
    return Webhooks(address, {GNW: {"wur_radd_alerts": address}}, hosts=frozenset(hosts), timeout_s=timeout_s)


def test_a_message_is_posted_with_its_level_and_link_and_without_markup_of_its_own():
    with receiving() as server:
        assert webhooks(server.server_port).post(MESSAGE) is True
    ((path, body),) = server.received
    assert path == f"/services/{SECRET}"
    assert body == {
        "text": ":red_circle: gadm &lt;failed&gt; &amp; more\n<https://datapump.example/executions/e1>",
    }


def test_a_receiver_is_told_of_a_version_of_its_datasets_only():
    with receiving() as server:
        hooks = webhooks(server.server_port)
        assert hooks.announce(GNW, "wur_radd_alerts", "v20260117") is True
        assert hooks.announce(GNW, "umd_glad_dist_alerts", "v20260117") is False
        assert hooks.announce("nobody", "wur_radd_alerts", "v20260117") is False
    ((_, body),) = server.received
    assert body == {"dataset": "wur_radd_alerts", "version": "v20260117", "is_latest": True}


def test_without_a_channel_nothing_is_sent():
    assert Webhooks(None, {}, hosts=frozenset(), timeout_s=1).post(MESSAGE) is False


@pytest.mark.parametrize(("status", "error"), [(500, RemoteUnavailableError), (404, RemoteRefusedError)])
def test_an_answer_that_is_no_success_is_an_error(status, error):
    with receiving(status) as server, pytest.raises(error, match=f"Slack answered {status}") as caught:
        webhooks(server.server_port).post(MESSAGE)
    assert SECRET not in str(caught.value)


def test_a_redirect_is_not_followed():
    with receiving(302) as server:
        with pytest.raises(RemoteRefusedError, match="not followed elsewhere"):
            webhooks(server.server_port).post(MESSAGE)
        assert len(server.received) == 1


def test_a_slow_receiver_is_not_waited_for_longer_than_allowed():
    with receiving(slow=True) as server, pytest.raises(RemoteUnavailableError, match=r"did not answer within 0\.2 s"):
        webhooks(server.server_port, timeout_s=0.2).post(MESSAGE)


def test_a_refused_connection_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RemoteUnavailableError, match="Slack could not be reached: ConnectError"):
        webhooks(port).post(MESSAGE)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://example.com/secret", "DATAPUMP_WEBHOOK_HOSTS"),
        ("http://example.com/secret", "no https address"),
        ("file:///secret", "no https address"),
        ("https://host:port/secret", "cannot be read"),
    ],
)
def test_only_listed_hosts_and_https_are_written_to(address, words):
    hooks = Webhooks(SecretStr(address), {}, hosts=frozenset({"hooks.slack.com"}), timeout_s=1)
    with pytest.raises(InvalidInputError, match=words) as caught:
        hooks.post(MESSAGE)
    assert "secret" not in caught.value.message


def test_no_log_holds_an_address(caplog):
    caplog.set_level(logging.DEBUG)
    for status in (200, 500):
        with receiving(status) as server:
            try:
                webhooks(server.server_port).post(MESSAGE)
            except DatapumpError as error:
                logging.getLogger("test").exception("%s", error.message)
    assert caplog.records
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("environment", "channel", "expected"),
    [
        ("production", None, "updates"),
        ("staging", None, "staging"),
        ("dev", None, None),
        ("embedded", None, None),
        ("embedded", "data-updates", "updates"),
        ("embedded", "unknown", None),
    ],
)
def test_each_environment_has_its_channel(environment, channel, expected):
    hosts = {"data-updates": "updates", "data-updates-staging": "staging"}
    settings = Settings(
        _env_file=None,
        environment=environment,
        slack_channel=channel,
        slack_webhooks={name: f"http://127.0.0.1:1/{host}" for name, host in hosts.items()},
        webhook_hosts=[],
    )
    hooks = Webhooks.of(settings)
    assert (hooks._channel and hooks._channel.get_secret_value().rsplit("/", 1)[-1]) == expected
