"""Exercises of chapter 02: loss and descent."""
