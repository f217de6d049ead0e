"""The student's copies, the first cell, and JupyterLab as the command starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import nbformat
import pytest

from tinynn.__main__ import COMMANDS, main
from tinynn.course import commands, lab, places, work
from tinynn.errors import ArgumentError, FileError

NOON = datetime(2030, 5, 4, 12, 0)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    for name in ("00_start", "03_backward", "06a_split"):
        (chapters / f"{name}.ipynb").write_text(f"release 1 of {name}", "utf-8")
    return chapters, tmp_path / "work"


def outcomes(chapters: Path, copies: Path) -> dict[str, str]:
    return {laid.name[:2]: laid.outcome for laid in work.lay(chapters, copies)}


# The copies ------------------------------------------------------------------------------------------


def test_the_first_start_lays_every_chapter_and_the_second_none(folders):
    assert outcomes(*folders) == {"00": "new", "03": "new", "06": "new"}
    assert outcomes(*folders) == {"00": "kept", "03": "kept", "06": "kept"}
    assert (folders[1] / "03_backward.ipynb").read_text("utf-8") == "release 1 of 03_backward"


def test_a_newer_release_updates_what_is_untouched_and_leaves_answers(folders):
    chapters, copies = folders
    work.lay(chapters, copies)
    (copies / "03_backward.ipynb").write_text("my answer", "utf-8")
    for name in ("00_start", "03_backward"):
        (chapters / f"{name}.ipynb").write_text("release 2", "utf-8")
    assert outcomes(chapters, copies) == {"00": "updated", "03": "outdated", "06": "kept"}
    assert (copies / "03_backward.ipynb").read_text("utf-8") == "my answer"
    assert (copies / "00_start.ipynb").read_text("utf-8") == "release 2"
    assert outcomes(chapters, copies)["03"] == "outdated"  # said at every start, until the student resets


def test_running_a_copy_is_not_an_answer_and_writing_in_it_is(folders):
    chapters, copies = folders
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(notebook, chapters / "00_start.ipynb")
    work.lay(chapters, copies)
    for source, outcome in (("1 + 1", "updated"), ("1 + 2", "outdated")):
        copy = nbformat.read(copies / "00_start.ipynb", as_version=4)
        copy.cells[0].update(source=source, execution_count=3)
        copy.cells[0].outputs = [nbformat.v4.new_output("stream", text="2")]
        nbformat.write(copy, copies / "00_start.ipynb")
        notebook.cells.append(nbformat.v4.new_markdown_cell("a newer release"))
        nbformat.write(notebook, chapters / "00_start.ipynb")
        assert outcomes(chapters, copies)["00"] == outcome


def test_without_its_record_a_copy_that_differs_counts_as_the_students(folders):
    chapters, copies = folders
    work.lay(chapters, copies)
    (copies / work.RECORD).write_text("{ damaged", "utf-8")
    (chapters / "00_start.ipynb").write_text("release 2", "utf-8")
    assert outcomes(chapters, copies) == {"00": "outdated", "03": "kept", "06": "kept"}
    assert (copies / "00_start.ipynb").read_text("utf-8") == "release 1 of 00_start"


def test_reset_sets_the_old_copy_aside_under_a_dated_name(folders):
    chapters, copies = folders
    work.lay(chapters, copies)
    chapter = work.find_chapter(chapters, "3")
    for answer, name in (
        ("one", "03_backward.2030-05-04-1200.ipynb"),
        ("two", "03_backward.2030-05-04-1200-2.ipynb"),
    ):
        (copies / chapter.name).write_text(answer, "utf-8")
        aside = work.reset(chapter, copies, NOON)
        assert (aside.name, aside.read_text("utf-8")) == (name, answer)
        assert (copies / chapter.name).read_text("utf-8") == "release 1 of 03_backward"
    assert outcomes(chapters, copies)["03"] == "kept"


def test_reset_lays_a_copy_that_was_not_there(folders):
    chapters, copies = folders
    assert work.reset(chapters / "00_start.ipynb", copies) is None
    assert (copies / "00_start.ipynb").is_file()


@pytest.mark.parametrize("wanted", ["3", "03", "03_backward", "03_backward.ipynb", "work/03_backward.ipynb"])
def test_a_chapter_is_found_by_number_and_by_name(folders, wanted):
    assert work.find_chapter(folders[0], wanted).name == "03_backward.ipynb"


def test_a_chapter_with_a_letter_is_found(folders):
    assert (
        work.find_chapter(folders[0], "6a").stem == work.find_chapter(folders[0], "06a").stem == "06a_split"
    )


def test_an_unknown_chapter_names_the_known_and_the_hint_works(folders):
    with pytest.raises(ArgumentError, match="one of 00, 03, 06a") as caught:
        work.find_chapter(folders[0], "17")
    assert work.find_chapter(folders[0], caught.value.hint).is_file()


def test_copies_that_cannot_be_written_are_refused_with_a_way_out(folders, tmp_path):
    chapters, _ = folders
    blocker = tmp_path / "file"
    blocker.write_text("", "utf-8")
    with pytest.raises(FileError, match="--work FOLDER"):
        work.lay(chapters, blocker / "work")
    assert work.lay(chapters, tmp_path / "elsewhere")


# The first cell --------------------------------------------------------------------------------------


def test_the_first_cell_passes_where_tinynn_is_installed():
    exec(compile(work.FIRST_CELL, "first cell", "exec"), {})


def test_the_first_cell_in_a_wrong_kernel_names_the_python_and_the_choice(tmp_path):
    # -I -S: no current folder, no site-packages, so no tinynn.
    command = [sys.executable, "-I", "-S", "-c", work.FIRST_CELL]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert sys.executable in done.stderr and "Change Kernel" in done.stderr and "Select Kernel" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_a_cell_that_begins_with_it_has_it():
    assert work.begins_with_first_cell(work.FIRST_CELL + "\nimport numpy as np")
    assert work.begins_with_first_cell(work.FIRST_CELL.rstrip("\n"))  # notebooks drop the last line break
    assert not work.begins_with_first_cell("import numpy as np\n" + work.FIRST_CELL)
    assert not work.begins_with_first_cell("import tinynn")


@pytest.mark.parametrize(
    "chapter", work.chapters_in(work.project_folder() / "chapters"), ids=lambda path: path.stem
)
def test_every_chapter_begins_with_it(chapter):
    notebook = nbformat.read(chapter, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert work.begins_with_first_cell(first.source)


# Commands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert f"python -m tinynn {name}" in capsys.readouterr().out


def test_an_unknown_command_lists_the_known(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["labb"])
    assert stopped.value.code == 2
    assert "lab" in capsys.readouterr().err


def test_a_refusal_is_one_sentence_and_status_1(capsys, tmp_path):
    assert main(["reset", "99", "--work", str(tmp_path)]) == 1
    problem = capsys.readouterr().err
    assert problem.startswith("chapter: got '99'") and "Traceback" not in problem


def test_version_prints_the_version(capsys):
    import tinynn

    assert main(["version"]) == 0
    assert capsys.readouterr().out == tinynn.__version__ + "\n"


def test_a_command_imports_only_what_it_needs():
    code = (
        "import sys; from tinynn.__main__ import main; main(['version']);"
        "heavy = {'numba', 'scipy', 'matplotlib', 'ipywidgets', 'jupyterlab'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"imported: {done.stderr}"


# Folders ---------------------------------------------------------------------------------------------


def test_a_writable_home_moves_nothing(tmp_path):
    environment = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    assert places.prepare_environment(environment) == []
    assert not list(tmp_path.iterdir())


def test_a_read_only_home_moves_every_tool_and_leaves_what_the_user_set(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "MOVED", [])
    monkeypatch.setattr(places, "private_folder", lambda: tmp_path / "private")
    (tmp_path / "file").write_text("", "utf-8")  # nothing can be made below a file, not even by root
    home = str(tmp_path / "file" / "home")
    environment = {"HOME": home, "USERPROFILE": home, "IPYTHONDIR": "mine"}
    assert set(places.prepare_environment(environment)) >= {
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "MPLCONFIGDIR",
    }
    assert environment["IPYTHONDIR"] == "mine"
    assert Path(environment["MPLCONFIGDIR"]).is_relative_to(tmp_path / "private")
    assert "MPLCONFIGDIR" in places.MOVED and "IPYTHONDIR" not in places.MOVED


def test_the_private_folder_can_be_written():
    assert places.writable(places.private_folder())


def test_the_course_goes_in_front_of_the_users_configuration(tmp_path):
    environment = {"JUPYTER_CONFIG_PATH": "theirs", "PATH": "programs"}
    lab.prepare_jupyter(tmp_path, environment)
    assert environment["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "programs"]
    assert environment["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(lab.SETTINGS), "theirs"]
    assert environment["JUPYTER_PREFER_ENV_PATH"] == "1"


@pytest.mark.parametrize("user, flag", [(0, True), (1000, False)])
def test_root_is_allowed_and_nobody_else_is_asked(monkeypatch, tmp_path, user, flag):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    assert ("--allow-root" in lab.arguments(tmp_path, "/lab", None, True)) is flag


# A running server ------------------------------------------------------------------------------------


def test_the_lab_answers_from_a_path_with_spaces_on_a_read_only_home(start_lab, tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    home = str(tmp_path / "file" / "home")
    names = ("JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    server = start_lab(HOME=home, USERPROFILE=home, **dict.fromkeys(names, ""))
    kernels = server.get("/api/kernelspecs")
    assert kernels["default"] == "python3"
    notification = server.get("/lab/api/settings/@jupyterlab/apputils-extension:notification")["schema"][
        "properties"
    ]
    assert notification["fetchNews"]["default"] == "false"
    assert notification["checkForUpdates"]["default"] is False
    chapters = [path.name for path in work.chapters_in(work.project_folder() / "chapters")]
    assert sorted(item["name"] for item in server.get("/api/contents")["content"]) == chapters
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.mark.browser
def test_no_news_prompt_comes_up(start_lab, chromium):
    from playwright.sync_api import sync_playwright

    server = start_lab()
    foreign: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("request", lambda request: note_foreign(request.url, server.url, foreign))
        page.goto(f"{server.url}/lab?token={server.token}")
        page.wait_for_function("() => window.jupyterapp && window.jupyterapp.started")
        page.evaluate("() => window.jupyterapp.restored")
        page.wait_for_selector("#jp-main-dock-panel")
        page.wait_for_timeout(4000)  # unset, the prompt came up after one to two seconds
        toasts = page.locator(".jp-Notification-List, .Toastify__toast").all_inner_texts()
        assert not any("news" in text.lower() for text in toasts)
        assert page.locator(".jp-Dialog").count() == 0
        browser.close()
    assert foreign == []


def note_foreign(url: str, ours: str, foreign: list[str]) -> None:
    if not url.startswith((ours, ours.replace("http", "ws", 1), "data:", "blob:")):
        foreign.append(url)


def test_the_reference_names_every_part_of_the_package():
    parts = "tensor functional nn optim data metrics train checkpoint models ops.softmax course.check"
    assert {f"tinynn.{part}" for part in parts.split()} <= set(commands.documented())
