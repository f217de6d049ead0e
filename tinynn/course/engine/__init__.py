"""Exercises whose checks name the mistake: how one is declared, run, compared, diagnosed and remembered.

call.py      what is asked of a student's function, and what came of it
exercise.py  a declaration: cases, reference, worked answer, named mistakes
texts.py     the words, kept as data beside the declarations

From outcomes to a verdict, each step below built on those above it:

compare.py     whether two answers are the same, and where they differ
evidence.py    an answer's outcomes beside the right ones, case by case and part by part
found.py       what a signature finds, and the two questions that most of them ask
dressed.py     signatures of shapes and kinds of object
factors.py     of multiples and differences, and what they are made of
valued.py      of numbers that are moved, cut, or made from other arguments
signatures.py  all of them in their order, and those of the answer as a whole
bank.py        named mistakes: alone, two at once, part by part
stopped.py     exceptions and limits
unknown.py     what is said when nothing is recognised
shown.py       failing inputs, expected and received values side by side
diagnose.py    the steps in their order, and the verdict
verdict.py     a verdict as text and as HTML
"""
