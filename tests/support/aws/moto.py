"""Moto for the whole process: what its accounts share, because to make it anew takes longer than to use it."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import ClassVar
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.server import ThreadedMotoServer
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.parse import asl_parser

from tests.support.dynamodb import atomic_moto

CONFIG = {"lambda": {"use_docker": False}, "stepfunctions": {"execute_state_machine": True}}


class Session(boto3.Session):
    """One for all, and each client once: moto's interpreter asks for a new one for each of its calls."""

    _one = None

    def __new__(cls, *_args, **_kwargs):
        cls._one = cls._one or super().__new__(cls)
        return cls._one

    def __init__(self, *args, **kwargs):
        if "_made" not in vars(self):
            super().__init__(*args, **kwargs)
            self._made = {}
            self._making = threading.Lock()

    def client(self, service_name, *, config=None, **where):
        key = (service_name, str(vars(config)) if config else None, *sorted(where.items()))
        with self._making:
            if key not in self._made:
                self._made[key] = super().client(service_name, config=config, **where)
            return self._made[key]


class KnownTrees(ASLParser):
    """Reads each definition once: the interpreter does it for every run."""

    trees: ClassVar[dict] = {}

    def state_machine(self):
        text = self.getInputStream().tokenSource.inputStream.strdata
        if text not in self.trees:
            self.trees[text] = super().state_machine()
        return self.trees[text]


@lru_cache
def s3_address():
    """Where S3 answers over HTTP, as moto's servers do; it is there to the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@contextmanager
def empty_account():
    """An AWS account without anything in it."""
    with ExitStack() as stack:
        stack.enter_context(mock_aws(config=CONFIG))
        stack.enter_context(atomic_moto())
        stack.enter_context(patch("boto3.Session", Session))
        stack.enter_context(patch.object(asl_parser, "ASLParser", KnownTrees))
        yield
