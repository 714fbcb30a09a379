"""What is generated for the console at set-up: Vega's own bundle, out of the wheel that carries it.

python -m api.console.build
"""

from __future__ import annotations

from api.console import PAGES

BUNDLE = PAGES / "vega.js"


def build() -> None:
    """Write the bundle that draws the charts."""
    import vl_convert  # noqa: PLC0415 - set-up has it, a server does not need it

    text = vl_convert.javascript_bundle(None)  # type: ignore[arg-type] # None stands for the whole bundle
    if not BUNDLE.exists() or BUNDLE.read_text(encoding="utf-8") != text:
        BUNDLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    build()
