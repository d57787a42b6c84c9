"""All that is fuzzed, by name."""

from tests.fuzz import asking, filtering, japanese, keeping, reading

TARGETS = {
    target.name: target
    for module in (japanese, filtering, reading, asking, keeping)
    for target in module.TARGETS
}
