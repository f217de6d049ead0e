"""The doctor's findings, each made to happen, and its exit status."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tinynn.course import doctor

PROJECT = Path(__file__).resolve().parent.parent


def lines_of(output: str) -> dict[str, str]:
    """status by what was looked at."""
    return {what: status for status, what in re.findall(r"^(ok|warn|fail) +([^:\n]+):", output, re.M)}


def test_all_is_well_here(capfd):
    status = doctor.run()
    output = capfd.readouterr().out
    assert status == 0, output
    looked_at = lines_of(output)
    assert {"Python", "environment", "numpy", "import tinynn", "threads", "GPU", "caches"} <= looked_at.keys()
    assert {"your copies", "kernel python3", "widgets"} <= looked_at.keys()
    assert "fail" not in looked_at.values()


@pytest.mark.skipif(doctor.INTEL_MAC, reason="no SciPy on Intel Macs")
def test_both_blas_libraries_show_core_and_threads():
    found = doctor.probe()
    shown = {line.what: line.found for line in doctor.compute_lines(found)}
    for owner in ("BLAS of NumPy", "BLAS of SciPy"):
        assert re.search(r"core \w+, 1 thread", shown[owner])


def test_one_failure_makes_the_exit_status_1(monkeypatch, capsys):
    lines = [doctor.Line("ok", "this", "fine"), doctor.Line("warn", "that", "slow", "wait")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(lines))
    assert doctor.run() == 0
    lines.append(doctor.Line("fail", "other", "gone", "install it"))
    assert doctor.run() == 1
    assert "do: install it" in capsys.readouterr().out


def test_it_speaks_as_a_file_where_nothing_is_installed(tmp_path):
    # -S: no site-packages, so neither NumPy nor tinynn.
    command = [sys.executable, "-S", str(PROJECT / "tinynn" / "course" / "doctor.py")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    looked_at = lines_of(done.stdout)
    assert (
        looked_at["numpy"] == "fail" and looked_at["numba"] in ("ok", "warn") and looked_at["Python"] == "ok"
    )


@pytest.mark.parametrize(
    "version, status", [("0.9", "fail"), ("2.1.9", "fail"), ("2.2", "ok"), ("2.10.0", "ok"), ("3.0rc1", "ok")]
)
def test_versions_are_compared_as_numbers(monkeypatch, version, status):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    assert doctor.package_line("numpy", "2.2", "fail").status == status


def test_a_missing_package_tells_the_remedy():
    line = doctor.package_line("no-such-package-anywhere", "1", "fail")
    assert (line.status, line.remedy) == ("fail", doctor.INSTALL)


def test_an_intel_mac_without_numba_is_told_and_is_well(monkeypatch):
    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", nothing)
    assert doctor.package_line("numba", "0.65", "warn").status == "warn"
    monkeypatch.setattr(doctor, "INTEL_MAC", True)
    line = doctor.package_line("numba", "0.65", "warn")
    assert line.status == "ok" and "Intel Mac" in line.found and "NumPy" in line.found


def test_another_python_than_the_installed_one_is_a_warning_with_its_path(tmp_path):
    (tmp_path / ".venv").mkdir()
    line = doctor.environment_line("/somewhere/else", tmp_path)
    assert line.status == "warn" and str(tmp_path / ".venv") in line.remedy
    assert doctor.environment_line(str(tmp_path / ".venv"), tmp_path).status == "ok"


def test_a_kernel_of_another_python_fails(monkeypatch, tmp_path):
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = ["/another/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "x", "language": "python"}), "utf-8"
    )
    assert doctor.kernel_line().status == "ok"
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    line = doctor.kernel_line()
    assert line.status == "fail" and "/another/python" in line.found and "--sys-prefix" in line.remedy


SCIPY = {"library": "scipy", "name": "openblas", "version": "0.3.30", "core": "Haswell", "threads": 1}


@pytest.mark.parametrize(
    "library, avx512, coretype, status",
    [
        (SCIPY, True, None, "warn"),
        (SCIPY, True, "Haswell", "ok"),
        (SCIPY, False, None, "ok"),
        (SCIPY | {"core": "SkylakeX"}, True, None, "ok"),
        (SCIPY | {"library": "numpy", "threads": 2}, True, None, "ok"),
        (SCIPY | {"library": "both"}, True, None, "warn"),
        (SCIPY | {"name": "mkl", "core": None}, True, None, "ok"),
    ],
)
def test_a_blas_that_misses_avx512_is_seen(monkeypatch, library, avx512, coretype, status):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    if coretype:
        monkeypatch.setenv("OPENBLAS_CORETYPE", coretype)
    assert doctor.blas_line(library, avx512).status == status


def test_a_probe_that_dies_is_a_finding():
    assert [line.status for line in doctor.compute_lines({"problem": "exit status -11"})] == ["fail"]


def test_copies_that_cannot_be_written_fail(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("TINYNN_WORK", os.fspath(tmp_path / "file" / "work"))
    found = {line.what: line for line in doctor.folder_lines()}
    assert found["your copies"].status == "fail" and "--work" in found["your copies"].remedy


def test_its_tables_agree_with_pyproject():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    oldest = dict(re.match(r"([\w-]+)>=([\d.]+)", requirement).groups() for requirement in asked)
    assert oldest == doctor.CORE | doctor.FAST | doctor.LAB
