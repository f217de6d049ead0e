"""The declarations of the exercises, a file a chapter; their words in ``en/``, a file a chapter."""
