"""Run a chapter from top to bottom and save it with its outputs: python tests/save_chapter.py FILE...

Outputs of one run, counted from 1; no timings, no widget ids (they mean nothing to the next kernel: the image
beside them stays), no kernel version; pictures in 256 colours, a third of the bytes. A cell that fails leaves
the file as it was.
"""

from __future__ import annotations

import base64
import io
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def save(path: Path) -> float:
    """Execute and rewrite the notebook at `path`; return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    client = NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
        record_timing=False, store_widget_state=False, coalesce_streams=True,
    )  # fmt: skip
    client.execute()
    seconds = time.perf_counter() - began
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [clean(output) for output in cell.outputs]
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return seconds


def clean(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if "data" in output:
        output.data.pop(WIDGET, None)
        if "image/png" in output.data:
            output.data["image/png"] = smaller(output.data["image/png"])
    return output


def smaller(png: str) -> str:
    """The same picture, transparency included, with a palette; the live one keeps all its colours."""
    image, data = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    image.quantize(256, method=Image.Quantize.FASTOCTREE).save(data, "PNG", optimize=True)
    return base64.b64encode(data.getvalue()).decode("ascii")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {save(Path(name)):.1f} s")
