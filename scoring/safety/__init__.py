"""The safety checker, and concepts that a spec forbids."""
