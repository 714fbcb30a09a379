import pytest

from datapump.keys import Scope


def get(client, *authorization):
    return client.get("/executions", headers=[("Authorization", value) for value in authorization])


def test_a_key_opens_the_api(world, nobody):
    assert get(nobody, "Bearer dp_read-secret").status_code == 200
    assert get(nobody, "bearer  dp_read-secret").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "dp_read-secret",
        "Basic dp_read-secret",
        "Bearer dp_wrong",
        "Bearer dp_read-secret x",
        "Bearer DP_READ-SECRET",
        "Bearer " + "x" * 10_000,
        "Bearer \xff".encode("latin-1"),
    ],
)
def test_anything_but_a_known_key_is_refused(nobody, header):
    response = get(nobody, header)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer ")
    assert "dp_" not in response.text


def test_two_keys_are_refused(nobody):
    assert get(nobody, "Bearer dp_read-secret", "Bearer dp_admin-secret").status_code == 401


def test_a_revoked_key_is_refused(world, nobody):
    secret = world.add_key("gone", Scope.ADMIN, revoked=world.services.clock.now())
    assert get(nobody, f"Bearer {secret}").status_code == 401


def test_the_digest_of_a_key_is_not_a_key(world, nobody):
    assert get(nobody, f"Bearer {world.services.keys.list()[0].digest}").status_code == 401


def test_a_missing_scope_is_named(reader):
    response = reader.post("/commands", json={})
    assert response.status_code == 403
    assert response.headers["www-authenticate"] == (
        'Bearer realm="datapump", error="insufficient_scope", scope="operate"'
    )


def test_an_admin_may_do_all_that_the_lesser_scopes_may(world):
    with world.client("admin") as admin:
        assert admin.get("/executions").status_code == 200
        command = {"command": "set_latest", "parameters": {"analysis_version": "v1"}}
        assert admin.post("/commands", json=command).status_code == 202
