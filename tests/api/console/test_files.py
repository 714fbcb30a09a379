"""The console's own files: where they are, how large they are, and what a browser may do with them."""

from __future__ import annotations

import gzip
import re

import pytest

from api.console import HEADERS, PAGES, POLICY
from api.console.build import BUNDLE, build
from datapump.charts import names, specification

FILES = sorted(path for path in PAGES.rglob("*") if path.is_file() and path != BUNDLE)
FIRST_VIEW_BYTES = 60_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PAGES)))
def test_every_file_is_served_to_anybody_under_the_strict_policy(nobody, path):
    response = nobody.get(f"/console/{path.relative_to(PAGES)}")
    assert response.status_code == 200
    assert response.content == path.read_bytes()
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_is_at_the_address_with_a_slash_and_the_other_leads_there(nobody):
    response = nobody.get("/console", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (308, "/console/")
    assert "<!doctype html>" in nobody.get("/console/").text


def test_the_policy_allows_no_inline_code_no_evaluation_and_no_other_host():
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_the_page_holds_no_inline_script_style_or_handler():
    text = (PAGES / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)


def test_nothing_is_ever_put_into_the_page_as_markup():
    for path in PAGES.rglob("*.js"):
        if path != BUNDLE:
            forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
            assert not re.search(forbidden, path.read_text()), path


def test_no_file_names_another_host():
    for path in FILES:
        addresses = set(re.findall(r"https?://[^\s\"'`]+", path.read_text())) - {
            "https://vega.github.io/schema/vega-lite/v6.json"
        }
        assert not addresses, path


def test_the_first_view_is_small_without_the_charts_bundle():
    total = sum(len(gzip.compress(path.read_bytes())) for path in FILES)
    assert total < FIRST_VIEW_BYTES


def test_texts_are_sent_compressed_to_who_takes_that(nobody):
    response = nobody.get("/console/style.css", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"


def test_a_file_that_has_not_changed_is_not_sent_again(nobody):
    tag = nobody.get("/console/style.css").headers["etag"]
    assert nobody.get("/console/style.css", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("path", ["nothing.js", "../app.py", "..%2fapp.py", "js/../../build.py", "%2e%2e/__init__.py"])
def test_nothing_else_is_served(nobody, path):
    response = nobody.get(f"/console/{path}")
    assert response.status_code == 404
    assert "import" not in response.text


def test_setting_up_writes_the_bundle_that_draws_the_charts():
    build()
    assert "vegaEmbed" in BUNDLE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names())
def test_every_chart_is_served_as_the_command_line_draws_it(nobody, name):
    response = nobody.get(f"/console/specs/{name}.json")
    assert response.json() == specification(name)
    assert {header: response.headers[header] for header in HEADERS} == HEADERS
