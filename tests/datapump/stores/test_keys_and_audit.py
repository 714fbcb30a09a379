"""Callers' keys and the audit: the contract of every store of them."""

from __future__ import annotations

from datetime import timedelta

from datapump.audit import AuditRecord
from datapump.keys import ApiKey, Scope, digest


def key(caller, clock, **changes):
    return ApiKey(digest=digest(caller), caller=caller, scope=Scope.OPERATE, created=clock.now(), **changes)


def test_keys_are_found_until_they_are_revoked(stores, clock):
    ada, bob = key("ada", clock), key("bob", clock)
    for one in (ada, bob):
        stores.keys.add(one)
    assert stores.keys.find(ada.digest) == ada
    assert stores.keys.find("0" * 64) is None
    revoked = ada.model_copy(update={"revoked": clock.now() + timedelta(days=1)})
    stores.keys.add(revoked)
    assert stores.keys.find(ada.digest) is None
    assert sorted(stores.keys.list(), key=lambda one: one.caller) == [revoked, bob]


def record(number, caller, clock):
    return AuditRecord(
        at=clock.now(),
        request_id="the same",
        caller=caller,
        key_id="k",
        scope=Scope.ADMIN,
        method="POST",
        path=f"/{number}",
        status=202,
    )


def test_the_audit_is_listed_newest_first_by_caller_and_page(stores, clock):
    for number in range(6):
        stores.audit.add(record(number, "ada" if number % 2 else "bob", clock))
        # Two records a second.
        clock.advance(number % 2)
    assert [one.path for one in stores.audit.list().items] == [f"/{number}" for number in (5, 4, 3, 2, 1, 0)]
    for caller, expected in (("ada", ["/5", "/3", "/1"]), (None, ["/5", "/4", "/3", "/2", "/1", "/0"])):
        page = stores.audit.list(caller=caller, limit=2)
        found = [one.path for one in page.items]
        while page.next is not None:
            page = stores.audit.list(caller=caller, limit=2, after=page.next)
            found += [one.path for one in page.items]
        assert found == expected
    assert stores.audit.list(caller="eve").items == []
