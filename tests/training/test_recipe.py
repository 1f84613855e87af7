from pathlib import Path

import pytest

from server.errors import DataError
from training.recipe import RECIPES, Recipe, default_recipe, parse_recipe, read_recipe


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


def test_the_embedded_family_has_its_own_recipe_and_records_are_frozen() -> None:
    assert default_recipe("retinue-30m").stem == "embedded"
    assert default_recipe("Qwen3-0.6B").stem == "hub"
    with pytest.raises(ValueError, match="frozen"):
        Recipe().rank = 3  # type: ignore[misc]
