"""Settings refuse what is outside their choices and bounds, and say what is allowed."""

from __future__ import annotations

import dataclasses
import math

import pytest

from tfrs_bench.errors import UserError
from tfrs_bench.options import check_options, did_you_mean, option, told


@dataclasses.dataclass(frozen=True)
class Settings:
    rate: float = option(0.5, "A share.", low=0, high=1)
    epochs: int | None = option(None, "How many.", low=1)
    split: str = option("per_user", "Which.", choices=("per_user", "global"))
    ks: tuple[int, ...] = option((5, 10), "List lengths.", low=1)
    free: str = "not an option"


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(rate=0), Settings(rate=1), Settings(epochs=1), Settings(ks=())]
)
def test_defaults_bounds_and_none_are_allowed(settings: Settings) -> None:
    check_options(settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(rate=1.5), "--rate=1.5 is outside its range: it must be at least 0 and at most 1."),
        (Settings(rate=math.nan), "--rate=nan is outside its range: it must be at least 0 and at most 1."),
        (Settings(epochs=0), "--epochs=0 is outside its range: it must be at least 1."),
        (Settings(ks=(5, 0)), "--ks=0 is outside its range: it must be at least 1."),
        (Settings(split="x"), "--split=x is not known. Known: per_user, global."),
    ],
)
def test_refusal_names_flag_value_and_what_is_allowed(settings: Settings, message: str) -> None:
    with pytest.raises(UserError) as caught:
        check_options(settings)
    assert str(caught.value) == message


def test_option_carries_its_description() -> None:
    (field, *_) = dataclasses.fields(Settings)
    assert field.default == 0.5
    assert field.metadata["help"] == "A share."
    assert (field.metadata["low"], field.metadata["high"], field.metadata["choices"]) == (0, 1, None)


@pytest.mark.parametrize(
    ("word", "answer"),
    [("two_towr", " Did you mean two_tower? Known: als, two_tower."), ("zzz", " Known: als, two_tower.")],
)
def test_did_you_mean(word: str, answer: str) -> None:
    assert did_you_mean(word, ["als", "two_tower"]) == answer


def test_a_silent_setting_is_told_only_where_it_was_changed() -> None:
    @dataclasses.dataclass(frozen=True)
    class Settings:
        old: int = option(1, "There from the start.")
        new: float = option(0.0, "Added later.", silent=True)

    assert told(Settings()) == {"old": 1}
    assert told(Settings(new=0.5)) == {"old": 1, "new": 0.5}
