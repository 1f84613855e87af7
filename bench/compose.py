"""Puts a run together: which contenders, on which base, with which measures. Called by __main__ alone.

All contenders of a base stand ready at the same time and take turns.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import machine, measures, models
from bench.cases import Contender
from bench.figures import Results
from bench.measures import CONVERSATION, DECODE, PANEL, QUOTES, compare
from bench.peers import llama_files, llama_peer, ours, peft_peer
from bench.plan import Options, Setup
from bench.scenes import exact, many, swaps
from server.engine.local.base.loader import preferred_dtype

PAGE_CURVE, ROW_CURVE, ADAPTER_CURVE = (250, 500, 1000, 2000, 3000), (1, 2, 4, 8), (10, 100, 1000, 10_000)
QUICK_ADAPTERS = (10, 100)


def roof(results: Results, options: Options) -> None:
    for kind, values in machine.memory_roof(rounds=options.rounds, device=options.device).items():
        results.add(
            ("machine", "memory", f"{kind} of 512 MB"), values, unit="GB/s", contender="torch", better="neither"
        )


async def measure_base(results: Results, setup: Setup) -> None:
    """Everything that `what` names, on one base."""
    options, base = setup.options, setup.base
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(ours.serving(base, setup.cases, setup.settings, device=options.device))
        dtype = preferred_dtype(options.device)
        model = peft_peer.load(base, setup.folders[: measures.ROWS], dtype=dtype, device=options.device)
        peers = model, setup.cases, setup.folders
        plain, mixed, kept = (
            peft_peer.Peft(*peers, device=options.device),
            peft_peer.PeftMixed(*peers, device=options.device),
            peft_peer.PeftKept(*peers, device=options.device),
        )
        if options.what in ("engine", "peers", "all"):
            slots, by_hand = await _llamas(stack, results, setup) if options.what != "engine" else ([], [])
            await _speed(results, setup, server, plain, mixed, kept, slots, by_hand)
        if options.what in ("adapters", "all") and not setup.large:
            held = swaps.folder_bytes(setup.folders)
            await swaps.measure(
                results, server, kept, setup.cases, model=base.name, rounds=options.rounds, adapter_bytes=held
            )
    del model, peers, plain, mixed, kept  # fp32 copies come next
    await _without_servers(results, setup)


async def _speed(
    results: Results,
    setup: Setup,
    server: ours.Ours,
    plain: peft_peer.Peft,
    mixed: peft_peer.PeftMixed,
    kept: peft_peer.PeftKept,
    slots: Sequence[Contender],
    by_hand: Sequence[Contender],
) -> None:
    """Peers that can only lose a measure slowly are left out of it on a large base."""
    cases, sizes, name, rounds = setup.cases, setup.sizes, setup.base.name, setup.options.rounds
    alone = [] if setup.large else [plain]

    await compare(
        results, CONVERSATION, [server, plain, kept, *slots, *by_hand], cases, sizes, model=name, rounds=rounds
    )
    await compare(
        results,
        DECODE,
        [server, *alone, mixed, *slots],
        cases,
        sizes,
        model=name,
        rounds=rounds,
        warm_up=not setup.large,
    )
    measures.add_share_of_memory(results, setup.base)
    await compare(
        results,
        PANEL,
        [server, *alone, mixed, *slots, *by_hand],
        cases,
        sizes,
        model=name,
        rounds=rounds,
        warm_up=not setup.large,
    )
    if models.committed_copilots(setup.settings, setup.base):
        async with ours.serving(setup.base, cases, setup.settings, stops=True, device=setup.options.device) as stopping:
            await compare(results, QUOTES, [stopping, kept, *by_hand], cases, sizes, model=name, rounds=rounds)
    if setup.options.what == "all" and not setup.large:
        await _curves(results, setup, [server, plain, *by_hand], [server, mixed, *slots])


async def _curves(results: Results, setup: Setup, readers: Sequence[Contender], writers: Sequence[Contender]) -> None:
    name, rounds = setup.base.name, setup.options.rounds
    reading = replace(CONVERSATION, table="page length in tokens")
    for tokens in PAGE_CURVE:
        sizes = replace(setup.sizes, page=tokens)
        await compare(
            results, reading, readers, setup.cases, sizes, model=name, rounds=rounds, warm_up=False, at=tokens
        )
    for rows in ROW_CURVE:
        await compare(
            results,
            measures.rows_measure(rows),
            writers,
            setup.cases,
            setup.sizes,
            model=name,
            rounds=rounds,
            warm_up=False,
            at=rows,
        )


async def _without_servers(results: Results, setup: Setup) -> None:
    """What needs the machine's memory for itself: exactness in fp32, the peer's memory, thousands of adapters."""
    options, base, cases = setup.options, setup.base, setup.cases
    folders = setup.folders[: measures.ROWS]
    home = llama_files.installed()
    if options.what in ("engine", "peers", "all"):
        await _exact(results, setup, folders, home if options.what != "engine" else None)
    if options.what not in ("adapters", "all") or setup.large:
        return
    if home is not None:
        files = llama_files.prepare(home, base, folders, weights=options.peer_weights[0])
        await swaps.llama_memory(results, files, cases, model=base.name, threads=options.threads)
    for count in QUICK_ADAPTERS if options.quick else ADAPTER_CURVE:
        await many.measure(
            results, base, setup.folders[0], setup.settings, count=count, rounds=options.rounds, device=options.device
        )


async def _exact(results: Results, setup: Setup, folders: Sequence[Path], home: Path | None) -> None:
    import torch

    cases, options = setup.cases, setup.options
    async with contextlib.AsyncExitStack() as stack:
        mine = await stack.enter_async_context(
            exact.engine(setup.base, cases, folders, setup.settings, device=options.device)
        )
        model = peft_peer.load(setup.base, folders, dtype=torch.float32, device=options.device)
        oracle = peft_peer.Peft(model, cases, folders, device=options.device)
        contenders: list[Contender] = [mine, peft_peer.PeftMixed(model, cases, folders, device=options.device)]
        if home is not None and not setup.large:
            files = llama_files.prepare(home, setup.base, folders, weights="f32")
            contenders += [
                await stack.enter_async_context(
                    llama_peer.running(
                        llama_peer.Llama,
                        files,
                        cases,
                        threads=options.threads,
                        context_tokens=1024,
                        device=options.device,
                    )
                )
            ]
        await exact.compare(
            results,
            oracle,
            contenders,
            cases,
            model=setup.base.name,
            page=200 if setup.large else 500,
            tokens=12 if setup.large else 24,
        )


async def _llamas(
    stack: contextlib.AsyncExitStack, results: Results, setup: Setup
) -> tuple[list[Contender], list[Contender]]:
    """Its natural use and its use by hand, for each type of weights; none, with a note, when it was not built."""
    home = llama_files.installed()
    if home is None:
        results.note("llama.cpp was left out: it is not built. `sh bench/peers.sh` builds it (about five minutes).")
        return [], []
    found: tuple[list[Contender], list[Contender]] = ([], [])
    context = setup.sizes.page + 1024 if setup.large else 4096
    for weights in setup.options.peer_weights:
        files = llama_files.prepare(home, setup.base, setup.folders[: measures.ROWS], weights=weights)
        for kind, group in zip((llama_peer.Llama, llama_peer.LlamaOneSlot), found, strict=True):
            group.append(
                await stack.enter_async_context(
                    llama_peer.running(
                        kind,
                        files,
                        setup.cases,
                        threads=setup.options.threads,
                        context_tokens=context,
                        device=setup.options.device,
                    )
                )
            )
    return found
