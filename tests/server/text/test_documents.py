"""Files that `retinue ask` reads."""

import io
import sys
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from server.errors import RetinueError
from server.text.documents import read_document


def write(folder: Path, name: str, content: str | bytes) -> str:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


def pdf(text: str) -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
         NameObject("/BaseFont"): NameObject("/Helvetica")}
    )  # fmt: skip
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): writer._add_object(font)})}
    )
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_markdown_has_a_title_and_blocks(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, "a.md", "# Lease\r\n\r\nOne\nline.\r\n\r\n\r\nTwo."))

    assert (document.title, document.blocks) == ("Lease", ["One\nline.", "Two."])


def test_plain_text_is_named_after_its_file(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, "a.txt", "One.\n\nTwo."))

    assert (document.title, document.blocks) == ("a.txt", ["One.", "Two."])


def test_html_gives_its_text_without_scripts(tmp_path: Path) -> None:
    body = "".join(
        f"<p>Paragraph {n} says enough to be taken for a real paragraph of an article.</p>" for n in range(5)
    )
    content = (
        f"<html><head><title>Lease</title></head><body><article>{body}</article><script>evil()</script></body></html>"
    )
    document = read_document(write(tmp_path, "a.html", content))

    assert document.title == "Lease"
    assert sum("Paragraph" in block for block in document.blocks) == 5
    assert not any("evil" in block for block in document.blocks)


def test_a_tiny_html_page_is_read_too(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, "a.html", "<p>Two <b>years</b>.</p><script>evil()</script><p>Yes.</p>"))

    assert [block.strip() for block in document.blocks] == ["Two years.", "Yes."]


def test_a_pdf_is_read(tmp_path: Path) -> None:
    assert read_document(write(tmp_path, "a.pdf", pdf("Two years."))).blocks == ["Two years."]


@pytest.mark.parametrize("content", ["One.\n\nTwo.", "<html><body><p>One.</p><p>Two.</p></body></html>"])
def test_standard_input_is_recognised(monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))

    assert [block.strip() for block in read_document("-").blocks] == ["One.", "Two."]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.txt", "", "page_empty"),
        ("blank.md", " \n\n ", "page_empty"),
        ("empty.html", "<html></html>", "page_empty"),
        ("empty.pdf", pdf(""), "page_empty"),
        ("broken.pdf", b"%PDF-1.7 broken", "page_unreadable"),
    ],
)
def test_a_file_without_text_is_refused(tmp_path: Path, name: str, content: str | bytes, code: str) -> None:
    with pytest.raises(RetinueError) as refusal:
        read_document(write(tmp_path, name, content))

    assert refusal.value.code == code


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "none", "page_missing"), (tmp_path, "page_unreadable")):
        with pytest.raises(RetinueError) as refusal:
            read_document(str(path))
        assert refusal.value.code == code


@pytest.mark.parametrize(("extra", "fits"), [(-1, True), (0, True), (1, False)])
def test_a_file_has_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: int, fits: bool) -> None:
    monkeypatch.setattr("server.text.documents._BYTES_MAX", 100)
    file = write(tmp_path, "a.txt", "x" * (100 + extra))

    if fits:
        assert read_document(file).blocks
    else:
        with pytest.raises(RetinueError) as refusal:
            read_document(file)
        assert refusal.value.code == "page_too_long"
