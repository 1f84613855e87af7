"""A base whose tokenizer writes `▁` for a space and `<0x0A>` for a byte: every phrase of a page can be quoted."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from server.engine import PageTokens
from server.engine.local.quoting import PageIndex, QuoteGuard
from server.engine.local.vocabulary import Vocabulary

TEXTS = [
    "The clerk keeps the record of every boat.", "La clé est à la réception, près du café.",
    'He wrote "the record" twice.',
]  # fmt: skip


def write_tokenizer(folder: Path) -> Tokenizer:
    single = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>", "<s>", "</s>", *single], show_progress=False)
    tokenizer.train_from_iterator(TEXTS * 50, trainer)
    parts = json.loads(tokenizer.to_str())
    parts["added_tokens"] = [added for added in parts["added_tokens"] if not added["content"].startswith("<0x")]
    parts["pre_tokenizer"] = None
    parts["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    }
    parts["decoder"] = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(parts), encoding="utf-8")
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, Vocabulary]:
    folder = tmp_path_factory.mktemp("sentencepiece")
    return write_tokenizer(folder), Vocabulary.load(folder)


def index_of(tokenizer: Tokenizer, vocabulary: Vocabulary) -> PageIndex:
    ids, spans = list[int](), dict[int, tuple[int, int]]()
    for number, text in enumerate(TEXTS[:2], start=1):
        marker, body = (tokenizer.encode(part).ids for part in (f"[{number}]", f" {text}\n"))
        spans[number] = (len(ids) + len(marker), len(ids) + len(marker) + len(body) - 1)
        ids += marker + body
    return PageIndex.build(PageTokens(tuple(ids), spans), vocabulary)


def test_each_token_has_its_own_bytes(tokenizer: tuple[Tokenizer, Vocabulary]) -> None:
    known, vocabulary = tokenizer
    spelled = known.get_vocab()

    assert vocabulary.bytes_of[spelled["<0x0A>"]] == b"\n"
    assert vocabulary.bytes_of[spelled["é"]] == "é".encode()
    assert vocabulary.bytes_of[spelled["▁"]] == b" "
    assert vocabulary.ids_of[b"e"] == spelled["e"]  # the piece, not the byte


@pytest.mark.parametrize("phrase", ["The clerk keeps the record", "clerk keeps", "réception, près du café.", "La clé"])
def test_a_phrase_of_the_page_can_be_quoted_token_by_token(
    tokenizer: tuple[Tokenizer, Vocabulary], phrase: str
) -> None:
    known, vocabulary = tokenizer
    guard = QuoteGuard(index_of(known, vocabulary), vocabulary)
    guard.accept(known.get_vocab()['"'])
    first, _, rest = phrase.partition(" ")
    (opening,) = vocabulary.encode_words([first.rstrip(",.")])
    behind = known.encode(phrase).ids[len(known.encode(first.rstrip(",.")).ids) :]

    for token in [*opening, *behind]:
        allowed = guard.allowed()
        assert allowed is not None
        assert token in allowed, (vocabulary.bytes_of[token], phrase)
        guard.accept(token)

    assert rest or guard.allowed() is not None


def test_a_guarded_quotation_is_longer_than_a_word(tokenizer: tuple[Tokenizer, Vocabulary]) -> None:
    known, vocabulary = tokenizer
    guard = QuoteGuard(index_of(known, vocabulary), vocabulary)
    guard.accept(known.get_vocab()['"'])
    said = b""
    for _ in range(40):
        allowed = guard.allowed()
        if allowed is None:
            break
        token = max(allowed, key=lambda one: (b'"' not in vocabulary.bytes_of[one], len(vocabulary.bytes_of[one])))
        said += vocabulary.bytes_of[token]
        guard.accept(token)

    text = said.decode().partition('"')[0]
    assert any(text in page for page in TEXTS[:2])
    assert len(text.split()) > 3
