"""``python -m tinynn train`` and ``predict``, as a user types them."""

import itertools
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tinynn as tn
from tinynn import checkpoint, recipes
from tinynn.__main__ import main
from tinynn.predict import pictures, read_input
from tinynn.random import get_state, set_state
from tinynn.recipes import images

CLASSES = {"digits-mlp": 10, "mnist-mlp": 10, "spirals-mlp": 3}  # the recipes that take seconds


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    before = get_state()
    monkeypatch.chdir(tmp_path)
    yield
    set_state(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short training of each quick recipe, by name."""
    folder, before = tmp_path_factory.mktemp("trained"), get_state()
    for name in CLASSES:
        assert main(["train", name, "--epochs", "2", "--quiet", "--out", str(folder / name)]) == 0
    set_state(before)
    return folder


def weights(path):
    return {k: v.tobytes() for k, v in checkpoint.read(path).parts["model"].items()}


# -- training ------------------------------------------------------------------------------------------


def test_digits_mlp_reaches_97_percent_and_predict_loads_it(capsys):
    assert main(["train", "digits-mlp"]) == 0
    said = capsys.readouterr()
    accuracy = float(re.search(r"test accuracy ([\d.]+)%", said.out)[1])
    assert accuracy >= 97 and "1480/1480" in said.err
    assert main(["predict"]) == 0
    assert f"{accuracy}%" in capsys.readouterr().out


@pytest.mark.slow
def test_five_seeds_in_a_new_process_reach_97_percent_in_ten_seconds_each():
    command = [sys.executable, "-m", "tinynn", "train", "digits-mlp", "--quiet"]
    subprocess.run(command, check=True, capture_output=True)  # compiles
    seconds = []
    for _ in range(3):  # others may load the machine for a while
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 10
    out = subprocess.run([*command, "--seeds", "5"], check=True, capture_output=True, text=True).stdout
    assert float(re.search(r"median test accuracy of 5 seeds: ([\d.]+)%", out)[1]) >= 97


@pytest.mark.parametrize("name", CLASSES)
def test_every_quick_recipe_learns_on_the_reference_backend_too(name, capsys):
    with tn.backend("numpy"):
        assert main(["train", name, "--epochs", "4", "--quiet"]) == 0
    chance = 100 / CLASSES[name]
    assert float(re.search(r"test accuracy ([\d.]+)%", capsys.readouterr().out)[1]) > 1.5 * chance


def test_seeds_give_a_median_and_the_first_is_saved(capsys):
    assert main(["train", "spirals-mlp", "--epochs", "1", "--seeds", "3", "--seed", "5", "--quiet"]) == 0
    out = capsys.readouterr().out
    accuracies = [float(a) for a in re.findall(r"seed \d: test accuracy ([\d.]+)%", out)]
    assert len(accuracies) == 3
    assert float(re.search(r"median .*: ([\d.]+)% \(", out)[1]) == sorted(accuracies)[1]
    assert recipes.saved_settings(Path("runs/spirals-mlp.safetensors"))["seed"] == 5


def test_a_seed_repeats_a_run_and_another_does_not():
    for out, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main(["train", "spirals-mlp", "--epochs", "1", "--quiet", "--seed", seed, "--out", out]) == 0
    assert weights("a") == weights("b") != weights("c")


def test_an_interrupted_run_resumes_to_the_same_network(monkeypatch, capsys):
    assert main(["train", "mnist-mlp", "--epochs", "4", "--quiet", "--out", "whole"]) == 0
    monkeypatch.setattr(recipes.recipe, "SAVE_EVERY", 0.0)
    really = recipes.Run.save

    def interrupt_in_the_third_epoch(run, out):
        really(run, out)
        if len(run.parts["history"].epoch_ends) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(recipes.Run, "save", interrupt_in_the_third_epoch)
    assert main(["train", "mnist-mlp", "--epochs", "4", "--quiet", "--out", "broken"]) == 130
    assert "--resume" in capsys.readouterr().out
    monkeypatch.setattr(recipes.Run, "save", really)
    assert main(["train", "mnist-mlp", "--resume", "--quiet", "--out", "broken"]) == 0
    assert weights("broken") == weights("whole")
    done = weights("broken")
    assert main(["train", "mnist-mlp", "--resume", "--out", "broken"]) == 0  # nothing is left to do
    assert weights("broken") == done


def test_ctrl_c_saves_the_step_it_came_in_and_not_an_older_run(monkeypatch, capsys):
    assert main(["train", "digits-mlp", "--epochs", "3", "--quiet", "--out", "whole"]) == 0
    assert main(["train", "digits-mlp", "--epochs", "1", "--seed", "9", "--quiet", "--out", "broken"]) == 0
    really, steps = recipes.recipe.train, itertools.count(1)

    def interrupted(*args, **options):
        for step in really(*args, **options):
            if next(steps) == 50:  # in the middle of the second epoch
                signal.raise_signal(signal.SIGINT)
            yield step

    monkeypatch.setattr(recipes.recipe, "train", interrupted)
    assert main(["train", "digits-mlp", "--epochs", "3", "--quiet", "--out", "broken"]) == 130
    assert "step 50; broken goes on with --resume" in capsys.readouterr().out
    assert main(["train", "digits-mlp", "--resume", "--quiet", "--out", "broken"]) == 0
    assert weights("broken") == weights("whole")


def test_predict_before_train_says_to_train(capsys):
    assert main(["predict"]) == 1
    assert "Try: python -m tinynn train digits-mlp" in capsys.readouterr().err


def test_the_test_part_is_a_quarter_and_looked_at_once(monkeypatch):
    seen = []
    really = images.evaluate
    monkeypatch.setattr(
        images, "evaluate", lambda model, data, loss: seen.append(data) or really(model, data, loss)
    )
    assert main(["train", "digits-mlp", "--epochs", "2", "--quiet"]) == 0
    split = recipes.RECIPES["digits-mlp"].split()
    assert len(seen) == 1 and np.array_equal(seen[0].x, split.test.x)
    assert len(split.test) / sum(map(len, split)) == pytest.approx(0.25, abs=0.001)
    assert not {x.tobytes() for x in split.test.x} & {x.tobytes() for x in split.train.x}


@pytest.mark.parametrize(
    "words, line",
    [
        ("--seeds 0", "train digits-mlp --seeds 0"),
        ("--epochs 0", "train digits-mlp --epochs 0"),
        ("batch_size", "train digits-mlp --batch-size 0"),
        ("lr", "train digits-mlp --lr -1"),
        ("runs", "train digits-mlp --resume --out runs/none"),
        ("with --resume", "train digits-mlp --resume --seeds 2"),
        ("none.safetensors", "predict none.safetensors"),
    ],
)
def test_wrong_calls_are_one_line_and_status_1(words, line, capsys):
    assert main(line.split()) == 1
    said = capsys.readouterr()
    assert words in said.err and len(said.err.strip().splitlines()) == 1
    assert not Path("runs").exists()


def test_resume_with_other_settings_is_refused(trained, capsys):
    file = str(trained / "digits-mlp")
    assert main(["train", "digits-mlp", "--resume", "--out", file, "--lr", "1"]) == 1
    assert "lr=1.0" in capsys.readouterr().err
    assert main(["train", "mnist-mlp", "--resume", "--out", file]) == 1
    assert "recipe=mnist-mlp" in capsys.readouterr().err


# -- predicting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSES)
def test_predict_shows_examples_of_what_was_held_out(trained, name, capsys):
    assert main(["predict", str(trained / name), "--examples", "3"]) == 0
    out = capsys.readouterr().out
    assert "right that were held out" in out and out.isascii()
    assert max(map(len, out.splitlines())) <= 80
    assert main(["predict", str(trained / name), "--examples", "0"]) == 0


def save_as(kind, array):
    path = Path(f"x.{kind}")
    if kind == "npy":
        np.save(path, array)
    elif kind == "csv":
        np.savetxt(path, array, delimiter=",")
    else:
        image = pytest.importorskip("PIL.Image")
        image.fromarray((array * 255).round().astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize("kind", ["npy", "csv", "png"])
@pytest.mark.parametrize("name", ["digits-mlp", "mnist-mlp"])
def test_an_image_from_a_file_is_taken_as_in_training(kind, name, trained, capsys):
    recipe = recipes.RECIPES[name]
    x = recipe.split().test.x[:1]
    path = save_as(kind, x[0, 0])
    np.testing.assert_allclose(read_input(path, recipe), x, atol=0.002)
    assert main(["predict", str(trained / name), "--input", str(path)]) == 0
    assert re.match(r"\d \(\d+%\)", capsys.readouterr().out)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x[:, 0],
        lambda x: x.reshape(3, 64),
        lambda x: (x * 16).round().astype(int),
        lambda x: x * 255,
    ],
)
def test_forms_and_scales_of_arrays(change):
    recipe = recipes.RECIPES["digits-mlp"]
    x = recipe.split().test.x[:3]
    np.testing.assert_allclose(read_input(save_as("npy", change(x)), recipe), x, atol=1e-6)


def test_points_are_taken_as_they_are(trained, capsys):
    path = save_as("csv", np.array([[0.5, -2.0], [0.1, 0.2]]))
    assert main(["predict", str(trained / "spirals-mlp"), "--input", str(path)]) == 0
    assert capsys.readouterr().out.startswith("(0.50, -2.00): ")


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("x.jpg", b"", "a file ending in .npy"),
        ("none.npy", None, "none.npy"),
        ("x.npy", b"not numbers", "a .npy file of numbers"),
        ("x.npy", np.zeros((3, 5)), "8 x 8"),
        ("x.npy", np.zeros((0, 8, 8)), "8 x 8"),
        ("x.npy", np.zeros((8, 16)), "8 x 8"),
        ("x.npy", np.full((8, 8), -1.0), "values from -1"),
        ("x.npy", np.full((8, 8), np.nan), "values from nan"),
        ("x.npy", np.full((8, 8), 1000), "values from 1000"),
        ("x.npy", np.full((8, 8), "a"), "numbers"),
        ("x.csv", b"a,b\nc,d\n", "a .csv file of numbers"),
        ("x.csv", b"\xff\xfe,1", "a .csv file of numbers"),
        ("x.png", b"no image", "a .png file of numbers"),
    ],
)
def test_wrong_input_files_are_one_line(trained, name, content, words, capsys):
    if isinstance(content, bytes):
        Path(name).write_bytes(content)
    elif content is not None:
        np.save(name, content)
    assert main(["predict", str(trained / "digits-mlp"), "--input", name]) == 1
    err = capsys.readouterr().err
    assert words in err and len(err.strip().splitlines()) == 1


def test_a_checkpoint_without_a_recipe_is_refused(capsys):
    checkpoint.save("own.safetensors", extra={"note": "mine"})
    assert main(["predict", "own.safetensors"]) == 1
    assert "without a recipe" in capsys.readouterr().err
    assert main(["predict", "own.safetensors", "--examples", "-1"]) == 1


def test_pictures_fit_a_terminal_and_show_what_is_bright():
    x = np.zeros((9, 1, 8, 8), np.float32)
    x[:, 0, 2, 3] = 1
    text = pictures(x, [str(i) for i in range(9)])
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("@@") == 9
    assert pictures(np.zeros((0, 1, 8, 8), np.float32), []) == ""
