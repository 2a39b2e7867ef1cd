"""A request for erasure as a file: JSON in the shape of OpenDSR 2.0, checked field by field.

Source of the shape: github.com/opengdpr/OpenDSR, specification v2. The file is read once; neither it nor its text is kept.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from segmentation.errors import UserError

LARGEST = 65_536  # bytes; a request names one person
MOST_IDENTITIES = 50
LONGEST_VALUE = 1_000
IDENTITY_TYPES = {
    "controller_customer_id": "customer_id", "customer_id": "customer_id", "email": "email", "phone": "phone", "phone_number": "phone",
    "device_id": "anonymous_id", "anonymous_id": "anonymous_id",
}
REQUIRED = ("subject_request_id", "subject_identities", "submitted_time")
KNOWN = (*REQUIRED, "regulation", "subject_request_type", "api_version", "status_callback_urls", "property_id", "extensions")


@dataclass(frozen=True)
class Request:
    """Who asks, when and under which law. Identities are (identifier_type, value as given)."""

    request_id: str
    regulation: str
    requested_at: datetime
    identities: tuple[tuple[str, str], ...]


def read_request(path: Path, now: datetime) -> Request:
    """The request in a file. `now` is the present instant (UTC): no request comes from the future.

    Raises UserError with one sentence naming the file and the field.
    """
    content = _read(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold one JSON object, a request in the shape of OpenDSR.")
    for name in content:
        if name not in KNOWN:
            raise UserError(f"{path}: field {name[:60]!r} is none of a request; known are {', '.join(KNOWN)}.")
    for name in REQUIRED:
        if name not in content:
            raise UserError(f"{path}: field {name} is missing.")
    if content.get("subject_request_type", "erasure") != "erasure":
        raise UserError(f"{path}: field subject_request_type must be \"erasure\"; other requests are not for this command.")
    request_id = _text(path, content, "subject_request_id")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", request_id):
        raise UserError(f"{path}: field subject_request_id must be an id of letters, digits and . _ - (OpenDSR: a UUID).")
    regulation = _text(path, content, "regulation") if "regulation" in content else "gdpr"
    if not re.fullmatch("[a-z][a-z0-9_]{0,30}", regulation):
        raise UserError(f"{path}: field regulation must be a word like gdpr or ccpa.")
    requested_at = _instant(path, _text(path, content, "submitted_time"))
    if requested_at > now + timedelta(minutes=5):
        raise UserError(f"{path}: field submitted_time lies in the future.")
    return Request(request_id, regulation, requested_at, _identities(path, content["subject_identities"]))


def _read(path: Path):
    try:
        if not path.is_file():
            raise UserError(f"{path}: there is no such file.")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > LARGEST:
        raise UserError(f"{path}: is larger than {LARGEST // 1024} KB; a request names one person.")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8.") from None
    except RecursionError:
        raise UserError(f"{path}: is nested too deeply for a request.") from None
    except ValueError as error:
        raise UserError(f"{path}: is not JSON ({str(error).splitlines()[0][:120]}).") from None


def _once(pairs: list[tuple]) -> dict:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"field {name[:60]!r} stands there twice")
    return dict(pairs)


def _no_constant(name: str):
    raise ValueError(f"{name} is no value of JSON")


def _text(path: Path, content: dict, name: str) -> str:
    if not isinstance(content[name], str):
        raise UserError(f"{path}: field {name} must be a text in quotes.")
    return content[name]


def _instant(path: Path, text: str) -> datetime:
    wanted = f"{path}: field submitted_time must be an instant with its offset, like 2026-03-03T10:15:00Z (RFC 3339)."
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})", text):
        raise UserError(wanted)
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise UserError(wanted) from None
    if moment.year < 2000:
        raise UserError(f"{path}: field submitted_time names the year {moment.year}.")
    return moment


def _identities(path: Path, given) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_IDENTITIES:
        raise UserError(f"{path}: field subject_identities must be a list of 1 to {MOST_IDENTITIES} identities.")
    found = []
    for number, identity in enumerate(given, start=1):
        place = f"{path}: identity {number}"
        if not isinstance(identity, dict) or not all(isinstance(value, str) for value in identity.values()):
            raise UserError(f"{place}: must be an object with identity_type, identity_value and identity_format, all texts.")
        for name in identity:
            if name not in ("identity_type", "identity_value", "identity_format"):
                raise UserError(f"{place}: field {name[:60]!r} is none of an identity.")
        kind, value = identity.get("identity_type"), identity.get("identity_value", "")
        if kind not in IDENTITY_TYPES:
            raise UserError(f"{place}: identity_type must be one of {', '.join(IDENTITY_TYPES)}.")
        if identity.get("identity_format", "raw") != "raw":
            raise UserError(f"{place}: identity_format must be raw; from a hash nobody can be found here.")
        if not value.strip() or len(value) > LONGEST_VALUE or "\0" in value:
            raise UserError(f"{place}: identity_value must be a text of 1 to {LONGEST_VALUE} characters.")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UserError(f"{place}: identity_value is not Unicode text.") from None
        found.append((IDENTITY_TYPES[kind], value))
    return tuple(dict.fromkeys(found))
