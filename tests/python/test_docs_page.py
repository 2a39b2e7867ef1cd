"""The documentation as one file: a text of the project is never a script in it."""

import json
import re
from pathlib import Path

import pytest
from conftest import Built
from dbt.task.docs import DOCS_INDEX_FILE_PATH

from segmentation.docs_page import static_page, with_playbooks
from segmentation.errors import UserError
from segmentation.home import PROJECT

MARKUP = '</script><script>alert(1)</script><img src=x onerror="alert(2)"> [here](javascript:alert(3)) "CATALOG.JSON INLINE DATA"'
PAGE = Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")


def test_markup_in_a_description_is_no_script_in_the_documentation():
    """No text ends the page's script; the policy lets no other one run; what a search finds is escaped before it is shown as HTML."""
    manifest, catalog = json.dumps({"description": MARKUP}), json.dumps({"comment": MARKUP})
    page = static_page(PAGE, manifest, catalog)
    assert page.lower().count("</script>") == PAGE.lower().count("</script>") and "<img src=x" not in page
    assert [json.loads(text) for text in re.findall(r"n=\{manifest:(\{.*?\}),catalog:(\{.*?\})\},r=\{project", page)[0]] == [
        json.loads(manifest), json.loads(catalog)]
    policy, nonce = re.search(r"<meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"(.*? 'nonce-(.*?)' .*?)\">", page).groups()
    assert policy.startswith("default-src 'none'; script-src 'nonce-") and f'<script nonce="{nonce}" defer' in page
    assert nonce not in static_page(PAGE, manifest, catalog)
    assert re.search(r'highlight=function\(t\)\{t=t&&t\.replace\(/</g,"&lt;"\)', page)


def test_make_docs_makes_this_page():
    """Not the one of dbt."""
    recipe = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert "-m segmentation.docs_page" in recipe and "--static" not in recipe


def test_another_page_of_dbt_is_refused():
    """A new version of dbt may show texts in another way: better no page than one that nobody looked at."""
    with pytest.raises(UserError, match="page of this version of dbt is another"):
        static_page(PAGE.replace("n.highlight=", "q.highlight="), "{}", "{}")


def test_the_page_of_a_segment_shows_its_playbook():
    """Below its description; what has no playbook stays as it was."""
    playbook = {"strategy": "Keep them close.", "channels": ["email", "sms"], "campaign_ideas": ["A letter.", "A gift."], "source": "R2"}
    other = {"description": "One row per order.", "config": {"meta": {"grain": ["order_key"]}}}
    nodes = {"vip": {"description": "One row per customer.\n", "config": {"meta": {"segment": {"playbook": playbook}}}}, "orders": other,
             "none": {"config": {"meta": {"segment": {}}}}}
    shown = json.loads(with_playbooks(json.dumps({"nodes": nodes})))["nodes"]
    assert shown["vip"]["description"] == (
        "One row per customer.\n\n### Playbook\n\nKeep them close.\n\n- A letter.\n- A gift.\n\nChannels: email, sms. Source: R2.")
    assert (shown["orders"], shown["none"]) == (other, nodes["none"])


def test_every_playbook_is_a_row_for_analysts(demo: Built):
    """segments.segment_playbooks says what the specs say, of each segment."""
    told = {row[0]: row[1:] for row in demo.rows("select segment_id, strategy, playbook_channels, campaign_ideas, playbook_source from segments.segment_playbooks")}
    specs = [json.loads(spec) for (spec,) in demo.rows("select spec_json from segments.segment_registry where effective_to is null")]
    assert told == {spec["segment_id"]: (
        spec["playbook"]["strategy"], ";".join(spec["playbook"]["channels"]), "\n".join(spec["playbook"]["campaign_ideas"]), spec["playbook"]["source"])
        for spec in specs}
