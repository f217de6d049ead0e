"""The bug hospital: patients that can be told apart, verdicts that come from the measured curves."""

from __future__ import annotations

import pytest

from tinynn.course import hospital as house
from tinynn.course.effects.store import RIGHT, effects_of
from tinynn.course.engine.exercise import find
from tinynn.course.engine.verdict import Drawn, Verdict
from tinynn.course.hospital import CANDIDATES, Patient, cases, diagnose, distinct, hospital, symptom
from tinynn.errors import ArgumentError

SEEDS = range(len(cases()))


def letter_of(patient: Patient, right: bool = True) -> str:
    """The letter of the illness, or of one that it is not."""
    places = [i for i, c in enumerate(patient.candidates) if (c == patient._illness) is right]
    return "abcd"[places[0]]


def test_there_are_cases_enough():
    assert len(cases()) >= 12
    assert len({illness.id.split(".")[0] for illness in cases()}) >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_every_patient_can_be_diagnosed(seed):
    patient = hospital(seed=seed)
    assert len(patient.candidates) == CANDIDATES == len(dict(patient.choices))
    assert len({says for _, says in patient.choices}) == CANDIDATES
    for a in patient.candidates:
        assert all(a == b or distinct(a, b) for b in patient.candidates)
    verdicts = [patient.answer(letter) for letter in "abcd"]
    assert [v.kind for v in verdicts].count("right") == 1
    right = patient.answer(letter_of(patient))
    assert right.kind == "right" and "%" in str(right) + "step"
    for verdict in verdicts:
        assert verdict.kind == "right" or "this patient" in verdict.blocks[0].text
        assert isinstance(verdict.blocks[-1], Drawn)


def test_nothing_that_is_shown_names_the_mistake():
    for seed in SEEDS:
        patient = hospital(seed=seed)
        shown = repr(patient) + patient._repr_html_() + (patient.picture().alt if seed < 3 else "")
        assert patient._illness.mistake not in shown.replace("`", " ") or "_" not in patient._illness.mistake
        assert patient._illness.words().get("look", "no words") not in shown


def test_a_wrong_choice_does_not_give_the_answer_away():
    for seed in SEEDS:
        patient = hospital(seed=seed)
        told = str(patient.answer(letter_of(patient, right=False)))
        assert patient._illness.says() not in told and patient._illness.words()["means"] not in told


def test_the_same_seed_is_the_same_patient_and_another_is_another():
    assert repr(hospital(seed=2)) == repr(hospital(seed=2))
    assert hospital(seed=2)._illness == hospital(seed=2 + len(cases()))._illness
    assert len({hospital(seed=seed)._illness for seed in SEEDS}) == len(cases())


def test_a_chapter_keeps_to_itself():
    for chapter in (3, "3", "03"):
        patient = hospital(chapter, seed=1)
        assert all(candidate.id.startswith("03.") for candidate in patient.candidates)
    with pytest.raises(ArgumentError, match="chapter=99"):
        hospital(99)


def test_in_an_untouched_notebook_nothing_is_raised(monkeypatch):
    monkeypatch.setattr(house, "_last", [])
    assert diagnose("b").kind == "open"
    patient = hospital(seed=0)
    assert diagnose(None).kind == diagnose(...).kind == patient.answer().kind == "open"
    for odd in ("z", "", 3, ["a"], "abcd"):
        assert diagnose(odd).kind == "look"
    assert str(diagnose(letter_of(patient))) == str(patient.answer(letter_of(patient)))
    assert diagnose(f" ({letter_of(patient).upper()})").kind == "right"


def test_the_table_holds_what_was_measured():
    patient = hospital(3, seed=0)
    named = effects_of(patient._illness.id)
    cells = [cell for row in patient.table().rows for cell in row[1:]]
    for runs in named.values():
        assert f"{runs[RIGHT].median:.0f}%" in cells
        sick = runs[patient._illness.mistake]
        assert (
            f"{sick.median:.0f}%" if sick.ends == "trained" else f"breaks off after step {sick.step}"
        ) in cells


def test_the_picture_has_words_and_a_column_for_each_optimiser():
    patient = next(p for p in (hospital(3, seed=s) for s in SEEDS) if len(effects_of(p._illness.id)) == 2)
    picture = patient.picture()
    assert len(picture.axes) == 4 and "Adam" in picture.alt and "healthy" in picture.alt
    assert all(len(ax.lines) >= 4 for ax in picture.axes)
    assert picture.png()[:4] == b"\x89PNG"


def test_a_symptom_serves_an_exercise_too():
    """Not only patients of the hospital: any measured mistake, as `NameTheBug` asks for."""
    assert "patient" in symptom("03.5", "sums").alt


def test_runs_that_look_alike_are_not_offered_together():
    twins = house.Illness("03.3", "minus_one_everywhere"), house.Illness("03.3", "minus_one_in_whole_columns")
    assert not distinct(*twins)
    for seed in SEEDS:
        offered = hospital(seed=seed).candidates
        assert not all(twin in offered for twin in twins)


def test_what_is_offered_can_be_seen_in_a_curve():
    for seed in SEEDS:
        for candidate in hospital(seed=seed).candidates:
            assert house._shows(candidate) and candidate.mistake in find(candidate.id).mistakes


def test_a_verdict_is_shown_in_text_and_on_the_page():
    verdict = hospital(3, seed=0).answer("a")
    assert isinstance(verdict, Verdict) and "<svg" in verdict._repr_html_() and len(str(verdict)) > 80
