"""Exercises of chapter 04: a tape."""
