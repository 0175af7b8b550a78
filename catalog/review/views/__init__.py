"""What the review page shows, as plain values."""
