"""One HTML file from a template, its script and the plotting library; nothing in it is loaded or runs but these."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

from coterie._validation import require_extra


def render_page(name: str, **context: Any) -> str:
    """Render ``assets/<name>.html.j2`` with ``assets/<name>.js``; every value is escaped."""
    jinja2 = require_extra("jinja2", "cli")
    plotly_offline = require_extra("plotly.offline", "cli")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coterie.report", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "allow_nan": False}
    assets = resources.files("coterie.report") / "assets"
    # Parsing HTML turns CR LF into LF, and the hash below is of what the browser sees.
    scripts = [
        plotly_offline.get_plotlyjs().replace("\r\n", "\n"),
        (assets / f"{name}.js").read_text(encoding="utf-8"),
    ]
    style = (assets / "report.css").read_text(encoding="utf-8")
    html: str = environment.get_template(f"{name}.html.j2").render(
        **context,
        style=jinja2.utils.markupsafe.Markup(style),
        scripts=[jinja2.utils.markupsafe.Markup(script) for script in scripts],
        script_hashes=[_content_hash(script) for script in scripts],
    )
    return html


def _content_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
