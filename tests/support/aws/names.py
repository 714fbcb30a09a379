"""What things are called in the account of the tests."""

from __future__ import annotations

REGION = "us-east-1"
ACCOUNT = "123456789012"
STAGE = "production"
