import logging


def test_a_service_whose_checks_pass_is_ok(world, nobody):
    world.checks["store"] = lambda: None
    response = nobody.get("/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": {"store": "ok"}}


def test_a_failing_check_degrades_and_its_reason_is_only_logged(world, nobody, caplog):
    world.checks.update(store=lambda: None, feed=lambda: "token swordfish was refused")
    response = nobody.get("/health")
    assert response.status_code == 503
    assert response.json() == {"status": "degraded", "checks": {"store": "ok", "feed": "failed"}}
    assert "swordfish" in caplog.text


def test_a_check_that_raises_has_failed(world, nobody, caplog):
    def broken():
        raise OSError("disk on fire")

    world.checks["disk"] = broken
    with caplog.at_level(logging.WARNING):
        response = nobody.get("/health")
    assert response.status_code == 503
    assert response.json()["checks"] == {"disk": "failed"}
    assert "disk on fire" in caplog.text
