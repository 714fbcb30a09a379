"""How Lambda fails: before a handler runs, or after it has done its work."""

from __future__ import annotations


class LambdaError(Exception):
    """What Lambda itself answers instead of a handler: `Sandbox.Timedout`, `Lambda.TooManyRequestsException`..."""

    def __init__(self, name):
        super().__init__(f"{name} on purpose")
        self.name = name


class Fault:
    """Breaks some calls of a function.

    Args:
        function: Which.
        when: `before` it is called, or `after`: it has done its work and its answer is lost.
        error: Name of the error.
        times: How often.
        only: Asked with the event whether it is meant.
    """

    def __init__(self, function, when, error="Sandbox.Timedout", times=1, only=lambda _: True):
        self._when = when
        self._function = function
        self._error = error
        self._times = times
        self._only = only

    def matches(self, name, event):
        if name != self._function or self._times == 0 or not self._only(event):
            return False
        self._times -= 1
        return True

    def strike(self, when):
        if when == self._when:
            raise LambdaError(self._error)
