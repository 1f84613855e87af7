"""The address of a page as threads belong to it: without fragment, tracking parameters and credentials. Pure.

Called by record and store.
"""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"utm_\w+|[fg]clid|fbclid|gclsrc|dclid|[gw]braid|msclkid|mc_[ce]id|igshid|yclid|_hs(enc|mi)|t[wt]clid|srsltid"
)
_PORTS = {"http": 80, "https": 443}


def normalised(address: str) -> str:
    """The same for every way to the same page. An address that cannot be read comes back without its fragment."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return address.strip().partition("#")[0]
    if parts.scheme not in _PORTS or not parts.hostname:
        return urlunsplit(parts._replace(fragment=""))
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path or "/", _wanted(parts.query), ""))


def _wanted(query: str) -> str:
    """The query as it stands where nothing in it tracks."""
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if not _TRACKING.fullmatch(name.lower())]
    return query if len(kept) == len(pairs) else urlencode(kept)
