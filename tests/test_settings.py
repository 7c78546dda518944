"""Flags: every field is one, values become the right types, mistakes become sentences, help is a manual."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import Experiment, Plan
from tfrs_bench.manual import manual
from tfrs_bench.options import options_of
from tfrs_bench.settings import Settings, parse
from tfrs_bench.tuning.shipped import read_flagfile

FLAGFILES = sorted((Path(__file__).parent.parent / "flags").rglob("*.cfg"))
CONFIGS = {name: registry.resolve(registry.MODELS, name, "model").Config for name in registry.MODELS}


def parsed(*flags: str) -> Settings:
    return parse(["main", *flags])


def refused(*flags: str) -> str:
    with pytest.raises(UserError) as caught:
        parsed(*flags)
    return str(caught.value)


def flagfile(folder: Path, *lines: str) -> str:
    path = folder / "some.cfg"
    path.write_text("\n".join(lines) + "\n")
    return f"--flagfile={path}"


def test_no_flags_mean_the_defaults() -> None:
    assert parsed() == Settings(Experiment(), Plan(), {})


def test_values_take_the_types_of_their_fields() -> None:
    settings = parsed(
        "--dataset=ml-1m",
        "--relevance_threshold=3",
        "--ks=1,20",
        "--seed=7",
        "--model=als,two_tower",
        "--baselines=popularity",
        "--learning_rate=1e-2",
        "--hidden=128,64",
        "--epochs=3",
        "--summary=out.json",
    )
    assert settings.experiment == Experiment(
        dataset="movielens/1m", relevance_threshold=3.0, ks=(1, 20), seed=7
    )
    assert settings.plan == Plan(model=("als", "two_tower"), baselines=("popularity",), summary="out.json")
    assert settings.hyper_parameters == {"learning_rate": 0.01, "hidden": (128, 64), "epochs": 3}
    assert isinstance(settings.experiment.relevance_threshold, float)


@pytest.mark.parametrize("flag", ["--mask_seen=false", "--nomask_seen", "--mask_seen=0", "--mask_seen=False"])
def test_truths_can_be_denied_in_every_usual_way(flag: str) -> None:
    assert parsed(flag).experiment.mask_seen is False


@pytest.mark.parametrize("flag", ["--rerun", "--rerun=true", "--rerun=1"])
def test_truths_can_be_affirmed_in_every_usual_way(flag: str) -> None:
    assert parsed(flag).plan.rerun is True


def test_an_empty_list_of_baselines_is_none() -> None:
    assert parsed("--baselines=").plan.baselines == ()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--modl=als"], "--modl is not a flag. Did you mean --model? All flags: "),
        (["--zzzzzzzz"], "--zzzzzzzz is not a flag. All flags: "),
        (["--seed=x"], "--seed=x is not a whole number."),
        (["--seed=1.5"], "--seed=1.5 is not a whole number."),
        (["--relevance_threshold=high"], "--relevance_threshold=high is not a number."),
        (["--relevance_threshold=nan"], "--relevance_threshold=nan is not a number."),
        (["--learning_rate=inf"], "--learning_rate=inf is not a number."),
        (["--learning_rate=-1"], "--learning_rate=-1.0 is outside its range: it must be at least 1e-09."),
        (["--mask_seen=perhaps"], "--mask_seen=perhaps is not true or false."),
        (["--use_user_id=perhaps"], "--use_user_id=perhaps is not true or false."),
        (["--ks=5,x"], "--ks=x is not a whole number."),
        (["--ks=0"], "--ks=0 is outside its range: it must be at least 1 and at most 1000."),
        (["--split=globl"], "--split=globl is not known. Did you mean global?"),
        (["--loss=sofmax"], "--loss=sofmax is not known. Did you mean softmax?"),
        (["--model=two_towr"], "--model=two_towr is not known. Did you mean two_tower?"),
        (["--baselines=asl"], "--baselines=asl is not known. Did you mean als?"),
        (["--model="], "--model is empty. Known: "),
        (["--results_dir="], "--results_dir is empty. Give a value, or leave the flag out."),
        (["--seed= "], "--seed is empty."),
        (["--label=a\0b"], "--label='a\\x00b' is not readable text."),
        (
            ["--interactions=caf\udce9.csv"],
            "--interactions='caf\\udce9.csv' is not readable text. Rename the",
        ),
        (
            ["--dataset=simulated", "--interactions=log.csv"],
            "--dataset=simulated and --interactions=log.csv both say what to read. Leave one of them out.",
        ),
        (["--model"], "Missing value for flag --model."),
        (["--dataset=ml-1mm"], "--dataset=ml-1mm is not known. Did you mean ml-1m?"),
        (["als"], "'als' is not a flag. Flags begin with two dashes: --name=value."),
        (["--mask_seen", "false"], "'false' is not a flag."),
        (["epochs=3"], "'epochs=3' is not a flag. Did you mean --epochs=3?"),
        (["--flagfile=/no/such.cfg"], "--flagfile cannot be read ([Errno 2] No such file"),
        (["--flagfile=/"], "--flagfile cannot be read ([Errno 21] Is a directory"),
    ],
)
def test_a_mistake_is_named_with_its_flag(flags: list[str], message: str) -> None:
    assert refused(*flags).startswith(message)


def test_hyper_parameter_that_no_named_model_has_names_who_has_it() -> None:
    message = refused("--model=als", "--history_heads=3")
    assert message.startswith("--history_heads is a setting of two_tower, and --model=als has none such.")


def test_hyper_parameters_of_baselines_are_refused_unless_the_model_is_named() -> None:
    assert "--factors is a setting of als" in refused("--model=two_tower", "--factors=8")
    assert parsed("--model=als", "--factors=8").config("als").factors == 8


def test_hyper_parameters_never_reach_a_baseline() -> None:
    settings = parsed("--model=two_tower", "--baselines=als", "--batch_size=7")
    assert settings.config("als") == CONFIGS["als"]()
    assert settings.config("two_tower").batch_size == 7
    shared = Settings(Experiment(), Plan(model=("two_tower",)), {"factors": 8})  # as if both had it
    assert shared.config("als") == CONFIGS["als"]()


def test_hyper_parameters_reach_only_the_models_that_have_them() -> None:
    settings = parsed("--model=als,two_tower", "--factors=8", "--dimension=16")
    assert settings.stated("als") == {"factors": 8}
    assert settings.stated("two_tower") == {"dimension": 16}


def test_flags_stand_over_the_settings_that_are_started_from() -> None:
    start = CONFIGS["als"](factors=99, confidence=7.0)
    settings = parsed("--model=als", "--factors=8")
    assert settings.config("als", start) == CONFIGS["als"](factors=8, confidence=7.0)


def test_flagfile_comes_first_and_the_last_value_wins(tmp_path: Path) -> None:
    file = flagfile(tmp_path, "# tuned in May", "", "--epochs=3", "--seed=1", "--seed=2", "--baselines=als")
    settings = parsed(file, "--epochs=5", "--baselines=popularity")
    assert settings.hyper_parameters == {"epochs": 5}
    assert settings.experiment.seed == 2
    assert settings.plan.baselines == ("popularity",)


def test_flagfile_line_without_dashes_is_refused(tmp_path: Path) -> None:
    message = refused(flagfile(tmp_path, "epochs=3"))
    assert message == "'epochs=3' is not a flag. Did you mean --epochs=3?"


@pytest.mark.parametrize("line", ["--epochs=3  # tuned", "--results_dir=here # tuned", "--model=als # mine"])
def test_comment_behind_a_value_is_refused(tmp_path: Path, line: str) -> None:
    assert "comments have lines of their own" in refused(flagfile(tmp_path, line))


def test_flagfile_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.cfg").write_bytes(b"--seed=\xff\xfe")
    assert refused(f"--flagfile={tmp_path / 'some.cfg'}").startswith("--flagfile cannot be read")


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: str(path.relative_to(path.parents[1])))
def test_committed_flagfiles_name_known_flags_and_good_values(path: Path) -> None:
    known = {
        field.name for owner in (Experiment, Plan, *CONFIGS.values()) for field in dataclasses.fields(owner)
    }
    assert set(read_flagfile(path)) <= known
    parsed(f"--flagfile={path}")


def test_manual_lists_every_flag_once_under_its_group() -> None:
    lines = manual().splitlines()
    owners = (Experiment, Plan, *CONFIGS.values())
    names = {field.name for owner in owners for field in options_of(owner)}
    shown = [line.strip() for line in lines if line.startswith("  --") and "=" not in line]
    assert sorted(shown) == sorted(f"--{name}" for name in names)
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert [one.split(" ")[0].rstrip(":") for one in headings] == [
        "Models",
        "Data",
        "Protocol",
        "Output",
        "Hyper-parameters",
    ]
    assert lines.index("  --split") > lines.index("Protocol:") > lines.index("  --dataset")


def test_manual_fits_eighty_columns() -> None:
    assert not [line for line in manual().splitlines() if len(line) > 80]


def test_manual_says_defaults_and_choices() -> None:
    text = " ".join(manual().split())
    assert "--split Who is tested on what" in text
    assert "One of per_user, global, leave_last, predefined, random. (per_user)" in text
    assert f"--factors Dimensions of the factors. (als: {CONFIGS['als']().factors};" in text
    assert "false for shops and music. (true)" in text
    assert "--data_dir Folder with the data set's own files" in text


@pytest.mark.parametrize("flag", ["--help", "-h", "--helpfull"])
def test_help_exits_with_zero(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("--model=nonsense", flag)
    assert caught.value.code == 0
    assert "--learning_rate" in capsys.readouterr().out


def test_help_needs_no_heavy_package() -> None:
    code = (
        "import sys, atexit\n"
        "heavy = ('tensorflow', 'pandas', 'scipy', 'pyarrow', 'rich', 'implicit')\n"
        "atexit.register(lambda: print('LOADED', [one for one in heavy if one in sys.modules]))\n"
        "from tfrs_bench.main import console\n"
        "console(['main', '--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("LOADED []\n")


def test_what_was_asked_can_be_typed_again_and_names_no_place() -> None:
    flags = (
        "--dataset=movielens/1m", "--data_dir=/home/me/ml-1m", "--candidates=/home/me/items.txt",
        "--baselines=", "--nomask_seen", "--ks=5,10", "--seeds=3", "--label=rebuilt", "--hidden=8,4",
        "--results_dir=/home/me",
    )  # fmt: skip
    asked = parsed(*flags).asked()
    assert asked == {
        "dataset": "ml-1m", "data_dir": "DIR", "candidates": "items.txt", "baselines": "",
        "mask_seen": "false", "ks": "5,10", "seeds": "3", "label": "rebuilt", "hidden": "8,4",
    }  # fmt: skip
    again = parsed(*(f"--{name}={text}" for name, text in asked.items()))
    assert again.asked() == asked and again.plan.baselines == ()


def test_nothing_asked_is_nothing() -> None:
    assert parsed("--seed=0", "--results_dir=elsewhere", "--rerun").asked() == {}


def test_a_setting_that_no_part_of_a_funnel_has_is_refused() -> None:
    assert "none such" in refused("--model=funnel", "--ranker=als", "--dropout=0.5")
    assert refused("--model=funnel", "--ranker=alls").startswith(
        "--ranker=alls is not known. Did you mean als?"
    )
