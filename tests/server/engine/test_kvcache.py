import sys

import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from server.engine.local.forward.tails import KvShape, Tail, TailPool
from server.engine.local.kvcache import BASE_KIND, MAPPED_BYTES_MIN, SegmentTree, kept_copy


def tail_for(ids: list[int]) -> Tail:
    """KV whose only value is the token id, so that a wrong match shows."""
    tail = TailPool(KvShape(2, 1, 4, torch.float32, torch.device("cpu"))).take(max(1, len(ids)))
    with torch.inference_mode():
        for at, token in enumerate(ids):
            tail.keys[:, :, at] = tail.values[:, :, at] = float(token)
    tail.length = len(ids)
    return tail


def insert(tree: SegmentTree, ids: list[int], kind: str = BASE_KIND) -> None:
    segment, matched = tree.match(kind, ids)
    if matched < len(ids):
        tree.add(kind, segment, ids[matched:], tail_for(ids[matched:]))


def read_back(tree: SegmentTree, ids: list[int], kind: str = BASE_KIND) -> list[int]:
    segment, _ = tree.match(kind, ids)
    return [] if segment is None else [int(v) for s in segment.path() for v in s.keys[0, 0, :, 0]]


def test_a_prefix_is_found_to_the_token() -> None:
    tree = SegmentTree(10**9)
    insert(tree, [1, 2, 3, 4])

    _, matched = tree.match(BASE_KIND, [1, 2, 3, 9])

    assert matched == 3
    assert read_back(tree, [1, 2, 3, 4, 5]) == [1, 2, 3, 4]


def test_kv_of_one_kind_is_never_found_under_another() -> None:
    tree = SegmentTree(10**9)
    insert(tree, [1, 2, 3], "digest-a")

    assert tree.match(BASE_KIND, [1, 2, 3]) == (None, 0)
    assert tree.match("digest-b", [1, 2, 3]) == (None, 0)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=1, max_size=12))
def test_every_inserted_sequence_reads_back_its_own_tokens(sequences: list[list[int]]) -> None:
    tree = SegmentTree(10**9)
    for ids in sequences:
        insert(tree, ids)

    assert all(read_back(tree, ids) == ids for ids in sequences)


def test_eviction_drops_the_least_recently_used_and_never_a_leased_segment() -> None:
    one = tail_for([1, 2, 3, 4])
    tree = SegmentTree(2 * 4 * (one.keys[:, :, 0].nbytes + one.values[:, :, 0].nbytes))
    insert(tree, [1, 1, 1, 1])
    leased, _ = tree.match(BASE_KIND, [1, 1, 1, 1])
    assert leased is not None
    tree.lease(leased)
    insert(tree, [2, 2, 2, 2])
    insert(tree, [3, 3, 3, 3])

    assert tree.match(BASE_KIND, [1, 1, 1, 1])[1] == 4
    assert tree.match(BASE_KIND, [2, 2, 2, 2])[1] == 0
    assert tree.match(BASE_KIND, [3, 3, 3, 3])[1] == 4


def test_a_lease_on_a_segment_that_is_split_later_holds_both_halves() -> None:
    tree = SegmentTree(10**9)
    insert(tree, [1, 2, 3, 4])
    leased, _ = tree.match(BASE_KIND, [1, 2, 3, 4])
    assert leased is not None
    tree.lease(leased)
    tree.match(BASE_KIND, [1, 2])
    tree.bytes_max = 0

    tree.evict()

    assert [token for segment in leased.path() for token in segment.ids] == [1, 2, 3, 4]
    tree.release(leased)
    tree.evict()
    assert tree.bytes == 0


def test_releasing_twice_is_an_error() -> None:
    tree = SegmentTree(10**9)
    insert(tree, [1])
    segment, _ = tree.match(BASE_KIND, [1])
    assert segment is not None

    with pytest.raises(ValueError, match="more often"):
        tree.release(segment)


def held_bytes(tree: SegmentTree) -> int:
    """Of the memory behind all segments, each piece once."""
    tensors = [tensor for segment in tree.segments() for tensor in (segment.keys, segment.values)]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=12),
    st.integers(min_value=2, max_value=20),
)
def test_what_is_evicted_gives_its_memory_back_also_when_it_was_split(sequences: list[list[int]], tokens: int) -> None:
    measured = SegmentTree(10**9)
    insert(measured, [1])
    tree = SegmentTree(tokens * measured.bytes)
    for ids in sequences:
        insert(tree, ids)

        assert held_bytes(tree) == tree.bytes


@pytest.mark.parametrize("tokens", [4, 4_096])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_kept_is_a_whole_copy_whatever_its_size(tokens: int, dtype: torch.dtype) -> None:
    slab = torch.randn(2, 3, 8_192, 64).to(dtype)
    taken = slab[:, :, 7 : 7 + tokens]
    copy = kept_copy(taken)

    assert torch.equal(copy, taken)
    assert copy.is_contiguous() and copy.untyped_storage().nbytes() == taken.nbytes
    assert (taken.nbytes >= MAPPED_BYTES_MIN) == (tokens == 4_096)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_no_longer_kept_leaves_no_hole_in_the_heap() -> None:
    def resident() -> int:
        return int(psutil.Process().memory_info().rss)

    row = torch.ones(2, 3, 20_000, 64)
    before, kept = resident(), [kept_copy(row[:, :, : 9_000 + n]) for n in range(10)]
    small = [torch.ones(100) for _ in range(1_000)]
    assert resident() - before > 100_000_000
    del kept

    assert resident() - before < 20_000_000
    assert len(small) == 1_000
