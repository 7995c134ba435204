"""minicnn show: what it writes, opens, and refuses."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any

import pytest

import minicnn as mc
from minicnn import cli


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to open."""
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: asked.append(url) or True)
    return asked


@pytest.mark.parametrize("arguments", [[], ["lenet5"], ["lenet5-digits"], ["scaled_alexnet"]])
def test_a_page_is_written_and_opened(
    capsys: Any, monkeypatch: Any, tmp_path: Path, opened: list[str], arguments: list[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main(["show", *arguments]) == 0
    (page,) = tmp_path.glob("*.html")
    assert opened == [page.as_uri()]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{(arguments or ['lenet5'])[0].split('-')[0]} written to {page} (")
    text = page.read_text(encoding="utf-8")
    assert ("random weights, not trained" in text) == (arguments == ["scaled_alexnet"])


def test_with_a_path_nothing_is_opened(capsys: Any, tmp_path: Path, opened: list[str]) -> None:
    assert cli.main(["show", "-o", "page.html"]) == 0
    assert capsys.readouterr().out.startswith("lenet5 written to page.html (")
    assert (tmp_path / "page.html").stat().st_size > 200_000
    assert opened == []


@pytest.mark.parametrize("stem", ["a b", "größe ☃", "q'\"o", "new\nline", "x" * 243])
def test_files_of_any_name(monkeypatch: Any, tmp_path: Path, opened: list[str], stem: str) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mc.models.save(f"{stem}.safetensors", *mc.models.load("lenet5-digits"))
    assert cli.main(["show", f"{stem}.safetensors"]) == 0
    (page,) = tmp_path.glob("*.html")
    assert opened == [page.as_uri()]


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    card = mc.models.ModelCard("lenet5", {}, tuple("0123456789"), (1, 28, 28), data="a\udcffb")
    mc.models.save(tmp_path / "w.st", mc.models.lenet5(), card)
    assert cli.main(["show", "w.st", "-o", "page.html"]) == 0
    assert r"trained on a\udcffb" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_no_browser(capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    assert cli.main(["show"]) == 0
    assert "open this file in a browser; none was found here" in capsys.readouterr().out


def test_own_weights_show_the_images_they_were_trained_on(tmp_path: Path) -> None:
    options = ["--data", "digits", "--epochs", "1", "--weights", "own.safetensors"]
    assert cli.main(["train", "lenet5", *options]) == 0
    assert cli.main(["show", "own.safetensors", "-o", "page.html"]) == 0
    assert "trained on digits" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet6"], "there is no file lenet6, and no network of that name; expected a file of"),
        (["lenet5_1998"], "LeNet1998: the page shows a Sequential of layers, whose order is known"),
        (["alexnet"], "AlexNet: has 60,965,224 parameters, the page shows networks of at most"),
        (["nothing.safetensors"], "nothing.safetensors: there is no such file"),
        (
            ["lenet5", "-o", "nowhere/page.html"],
            "--output: nowhere/page.html: there is no folder nowhere",
        ),
        (["lenet5", "--data", "minst"], "no data set or folder 'minst'; did you mean mnist?"),
        (["lenet5", "--data", "cifar10"], "no mirror delivered"),
        (["lenet5", "--data", "digits"], "dataset: has images of shape (1, 8, 8), the network was"),
    ],
)
def test_what_cannot_be_shown(
    capsys: Any, monkeypatch: Any, tmp_path: Path, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main(["show", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.glob("*.html"))


def test_names_are_shown_as_text(tmp_path: Path) -> None:
    """A class called </script> ends nothing: it stands in the page as a string of JSON."""
    classes = ("</script><script>alert(1)</script>", *map(str, range(9)))
    card = mc.models.ModelCard("lenet5", {}, classes, (1, 28, 28), data="<img src=x>")
    mc.models.save(tmp_path / "w.st", mc.models.lenet5(), card)
    assert cli.main(["show", "w.st", "-o", "page.html"]) == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in text
    assert "<img" not in text
