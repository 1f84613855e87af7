"""Groups read from a GGUF file, against what transformers reads from it; files that lie are refused."""

import random
import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from transformers import LlamaForCausalLM

from server.engine.fingerprint import GGUF
from server.engine.local.base.gguf_file import read_header
from server.engine.local.base.loader import load_base
from server.engine.local.forward.groups import StoredGroups
from server.engine.local.forward.runner import Runner
from server.engine.local.forward.weights import INT4_ROWS_MAX
from server.engine.local.scheduler import Work
from server.errors import BaseError
from tests import tiny

from .published import make_published, widened, write_gguf
from .test_decoder import logits_in_steps, row_of

IDS = random.Random(0).sample(range(3, tiny.VOCABULARY), 16)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base whose weights were published in 4-bit groups, its embedding in 8-bit ones."""
    return make_published(tmp_path_factory.mktemp("bases") / "published")


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy"))


def token_by_token(runner: Runner) -> torch.Tensor:
    """Logits after the last of IDS."""
    return logits_in_steps(runner, row_of(runner, IDS), [1] * len(IDS)).float()


def opened(folder: Path) -> StoredGroups:
    stored = StoredGroups.open(folder, load_base(folder).model.config)
    assert stored is not None
    return stored


def test_every_matrix_is_read_as_transformers_reads_it(published: Path) -> None:
    base, stored = load_base(published, dtype=torch.float32), opened(published)
    exact = widened(published, torch.float32)

    for name in [*base.linears, "lm_head"]:
        weight = exact.get_submodule(name).weight
        groups = stored.read((name,), weight)
        assert groups is not None
        assert int(groups.codes.min()) >= 0 and int(groups.codes.max()) <= 15
        assert torch.allclose(groups.values(), weight, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_logits_of_groups_are_those_of_the_widened_weights(published: Path, dtype: torch.dtype) -> None:
    base, exactly = load_base(published, dtype=dtype), Runner(load_base(published, dtype=torch.float32))
    exact = token_by_token(exactly)

    narrow = token_by_token(Runner(base, mode="int4", stored=opened(published)))
    rounded = token_by_token(Runner(base, mode="int4"))

    assert (narrow - exact).norm() < 0.02 * exact.norm()
    assert (rounded - exact).norm() > 0.04 * exact.norm()


def test_a_few_rows_are_answered_by_groups_and_more_by_the_wide_weights(published: Path) -> None:
    base = load_base(published)
    narrow, wide = Runner(base, mode="int4", stored=opened(published)), Runner(base)

    def logits(runner: Runner, count: int) -> torch.Tensor:
        row = row_of(runner, IDS[:1])
        return runner.step([Work(row, 1, draft=tuple(IDS[1:count]))])[0]

    assert not torch.equal(logits(narrow, INT4_ROWS_MAX), logits(wide, INT4_ROWS_MAX))
    assert torch.equal(logits(narrow, INT4_ROWS_MAX + 1), logits(wide, INT4_ROWS_MAX + 1))
    narrow.answer_narrow(False)
    assert torch.equal(logits(narrow, INT4_ROWS_MAX), logits(wide, INT4_ROWS_MAX))


def test_a_matrix_stored_in_another_way_stays_wide(tmp_path: Path) -> None:
    kinds = {
        "blk.1.ffn_down.weight": Kind.Q5_0, "blk.0.attn_output.weight": Kind.Q4_0, "blk.0.attn_q.weight": Kind.Q8_0
    }  # fmt: skip
    folder = make_published(tmp_path / "mixed", kinds=kinds)
    base, stored = load_base(folder, dtype=torch.float32), opened(folder)
    layers = base.model.model.layers
    q_k_v = [getattr(layers[0].self_attn, f"{side}_proj").weight for side in "qkv"]

    assert stored.read(("model.layers.1.mlp.down_proj",), layers[1].mlp.down_proj.weight) is None
    assert stored.read(tuple(f"model.layers.0.self_attn.{s}_proj" for s in "qkv"), torch.cat(q_k_v)) is None
    assert stored.read(("model.layers.0.self_attn.o_proj",), layers[0].self_attn.o_proj.weight) is not None
    exact = token_by_token(Runner(base))
    assert (token_by_token(Runner(base, mode="int4", stored=stored)) - exact).norm() < 0.02 * exact.norm()


def test_a_base_without_a_file_of_groups_has_none(tiny_base: Path, copy: Path) -> None:
    assert StoredGroups.open(tiny_base, load_base(tiny_base).model.config) is None

    data = (copy / GGUF).read_bytes()
    (copy / GGUF).write_bytes(data.replace(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0mamba", 1))
    assert StoredGroups.open(copy, load_base(copy).model.config) is None


def test_a_file_of_other_weights_is_refused(copy: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(copy, dtype=torch.float32)
    model.model.layers[1].mlp.up_proj.weight.data *= 1.1
    write_gguf(copy / GGUF, model)

    with pytest.raises(BaseError, match="other weights than the base"):
        Runner(load_base(copy), mode="int4", stored=opened(copy))


def test_rows_in_the_order_of_another_architecture_are_refused(copy: Path) -> None:
    data = (copy / GGUF).read_bytes()
    (copy / GGUF).write_bytes(data.replace(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0qwen2", 1))

    with pytest.raises(BaseError, match="q_proj"):
        Runner(load_base(copy), mode="int4", stored=opened(copy))


def test_a_scale_that_is_no_number_is_refused(copy: Path) -> None:
    tensor = read_header(copy / GGUF).tensors["blk.0.ffn_up.weight"]
    data = bytearray((copy / GGUF).read_bytes())
    last_row = tensor.offset + (tensor.shape[0] - 1) * tensor.shape[1] // 32 * 20  # no row that is compared
    data[last_row : last_row + 2] = np.float16("nan").tobytes()
    (copy / GGUF).write_bytes(data)

    with pytest.raises(BaseError, match="other weights"):
        Runner(load_base(copy), mode="int4", stored=opened(copy))


def test_a_file_that_ends_too_early_is_refused(copy: Path) -> None:
    data = (copy / GGUF).read_bytes()
    (copy / GGUF).write_bytes(data[: len(data) // 2])

    with pytest.raises(BaseError, match="another size") as refused:
        Runner(load_base(copy), mode="int4", stored=opened(copy))
    assert refused.value.code == "base_unreadable"


def test_the_header_is_read_as_the_gguf_package_reads_it(published: Path) -> None:
    header = read_header(published / GGUF)

    theirs = gguf.GGUFReader(published / GGUF).tensors
    assert header.architecture == "llama"
    assert set(header.tensors) == {tensor.name for tensor in theirs}
    for tensor in theirs:
        ours = header.tensors[tensor.name]
        assert (ours.offset, ours.kind) == (tensor.data_offset, int(tensor.tensor_type))
        assert ours.shape == tuple(map(int, tensor.shape[::-1]))


COUNT = slice(8, 16)
FIELDS = slice(16, 24)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (slice(0, 4), b"GGML"),
        (slice(4, 8), b"\x01\0\0\0"),
        (COUNT, b"\xff" * 8),
        (COUNT, b"\xff\xff\0\0\0\0\0\0"),
        (FIELDS, b"\xff" * 8),
        (slice(24, 32), b"\xff" * 8),  # the first name's length
        (slice(0, None), b""),
        (slice(20, None), b""),
    ],
)
def test_a_header_that_lies_is_refused(copy: Path, where: slice, what: bytes) -> None:
    data = bytearray((copy / GGUF).read_bytes())
    data[where] = what
    (copy / GGUF).write_bytes(data)

    with pytest.raises(BaseError) as refused:
        read_header(copy / GGUF)
    assert refused.value.code == "base_unreadable"


def test_whatever_bytes_the_header_holds_it_is_read_or_refused(published: Path, tmp_path: Path) -> None:
    whole, chance = (published / GGUF).read_bytes(), random.Random(1)
    end = min(tensor.offset for tensor in read_header(published / GGUF).tensors.values())
    file, refused = tmp_path / GGUF, 0
    for _ in range(400):
        data = bytearray(whole[:end])
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(end)] = chance.choice((0, 1, 9, 127, 255, chance.randrange(256)))
        file.write_bytes(data)
        try:
            read_header(file)
        except BaseError:
            refused += 1

    assert 50 < refused < 400
