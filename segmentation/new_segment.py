"""Scaffolds a segment: rule, spec, a line in the union, golden rows. The gate refuses it until a person has filled it in."""

import re
from pathlib import Path

from segmentation.errors import UserError
from segmentation.home import PROJECT

SEGMENTS = Path("models/segments")
UNION = SEGMENTS / "segment_candidates.sql"
GOLDEN = Path("tests/golden")
LINE = re.compile(r"^    \('(\w+)', ref\('seg_\w+'\)\),?$", re.MULTILINE)

SQL = """with features as (
    select * from {{ ref('customer_features') }}
),

versions as (
    {{ spec_versions() }}
),

members as (
    select
        features.as_of,
        features.customer_key,
        versions.spec_version,
        features.last_order_at as last_activity_at
    from features
    inner join versions
        on {{ is_in_interval('features.as_of', 'versions.effective_from', 'versions.effective_to') }}
    where features.order_count >= versions.min_order_count
)

select * from members
"""

SPEC = """models:
  - name: seg_NAME
    description: >
      One row per customer (customer_key) and evaluation (as_of) matching the rule of NAME. Permission is not checked here;
      `segment_members` admits.
    config:
      meta:
        grain: [as_of, customer_key]
        segment:
          segment_id: NAME
          name:  # for people, at most 80 characters
          description_plain:  # who is in it, and what we do with it, for the person concerned
          status: active
          priority:  # a whole number of its own; the lowest of a person's memberships is primary
          trigger: [purchase]
          persistence: persistent
          rule_kind: rule
          # every column that the SQL reads, by where it comes from
          data_inputs:
            - dataset: orders
              columns: [order_count, last_order_at]
              data_category: user.behavior.purchase_history
              source_system: own_shop
              source_kind: order
          identifiers: [customer_id, email_hmac, phone_hmac]
          identity_policy: {allow_match_class: [deterministic], requires_consent_purpose: null, min_score: null}
          # a decision about this one segment. legitimate_interests: with lia_ref; consent: with consent_purposes and, in each
          # version, min_notice_version, needed as soon as the SQL reads browsing or e-mail features
          lawful_basis:
          lia_ref:
          eprivacy_basis:
          purpose:
          privacy_impact:
          # until_erasure_request needs review_every and next_review_on, every other trigger a duration like P30D
          retention:
            trigger:
            duration:
            reset_on_activity: false
            plain_text:
            review_every:
            next_review_on:
          on_consent_loss: [remove_flag, stop_sends, delete_features]
          opt_out_path: {url: /privacy/choices, channels: [web, email], as_easy_as_opt_in: true}
          owner:
          metrics: [size, exposure, checkout_lift, aov, opt_out_rate]
          playbook:
            strategy:
            channels:
            campaign_ideas:
            source:
          versions:
            - number: 1
              effective_from:  # in quotes, after the evaluations on record; the newest may be evaluated again: "2026-03-02 00:00:00"
              parameters: {min_order_count: null}
              author:
              requested_by:
              approver:  # somebody other than the author
              reason:
              change_ref:
    columns:
      - name: as_of
        description: "{{ doc('as_of') }}"
        data_type: timestamp
      - name: customer_key
        description: "{{ doc('customer_key') }}"
        data_type: string
      - name: spec_version
        description: "{{ doc('spec_version') }}"
        data_type: integer
      - name: last_activity_at
        description: "{{ doc('last_activity_at') }}"
        data_type: timestamp
"""

# a row per case: its name, an instant, whether the rule matches, and the features that it reads (empty is null)
GOLDEN_ROWS = "name,as_of,is_member,order_count\n"


def new_segment(name: str, project: Path = PROJECT) -> list[Path]:
    """Write the files of a new segment and list it in the union; returns the paths, relative to the project.

    Raises UserError for a name that is none or taken, and for a union that does not look as it should.
    """
    if not re.fullmatch("[a-z][a-z0-9_]{0,58}", name):
        raise UserError(f"A segment's name is small letters, digits and _, begins with a letter and has at most 59 characters, not {name!r}.")
    folder = project / SEGMENTS / name
    if folder.exists():
        raise UserError(f"The segment {name} exists already: {SEGMENTS / name}.")
    union = (project / UNION).read_text(encoding="utf-8")
    listed = LINE.findall(union)
    if not listed:
        raise UserError(f"{UNION} has no list of segments; put it back first.")
    lines = ",\n".join(f"    ('{segment}', ref('seg_{segment}'))" for segment in sorted({*listed, name}))
    places = list(LINE.finditer(union))
    files = {
        SEGMENTS / name / f"seg_{name}.sql": SQL,
        SEGMENTS / name / f"seg_{name}.yml": SPEC.replace("NAME", name),
        GOLDEN / f"{name}.csv": GOLDEN_ROWS,
        UNION: union[:places[0].start()] + lines + union[places[-1].end():],
    }
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
    return list(files)
