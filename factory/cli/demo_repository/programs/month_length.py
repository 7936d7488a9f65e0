"""The calendar: leap years and the lengths of months."""


def is_leap(year: int) -> bool:
    """Whether a year of the Gregorian calendar has a 29th of February."""
    return year % 4 == 0 and year % 100 != 0 and year % 400 == 0


def month_length(year: int, month: int) -> int:
    """The number of days of a month, January being 1."""
    if month == 2:
        return 29 if is_leap(year) else 28
    return 30 if month in (4, 6, 9) else 31
