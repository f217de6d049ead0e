"""Exercises of chapter 05: training that works."""
