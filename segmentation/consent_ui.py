"""What each segment does, in plain words, for the shop's preference centre."""

import json

import duckdb

from segmentation.errors import UserError
from segmentation.home import Home, connect_read_only
from segmentation.publish import DATABASE

LISTS = ("consent_purposes", "data_categories", "recipients", "opt_out_channels")


def as_json(home: Home) -> str:
    """The table segments.consent_ui of the published copy as JSON: {"segments": [{column: value}]}, sorted by segment.

    Active segments only and nothing about persons. Raises UserError when there is no build to read.
    """
    copy = home.published / DATABASE
    source = copy if copy.exists() else home.warehouse
    if not source.exists():
        raise UserError(f"{home.folder}: there is no build to read; run `segmentation build` first.")
    with connect_read_only(source, None) as connection:
        try:
            cursor = connection.execute("select * from warehouse.segments.consent_ui order by segment_id")
        except duckdb.CatalogException as error:
            raise UserError(f"{source} was built by an older version: build again.") from error
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row)) for row in cursor.fetchall()]
    for row in rows:
        row.update({name: row[name].split(";") if row[name] else [] for name in LISTS})
    return json.dumps({"segments": rows}, ensure_ascii=False, indent=2) + "\n"
