"""The documentation as one file: dbt's page with manifest and catalog in it, as `dbt docs generate --static`, but safe to open.

dbt writes both into a script as they are, and its page shows what a search finds as HTML. So markup in a text of
the project (a description in a pull request) would run as a script of whoever reads the documentation.
"""

import json
import re
import secrets
import sys
from pathlib import Path

from segmentation.errors import UserError
from segmentation.home import PROJECT

# code of dbt's page that shows what a search found as HTML (in Markdown the page shows HTML as it is written), and what stands in its place
HIGHLIGHT, AS_WRITTEN = "n.highlight=function(t){", 'n.highlight=function(t){t=t&&t.replace(/</g,"&lt;");'
# whatever else the page may do with a text: no script but its own, nothing loaded from elsewhere, nothing sent.
# Its own templates are compiled by eval, and have styles in them.
POLICY = ("default-src 'none'; script-src 'nonce-{nonce}' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
          "base-uri 'none'; form-action 'none'")


def static_page(page: str, manifest: str, catalog: str) -> str:
    """dbt's page (index.html) with the JSON of manifest and catalog in it. Raises UserError when another dbt has another page."""
    nonce = secrets.token_urlsafe(16)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(nonce=nonce)}">'
    changes = {
        '<meta charset="utf-8">': '<meta charset="utf-8">' + policy,
        "<script defer": f'<script nonce="{nonce}" defer',
        HIGHLIGHT: AS_WRITTEN,
        # "<" stands in texts of JSON only; written so, it ends no script
        '"MANIFEST.JSON INLINE DATA"': manifest.replace("<", r"\u003c"),
        '"CATALOG.JSON INLINE DATA"': catalog.replace("<", r"\u003c"),
    }
    if any(page.count(old) != 1 for old in changes):
        raise UserError("The page of this version of dbt is another than the one that segmentation/docs_page.py makes safe.")
    # at one go: what one puts in is no place for the next
    return re.sub("|".join(map(re.escape, changes)), lambda match: changes[match[0]], page)


def with_playbooks(manifest: str) -> str:
    """The manifest (JSON) with each segment's playbook at the end of its model's description, in Markdown.

    dbt's page shows what stands in a model's `meta` as one line of JSON, which nobody reads.
    """
    parsed = json.loads(manifest)
    for node in parsed["nodes"].values():
        playbook = ((node.get("config") or {}).get("meta") or {}).get("segment", {}).get("playbook")
        if playbook:
            node["description"] = "\n".join([
                node.get("description", "").rstrip(), "", "### Playbook", "", playbook["strategy"], "",
                *(f"- {idea}" for idea in playbook["campaign_ideas"]), "",
                f"Channels: {', '.join(playbook['channels'])}. Source: {playbook['source']}."])
    return json.dumps(parsed)


def main() -> None:
    """Write target/static_index.html from what `dbt docs generate` has left in target/."""
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    target = PROJECT / "target"
    page, manifest, catalog = (
        path.read_text(encoding="utf-8") for path in (Path(DOCS_INDEX_FILE_PATH), target / "manifest.json", target / "catalog.json"))
    (target / "static_index.html").write_text(static_page(page, with_playbooks(manifest), catalog), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except (OSError, UserError) as error:
        sys.exit(f"segmentation: {error}")
