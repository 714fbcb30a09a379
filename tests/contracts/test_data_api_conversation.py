"""The embedded Data API answers a conversation recorded from the real service, step by step, as that did.

Compared are status, `Location`, `Cache-Control`, media type, and the body with the order of its keys. Times and ids
differ by nature; beyond that no difference is accepted. Of the states that work goes through, the recorded poller
saw some: those must come in our sequence, and ours may hold no other transition than the documented ones.
"""

import json
import re
import shutil
from itertools import pairwise

import httpx
import pytest

from datapump.clock import SystemClock
from datapump.embedded.data_api.app import create_data_api
from datapump.embedded.data_api.settings import DataApiSettings
from datapump.objects import Objects
from tests.datapump.embedded.data_api.serving import ADMIN, TOKENS, Steps, free_port, serving

BUCKET = "gfw-pipelines-test"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Version and asset status, one after another: each pair that the service documents.
TRANSITIONS = {
    (("pending", "pending"), ("pending", "saved")),
    (("pending", "saved"), ("saved", "saved")),
    (("pending", "pending"), ("pending", "failed")),
    (("pending", "failed"), ("failed", "failed")),
    (("saved", "pending"), ("saved", "saved")),
    (("saved", "pending"), ("saved", "failed")),
    (("saved", "failed"), ("failed", "failed")),
}


@pytest.fixture
def steps():
    return Steps("registering", "reading", "loaded", "refused", "finished", "failed")


@pytest.fixture
def client(real_data, steps, tmp_path):
    sources = tmp_path / "objects" / "s3" / BUCKET / "rec"
    shutil.copytree(real_data / "rec", sources)
    with free_port() as (listening, url):
        settings = DataApiSettings(folder=tmp_path / "api", public_url=url, tokens=TOKENS)
        app = create_data_api(settings, Objects(tmp_path / "objects"), SystemClock(), steps)
        with serving(app, listening), httpx.Client(base_url=url, timeout=30) as client:
            yield client
            steps.open()


class Replay:
    """Asks what was asked and compares the answers."""

    def __init__(self, client, steps):
        self.client = client
        self.steps = steps
        self.ids = {}

    def ask(self, request):
        path = UUID.sub(lambda found: self.ids.get(found[0], found[0]), request["path"])
        headers = ADMIN if request["auth"] == "admin" else {}
        if request["auth"] not in (None, "admin"):
            headers = {"Authorization": request["auth"]}
        body = {} if request["body"] is None else {"json": request["body"]}
        return self.client.request(request["method"], path, params=request["query"], headers=headers, **body)

    def check(self, step):
        answer, recorded = self.ask(step["request"]), step["response"]
        media_type = answer.headers.get("content-type", "").split(";")[0]
        body = answer.json() if media_type == "application/json" else answer.text
        ours = [
            answer.status_code,
            answer.headers.get("location"),
            answer.headers.get("cache-control"),
            media_type,
            self.told(body),
        ]
        theirs = [
            recorded["status"],
            recorded["location"],
            recorded["cache_control"],
            recorded["content_type"],
            self.told(recorded["body"], body),
        ]
        # as text, so that the order of keys counts too
        assert json.dumps(ours) == json.dumps(theirs), step["step"]

    def told(self, body, ours=None):
        """The body without what differs by nature; recorded ids are learnt from the place they stand in."""
        if isinstance(body, dict):
            return {
                key: self.told(value, ours.get(key) if isinstance(ours, dict) else None) for key, value in body.items()
            }
        if isinstance(body, list):
            others = ours if isinstance(ours, list) and len(ours) == len(body) else [None] * len(body)
            return [self.told(value, other) for value, other in zip(body, others, strict=True)]
        if not isinstance(body, str):
            return body
        if TIME.fullmatch(body):
            return "{time}"
        if UUID.fullmatch(body):
            if ours is not None:
                assert self.ids.setdefault(body, ours) == ours
            return "{id}"
        return body.replace(str(self.client.base_url).rstrip("/"), "{api}")

    def state(self, path):
        version = self.client.get(path).json()["data"]["status"]
        assets = self.client.get(f"{path}/assets").json()["data"]
        return [version, [[asset["asset_type"], asset["status"]] for asset in assets]]

    def states(self, path):
        """Every state that the work goes through, one after another."""
        seen = []
        at = self.steps.arrive("reading")
        while at is not None:
            state = self.state(path)
            if state not in seen[-1:]:
                seen.append(state)
            self.steps.go(at)
            creating = seen[0][0] == "pending"
            following = {
                "reading": ["loaded", "refused"],
                "loaded": ["finished"] if creating else [],
                "refused": ["failed"],
            }
            at = self.steps.arrive(*following[at]) if following.get(at) else None
        return seen


def is_subsequence(few, many):
    rest = iter(many)
    return all(one in rest for one in few)


def test_replaying_the_recorded_conversation_gives_the_same_answers(client, steps, real_data):
    lines = (real_data / "data_api_conversation.jsonl").read_text(encoding="utf-8").splitlines()
    conversation = [json.loads(line) for line in lines]
    assert len(conversation) == 80
    make_the_other_datasets_of_that_day(client)
    replay = Replay(client, steps)
    for step in conversation:
        if "poll" in step:
            path = step["poll"].split()[0]
            states = replay.states(path)
            assert is_subsequence(step["states_seen"], states), (
                step["step"],
                states,
                client.get(f"{path}/change_log").text,
            )
            pairs = [(version, assets[0][1]) for version, assets in states]
            assert set(pairwise(pairs)) <= TRANSITIONS, (step["step"], states)
            continue
        replay.check(step)
        if step["response"]["status"] == 202:
            # the asset appears a moment after the answer; the recorded poller came after that moment
            assert client.get(step["request"]["path"] + "/assets").json()["data"] == []
            steps.arrive("registering")
            steps.go("registering")
            steps.arrive("reading")


def make_the_other_datasets_of_that_day(client):
    """The service had 20 other datasets, `foo-bar` the first; the name breaks it, but its row stays."""
    for name in ["foo-bar", *(f"other_{number:02}" for number in range(19))]:
        client.put(f"/dataset/{name}", headers=ADMIN, json={"metadata": {}})
