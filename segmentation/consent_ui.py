"""What each segment does, in plain words, for the shop's preference centre."""

import json

from segmentation.home import Home
from segmentation.publish import read_relation

LISTS = ("consent_purposes", "data_categories", "recipients", "opt_out_channels")


def as_json(home: Home) -> str:
    """The table segments.consent_ui of the published copy as JSON: {"segments": [{column: value}]}, sorted by segment.

    Active segments only and nothing about persons. Raises UserError when there is no build to read.
    """
    columns, found = read_relation(home, "segments.consent_ui", ["segment_id"])
    rows = [dict(zip(columns, row)) for row in found]
    for row in rows:
        row.update({name: row[name].split(";") if row[name] else [] for name in LISTS})
    return json.dumps({"segments": rows}, ensure_ascii=False, indent=2) + "\n"
