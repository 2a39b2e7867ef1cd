"""The input contract: tables of a shop and their columns, required ones first (models/staging/generic reads them)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of the contract. Columns are names; what types they hold is staging's business."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns in the contract's order."""
        return self.required + self.optional


def _table(required: str, optional: str = "") -> Table:
    return Table(tuple(required.split()), tuple(optional.split()))


CONTRACT = {
    "orders": _table(
        "order_id ordered_at gross_amount",
        "customer_id email phone currency discount_amount status coupon_code channel device_type country region recorded_at",
    ),
    "order_lines": _table(
        "order_id line_number product_id quantity unit_price", "discount_amount recorded_at"
    ),
    "refunds": _table("refund_id order_id refunded_at amount", "recorded_at"),
    "products": _table("product_id", "product_category product_name"),
    "customers": _table(
        "customer_id", "email phone created_at country region birth_date gender recorded_at"
    ),
    "events": _table(
        "event_id occurred_at event_type",
        "customer_id anonymous_id session_id product_id product_category device_type channel campaign_id amount "
        "segment_id experiment_id variant consent_version recorded_at",
    ),
    "consents": _table(
        "consent_event_id purpose status effective_at",
        "customer_id anonymous_id email phone consent_version jurisdiction event_type source request_id recorded_at",
    ),
    "notices": _table(
        "consent_version text_sha256 published_at", "language purposes material_change invalidated_at"
    ),
    "identity_links": _table(
        "link_id left_type left_id right_type right_id match_class effective_at",
        "match_rule score consent_event_id valid_to recorded_at",
    ),
    "exchange_rates": _table("currency rate_date rate", "recorded_at"),
    "scheduled_sends": _table(
        "send_id channel scheduled_at", "customer_id email campaign_id segment_id recorded_at"
    ),
}

REQUIRED_TABLES = ("orders",)
