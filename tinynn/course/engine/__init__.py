"""Exercises whose checks name the mistake: how one is declared, run, compared, diagnosed and remembered.

call.py      what is asked of a student's function, and what came of it
exercise.py  a declaration: cases, reference, worked answer, named mistakes
texts.py     the words, kept as data beside the declarations
"""
