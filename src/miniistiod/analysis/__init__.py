"""What is odd in how the objects of a configuration fit together."""

from miniistiod.analysis.analysers import ANALYSERS, analysis

__all__ = ["ANALYSERS", "analysis"]
