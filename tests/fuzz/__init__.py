"""Coverage-guided fuzzing: ``python -m tests.fuzz TARGET --runs N``; see docs/reliability.md."""
