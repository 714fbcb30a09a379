"""What things are called in the account of the tests."""

from __future__ import annotations

REGION = "us-east-1"
ACCOUNT = "123456789012"
STAGE = "production"


def function_arn(name):
    """One of the four functions."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:datapump-{STAGE}-{name}"
