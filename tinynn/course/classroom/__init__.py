"""For instructors: solved copies, and a folder of submissions graded. For students: a newer release.

cells.py      where a notebook's answers are: the cells that call ``check("03.1", ...)``
slices.py     the statements of a notebook that an answer needs, and no others
isolation.py  walls around a process that runs other people's code
child.py      that process
grade.py      ``python -m tinynn grade``       report.py  what it writes
solutions.py  ``python -m tinynn solutions``   update.py  ``python -m tinynn update``
"""
