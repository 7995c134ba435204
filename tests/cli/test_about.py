"""The commands that only print information: summary, data, devices, help."""

from __future__ import annotations

import os
import re

import pytest
from support.commands import run

import minicnn as mc
from minicnn import cli
from minicnn.backend import is_available
from minicnn.cli import descriptions
from minicnn.models import MODELS


def test_summary_is_the_table(capsys):
    for name, build in MODELS.items():
        assert cli.main(["summary", name]) == 0
        model = build()
        assert capsys.readouterr().out == f"{mc.summary(model, model.input_shape)}\n"


def test_summary_prints_in_any_encoding():
    result = run("summary", "lenet5", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0, result.stderr
    assert "Total parameters: 44,426" in result.stdout


@pytest.mark.parametrize("arguments", [["data"], ["data", "list"]])
def test_data_list_says_where_each_is(capsys, arguments):
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(mc.data.NAMES)
    assert lines[0].endswith(str(mc.data.locate("digits")))
    assert "minicnn data get mnist" in lines[1]


def test_data_get(capsys):
    assert cli.main(["data", "get", "digits"]) == 0
    assert capsys.readouterr().out == f"digits is in {mc.data.locate('digits')}\n"
    for name, message in (
        ("mnist", "no mirror delivered"),
        ("cifar", r"no data set or folder 'cifar'; did you mean cifar10\?"),
    ):
        assert cli.main(["data", "get", name]) == 2
        assert re.fullmatch(f"minicnn: .*{message}.*\n", capsys.readouterr().err)


def test_devices(capsys):
    assert cli.main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["✓", "cpu", "NumPy"]
    assert [line.split()[1] for line in lines] == ["cpu", "native", "cuda", "emulator"]
    assert all(line[0] == "✓✗"[not is_available(line.split()[1])] for line in lines)
    result = run("devices", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.stdout.startswith("yes   cpu")


def test_help_is_grouped_and_names_everything(monkeypatch):
    for colour in (None, "1"):
        monkeypatch.setenv("COLUMNS", "100")
        if colour:
            monkeypatch.setenv("NO_COLOR", colour)
        text = run("train", "--help").stdout
        assert "\x1b" not in text  # not a terminal
        for word in (*cli.RECIPES, *mc.data.NAMES, "examples:", "files:", "training:", "course"):
            assert word in text, word
        assert "minicnn train lenet5 --recipe best --data mnist" in text


def test_every_model_and_data_set_has_a_line_in_the_help():
    assert list(descriptions.MODEL_LINES) == list(cli.RECIPES)
    assert [*descriptions.DATA_LINES][:-2] == list(mc.data.NAMES)
    recipes = {name for named in cli.RECIPES.values() for name in named}
    assert set(descriptions.RECIPE_LINES) == recipes


def test_the_shell_completes_commands_and_models(tmp_path):
    found = {}
    for typed in ("minicnn pre", "minicnn train lenet5_", "minicnn train lenet5 --hold"):
        out = tmp_path / "out"
        env = {
            **os.environ, "_ARGCOMPLETE": "1", "COMP_LINE": typed, "COMP_POINT": str(len(typed)),
            "_ARGCOMPLETE_STDOUT_FILENAME": str(out), "_ARGCOMPLETE_IFS": "\n",
        }  # fmt: skip
        run(env=env)
        found[typed.split()[-1]] = out.read_text().split()
    assert found["pre"] == ["predict"]
    assert found["lenet5_"] == ["lenet5_sigmoid", "lenet5_1998"]
    assert found["--hold"] == ["--hold-out"]


def test_version_help_and_the_module():
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"minicnn {mc.__version__}\n")
    result = run("train", "--help")
    assert result.returncode == 0
    assert "--weights" in result.stdout
    for name, build in cli.OPTIMIZERS.items():
        assert f"{name} {build.keywords['lr']}" in " ".join(result.stdout.split())
