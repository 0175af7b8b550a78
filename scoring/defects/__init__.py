"""What is wrong with a picture whatever it shows."""
