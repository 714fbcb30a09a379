"""The console's pages, how to tell that one is there, and markup planted in all that the API says."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, quote, unquote, urlencode

TABLE = "results/geostore__viirs__daily_alerts/v1"
# Of each page: its address, and what is there once all of it is.
PAGES = {
    "overview": ("", "h2:has-text('The last 30 nights') ~ .chart svg"),
    "executions": ("executions", "table"),
    "execution": ("executions/{failed}", "h2:has-text('What happened')"),
    "raster": ("executions/{raster}", "details[open] td:has-text('default_cog')"),
    "plan": ("executions/{plan}", "section[aria-label=Plan] table"),
    "results": ("results", "table"),
    "result": (TABLE, "p:has-text('Each point is a fire')"),
    "sync configs": ("sync-configs", "caption:not(:has-text('so far'))"),
    "sync config": ("sync-configs/{config}", "h2:has-text('Who changed what')"),
    "command": ("command", "button:has-text('Plan it')"),
    "version_update": ("command?command=version_update", "button:has-text('Plan it')"),
    "analysis": ("command?command=analysis", "button:has-text('Plan it')"),
    "catalog": ("catalog", "h3:has-text('How they are made')"),
    "backfills": ("backfills", "summary:has-text('New backfill')"),
    "backfill": ("backfills/{backfill}", "caption"),
}
MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"
# What the console decides by, and the API itself chooses from a closed list; and what is no text.
CHOSEN = {"status", "type", "next", "pattern", "$ref", "format", "const", "discriminator", "required", "mapping"}
# Names of maps that a caller chooses.
OPEN = {"labels", "links"}


def planted(value, name=""):
    """A document of the API with markup behind every text, and in every name that a caller may choose."""
    if isinstance(value, dict):
        return {
            f"{key}{MARKUP}" if name in OPEN else key: inner if key in CHOSEN else planted(inner, key)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [planted(inner, name) for inner in value]
    return f"{value}{MARKUP}" if isinstance(value, str) else value


def unplanted(url):
    """The address that was meant."""
    path, mark, search = url.partition("?")
    meant = [(name, value.replace(MARKUP, "")) for name, value in parse_qsl(search)]
    return quote(unquote(path).replace(MARKUP, ""), safe=":/%") + mark + urlencode(meant)


def plant(page, origin):
    """Let a page be answered with markup in all that the API says, but the contract's own names."""

    def answer(route):
        url = unplanted(route.request.url)
        response = route.fetch(url=url)
        text = response.text()
        if "json" not in response.headers.get("content-type", "") or not response.ok:
            route.fulfill(response=response)
            return
        document = json.loads(text)
        change = described if url.endswith("/openapi.json") else planted
        route.fulfill(response=response, body=json.dumps(change(document)))

    page.route(lambda url: url.startswith(origin) and "/console" not in url, answer)


def described(contract):
    """The contract, its descriptions and choices planted."""
    if isinstance(contract, dict):
        return {
            key: f"{inner}{MARKUP}"
            if key in {"description", "title"} and isinstance(inner, str)
            else [f"{one}{MARKUP}" for one in inner]
            if key == "enum"
            else described(inner)
            for key, inner in contract.items()
        }
    return [described(inner) for inner in contract] if isinstance(contract, list) else contract
