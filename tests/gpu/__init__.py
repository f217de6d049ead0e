"""The GPU part: what kernels take, whether they are right on a GPU, and how fast. ``make gpu`` runs it.

It runs on a bare machine: NumPy, CuPy, numba-cuda, and PyTorch to compare with. Nothing here imports
`tinynn.course`, pytest or Jupyter, and nothing is installed.

    report.py     python -m tests.gpu.report: registers, shared memory, spills of every kernel; needs no GPU
    real.py       calls at the sizes of real work, for the report and for the comparison
    __main__.py   python -m tests.gpu: the run; this process holds no CUDA context, which could break
    plan.py       what is run, in which order, and for how long at most
    pool.py       worker processes: one that crashes or hangs costs the item it was at, and no other
    worker.py     what a worker does: check, compare, train, time
    doctor.py     the first step: what is there, and in one line what is wrong
    compare.py    ops against the reference; trainings against the CPU's
    timing.py     events, turns, medians, ceilings
    contests.py   each kernel with PyTorch's and CuPy's function beside it, its bytes and operations, the aims
    steps.py      whole training steps for both libraries
    results.py    the file that is written after each item, and the table beside it

Order and time. The machine is asked first. Then every op is compared with the reference, several worker
processes side by side, for right and wrong do not depend on who else is at work. Then the trainings, then the
timings that the aims are about, alone on the GPU, then compute-sanitizer, then the other timings. A worker
keeps what it has compiled: the process that compared an op times it later. Each item has a limit, the run has
a budget, and what it did not reach is written as not reached, never left out.
"""
