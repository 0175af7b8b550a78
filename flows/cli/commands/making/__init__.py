"""Commands that make pictures, or say what would be made."""
