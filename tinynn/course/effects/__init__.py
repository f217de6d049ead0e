"""What a mistake does to a network that trains.

``python -m tinynn.course.effects --save`` trains each exercise's network with each of its named mistakes and
keeps what it measures in ``exercises/effects.json``. `lesson` makes words and curves of it for a verdict.
"""

from .lessons import lesson, told

__all__ = ["lesson", "told"]
