"""Mutants that no unit test notices, and why that is right or what notices them instead."""

EXCUSES = {
}
