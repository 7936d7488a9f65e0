"""One line of comma-separated values."""

QUOTE = '"'


def split_line(line: str, separator: str = ",") -> list[str]:
    """The fields of a line; a quoted field may hold the separator, and two quotes for one."""
    fields = []
    field = ""
    quoted = False
    position = 0
    while position < len(line):
        sign = line[position]
        if sign == QUOTE and quoted and line[position + 1 : position + 2] == QUOTE:
            field += QUOTE
            position += 1
        elif sign == QUOTE:
            quoted = not quoted
        elif sign == separator or not quoted:
            fields.append(field)
            field = ""
        else:
            field += sign
        position += 1
    fields.append(field)
    return fields
