"""Checks of single values: text, numbers, cron lines, time zones."""
