"""Which addresses are the same page."""

import pytest

from server.conversation.threads.address import normalised


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("https://a.example/x#part", "https://a.example/x"),
        ("HTTPS://A.example:443/x", "https://a.example/x"),
        ("http://a.example:8080", "http://a.example:8080/"),
        ("https://a.example/x?utm_source=mail&id=7&fbclid=z", "https://a.example/x?id=7"),
        ("https://a.example/x?gclid=1", "https://a.example/x"),
        ("https://a.example/x?q=a+b&r=%C3%BC", "https://a.example/x?q=a+b&r=%C3%BC"),
        ("https://user:secret@a.example/", "https://a.example/"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("file:///home/me/lease.html#x", "file:///home/me/lease.html"),
        ("lease.md", "lease.md"),
        ("https://a.example:port/#x", "https://a.example:port/"),
        ("", ""),
    ],
)  # fmt: skip
def test_an_address_has_one_form(address: str, same: str) -> None:
    assert normalised(address) == same
    assert normalised(same) == same
