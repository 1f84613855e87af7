"""Recipes: strict, never touching the base, and chosen by the base's size."""

import json
from pathlib import Path

import pytest

from server.errors import BaseError, DataError
from training.recipe import RECIPES, Recipe, default_recipe, parameters, parse_recipe, read_recipe

SMOLLM2_135M = {
    "hidden_size": 576, "num_hidden_layers": 30, "vocab_size": 49_152, "num_attention_heads": 9,
    "num_key_value_heads": 3, "head_dim": 64, "intermediate_size": 1_536, "tie_word_embeddings": True,
}  # fmt: skip
QWEN3_06B = {
    "hidden_size": 1_024, "num_hidden_layers": 28, "vocab_size": 151_936, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3_072, "tie_word_embeddings": True,
}  # fmt: skip


def base_of(folder: Path, config: object) -> Path:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return folder


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.toml")), ids=lambda file: file.stem)
def test_every_recipe_that_ships_is_valid(file: Path) -> None:
    assert read_recipe(file).rank <= 64


@pytest.mark.parametrize(
    "values",
    [
        {"init_lora_weights": "pissa"}, {"init": "OLoRA"}, {"pissa": True}, {"use_dora": True},
        {"layer_replication": [[0, 2]]}, {"packing": True}, {"modules_to_save": ["lm_head"]},
    ],
    ids=str,
)  # fmt: skip
def test_what_would_touch_the_base_is_refused_with_a_sentence(values: dict[str, object]) -> None:
    with pytest.raises(DataError, match="is refused, because") as caught:
        parse_recipe(values)
    assert caught.value.code == "data_recipe"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"ranks": 8}, "ranks"),
        ({"rank": 65}, "rank"),
        ({"rank": "8"}, "rank"),
        ({"lr": float("nan")}, "lr"),
        ({"targets": []}, "targets"),
    ],
)
def test_unknown_keys_and_values_out_of_range_are_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(DataError, match=named):
        parse_recipe(values)


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("rank =")
    with pytest.raises(DataError, match=r"broken\.toml is not TOML"):
        read_recipe(file)
    with pytest.raises(DataError, match="There is no recipe"):
        read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize(("config", "millions", "name"), [(SMOLLM2_135M, 134.5, "small"), (QWEN3_06B, 596.0, "large")])
def test_the_recipe_goes_by_the_size_of_the_base(
    config: dict[str, object], millions: float, name: str, tmp_path: Path
) -> None:
    base = base_of(tmp_path, config)
    assert parameters(base) / 1e6 == pytest.approx(millions, rel=1e-3)
    assert default_recipe(base) == RECIPES / f"{name}.toml"


@pytest.mark.parametrize(
    "config", ["", "[]", {}, SMOLLM2_135M | {"hidden_size": -1}, SMOLLM2_135M | {"head_dim": "64"}]
)
def test_a_base_that_does_not_say_its_size_is_refused(config: object, tmp_path: Path) -> None:
    with pytest.raises(BaseError) as caught:
        default_recipe(base_of(tmp_path, config))
    assert caught.value.code == "base_unreadable"


def test_records_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().rank = 3  # type: ignore[misc]
