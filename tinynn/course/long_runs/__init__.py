"""Long runs of chapters that train, and what they brought: ``python -m tinynn long 07 --save``.

A chapter trains for seconds. What the same code reaches in minutes is measured by a file here, ``chNN.py``:

    def run() -> dict[str, Any]:
        ...            # a progress bar; numbers, words, lists and dicts come back

`--save` keeps it in ``NN.json`` beside it, with the command, the date and the machine, and a cell of the
chapter shows it by `kept("NN")`, which says where it comes from.
"""

from .kept import Kept, kept

__all__ = ["Kept", "kept"]
