"""The commands that only print information: summary, data, devices, help."""

from __future__ import annotations

import os
import re

import pytest
from support.commands import run

import minicnn as mc
from minicnn import cli
from minicnn.train.recipes import MODELS


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
        ("cifar", "got 'cifar', expected 'digits', 'mnist'"),
    ):
        assert cli.main(["data", "get", name]) == 2
        assert re.fullmatch(f"minicnn: .*{message}.*\n", capsys.readouterr().err)


def test_devices(capsys):
    assert cli.main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cpu        available"
    starts = [line.split("  ")[0] for line in lines]
    assert starts == ["cpu", "native", "cuda", "emulator"]


def test_version_help_and_the_module():
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"minicnn {mc.__version__}\n")
    result = run("train", "--help")
    assert result.returncode == 0
    assert "--weights" in result.stdout
    for name, build in cli.OPTIMIZERS.items():
        assert f"{name} {build.keywords['lr']}" in " ".join(result.stdout.split())
